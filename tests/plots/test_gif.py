"""Arms as a GIF: one frame a step, the arm and the target where they are."""

import numpy as np
import pytest
from PIL import Image

from rlbook.envs.arm.reach import ReachVectorEnv
from rlbook.envs.arm.recording import record_episodes
from rlbook.plots import save_gif


@pytest.fixture(scope="module")
def motion():
    """Three arms that hang down and are pushed, none of which arrives."""
    env = ReachVectorEnv(3)
    start = {"q": np.tile([-np.pi / 2, 0.0], (3, 1)), "target": np.array([[0.0, 0.8]] * 3)}
    return record_episodes(env, lambda obs: np.zeros((3, 2), dtype=np.float32), options=start)


def colour_at(picture, x, z, reach, size=320):
    pixels = picture.convert("RGB")
    return pixels.getpixel((round(size / 2 + x * size / (2 * reach)), round(size / 2 - z * size / (2 * reach))))


def test_every_step_is_a_frame_of_the_time_it_took(motion, tmp_path):
    path = save_gif(tmp_path / "arms.gif", motion, arms=(0, 2))
    with Image.open(path) as gif:
        durations = []
        for number in range(gif.n_frames):  # equal frames that follow each other are stored as one, and last longer
            gif.seek(number)
            durations.append(gif.info["duration"])
        assert gif.info["loop"] == 0 and gif.size == (320, 320)
    steps = sum(motion.lengths[[0, 2]] + 1) + 2 * 8
    assert sum(durations) == pytest.approx(1000 * motion.dt * steps)


def test_arm_and_target_stand_where_they_are(motion, tmp_path):
    path = save_gif(tmp_path / "arm.gif", motion, arms=[0])
    reach = 1.1 * max(np.abs(motion.points[:, [0]]).max(), 0.8)
    with Image.open(path) as gif:
        green, link = colour_at(gif, 0.0, 0.8, reach), colour_at(gif, 0.0, -0.25, reach)
        empty = colour_at(gif, 0.5, 0.5, reach)
    assert green[1] > max(green[0], green[2]) and link[2] > max(link[0], link[1])
    assert min(empty) > 240


def test_arms_that_are_not_there_are_left_out_and_none_is_refused(motion, tmp_path):
    assert save_gif(tmp_path / "one.gif", motion, arms=(2, 7)).is_file()
    with pytest.raises(ValueError, match="the recording has the arms 0 to 2"):
        save_gif(tmp_path / "none.gif", motion, arms=(7,))
