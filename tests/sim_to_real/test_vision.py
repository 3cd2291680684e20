"""The heatmap's equations, a finder that learns, and pictures of the real camera."""

import numpy as np
import pytest
import torch

from rlbook.sim_to_real import looks
from rlbook.sim_to_real.camera import Camera, LookRandomizer, draw_scenes, pixel_of
from rlbook.sim_to_real.real_camera import RealCamera, stored_pictures, true_camera, world
from rlbook.sim_to_real.vision import (
    CELLS,
    STRIDE,
    TargetFinder,
    TargetNetwork,
    heat_loss,
    heat_pixel,
    make_pictures,
    network_input,
)

PLAIN = LookRandomizer(colours=False, textures=False, lights=False, distractors=False, camera=False)


def spot(row, column, height=50.0):
    logits = torch.zeros(1, CELLS, CELLS)
    logits[0, row, column] = height
    return logits


def test_the_spatial_softmax_by_hand():
    """Cell c covers two pixels, 2 c and 2 c + 1. Between two equal spots two cells apart lies their middle; of spots
    farther apart the hotter one counts alone, and one at the edge is read there."""
    np.testing.assert_allclose(heat_pixel(spot(3, 10)), [[20.5, 6.5]], atol=1e-4)
    np.testing.assert_allclose(heat_pixel(spot(3, 10) + spot(5, 10)), [[20.5, 8.5]], atol=1e-4)
    np.testing.assert_allclose(heat_pixel(spot(3, 10) + spot(3, 13, height=49.9)), [[20.5, 6.5]], atol=1e-4)
    np.testing.assert_allclose(heat_pixel(spot(20, 10) + spot(3, 10, height=49.9)), [[20.5, 40.5]], atol=1e-4)
    np.testing.assert_allclose(heat_pixel(spot(0, CELLS - 1)), [[62.5, 0.5]], atol=1e-4)


def test_the_heat_loss_by_hand():
    """Uniform heat costs log of the number of cells; the wanted Gaussian costs its entropy, and nothing costs less."""
    pixel = torch.tensor([[30.5, 22.5]])
    assert heat_loss(torch.zeros(1, CELLS, CELLS), pixel).item() == pytest.approx(np.log(CELLS**2), rel=1e-5)
    cell, (x, y) = torch.arange(CELLS), (15, 11)
    gaussian = -0.5 * ((cell[None, :] - x) ** 2 + (cell[:, None] - y) ** 2).float()[None]
    best = heat_loss(gaussian, pixel).item()
    assert best == pytest.approx(np.log(2 * np.pi * np.e), abs=0.01)
    for other in (gaussian.roll(1, 1), gaussian.roll(1, 2), 1.3 * gaussian, gaussian / 1.3):
        assert heat_loss(other, pixel).item() > best + 0.01


def test_heat_and_pixel_agree():
    """Descending the loss brings the mean of the heat to the wanted pixel, between cells too."""
    pixel, logits = torch.tensor([[40.2, 17.9]]), torch.zeros(1, CELLS, CELLS, requires_grad=True)
    optimizer = torch.optim.Adam([logits], 0.5)
    for _ in range(200):
        optimizer.zero_grad()
        heat_loss(logits, pixel).backward()
        optimizer.step()
    np.testing.assert_allclose(heat_pixel(logits).detach(), pixel, atol=0.1)


def test_the_network_has_five_convolutions_and_one_number_a_cell():
    network = TargetNetwork(4)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in network) == 5
    assert network(torch.zeros(2, 3, CELLS * STRIDE, CELLS * STRIDE)).shape == (2, CELLS, CELLS)


def test_colours_are_whitened():
    """Mean 0 and covariance 1, alike for a faint and a stark picture of the same colours."""
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)) @ [[2, 1, 0], [0, 2, 1], [0, 0, 2]]
    faint, stark = (network_input((128 + contrast * noise).clip(0, 255).astype(np.uint8)) for contrast in (30, 42))
    for values in (faint, stark):
        assert values.shape == (1, 3, 64, 64)
        np.testing.assert_allclose(values.mean(dim=(2, 3)), 0, atol=1e-5)
        np.testing.assert_allclose(np.cov(values.flatten(2)[0]), np.eye(3), atol=0.1)
    np.testing.assert_allclose(faint, stark, atol=0.1)


def test_a_chessboard_shrinks_and_a_rare_colour_stands_out():
    """Black and white are (-1, -1, -1) and (1, 1, 1), C has the eigenvalue 3 along them: their length becomes 1."""
    pictures = np.zeros((2, 64, 64, 3), dtype=np.uint8)
    pictures[0, ::2] = 255
    plain = network_input(pictures)
    np.testing.assert_allclose(plain[0].norm(dim=0), 1, atol=1e-3)
    np.testing.assert_array_equal(plain[1], 0)  # one colour alone: nothing to see, and no division by zero
    pictures[0, :3, 0] = [255, 0, 0]
    length = network_input(pictures)[0].norm(dim=0)
    assert length[:3, 0].min() > 10 * length[3:].max()


def test_scenes_have_targets_anywhere_in_reach():
    q, target = draw_scenes(5000, np.random.default_rng(0))
    radius = np.linalg.norm(target, axis=1)
    assert q.shape == (5000, 2) and radius.max() <= 1
    assert (radius**2).mean() == pytest.approx(0.5, abs=0.02)  # uniform over the disc


def test_a_finder_learns_repeats_and_is_saved(tmp_path):
    def learned(seed):
        finder = TargetFinder(seed=seed, channels=8, n_pictures=300, epochs=4, batch_size=20, learning_rate=1e-2)
        return finder, finder.learn(PLAIN)["loss"]

    (finder, loss), (_, again), (_, other) = learned(1), learned(1), learned(2)
    assert len(loss) == 60 and loss[-5:].mean() < loss[:3].mean() - 2
    np.testing.assert_array_equal(loss, again)
    assert (loss != other).any()
    pictures, pixels = make_pictures(50, PLAIN, np.random.default_rng(9))
    found = finder.find_pixels(pictures)
    assert np.median(np.linalg.norm(found - pixels, axis=1)) < 4
    finder.save(tmp_path / "finder.safetensors")
    loaded = TargetFinder.load(tmp_path / "finder.safetensors")
    np.testing.assert_array_equal(loaded.find_pixels(pictures), found)
    assert finder.heatmaps(pictures).sum(axis=(1, 2)) == pytest.approx(np.ones(50), rel=1e-5)
    np.testing.assert_allclose(pixel_of(finder.find(pictures, true_camera("night")), true_camera("night")), found)
    np.testing.assert_allclose(pixel_of(finder.find(pictures), Camera()), found)


@pytest.mark.parametrize(
    ("fields", "said"), [({"channels": 0}, "channels is 0"), ({"learning_rate": 0}, "learning_rate is 0")]
)
def test_bad_settings_are_refused(fields, said):
    with pytest.raises(ValueError, match=f"{said}; accepted"):
        TargetFinder(**fields)


# ---------------------------------------------------------------------------------------------------- the real camera


def test_there_are_looks_enough_and_those_for_settings_are_others():
    assert len(looks.TEST) >= 5 and not set(looks.TEST) & set(looks.DEVELOPMENT)
    with pytest.raises(ValueError, match="'moon'; accepted are workbench"):
        world("moon")


def test_the_real_camera_shows_the_target_where_its_geometry_says():
    _, target = draw_scenes(12, np.random.default_rng(0))
    try:
        camera = RealCamera("night")
    except RuntimeError as error:
        pytest.skip(str(error))
    with camera:
        far = camera.take(np.zeros((1, 2)), np.array([[9.0, 9.0]])).astype(int)
        pictures = camera.take(np.zeros((12, 2)), target).astype(int)
        np.testing.assert_array_equal(camera.take(np.zeros((12, 2)), target), pictures)
    orange = ((pictures - far)[..., 0] - (pictures - far)[..., 2]).clip(20) - 20  # the target is lit from one side
    rows, columns = np.mgrid[:64, :64]
    for heat, pixel in zip(orange, pixel_of(target, true_camera("night")), strict=True):
        mean = np.array([(heat * columns).sum(), (heat * rows).sum()]) / heat.sum()
        assert np.linalg.norm(mean - pixel) < 2.5


def test_some_real_pictures_are_stored():
    stored = stored_pictures()
    assert set(stored) == set(looks.TEST)
    for pictures, target in stored.values():
        assert pictures.shape == (len(target), 64, 64, 3) and target.shape == (len(target), 2)
