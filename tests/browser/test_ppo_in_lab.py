"""PPOPanel in JupyterLab: the target is dragged and the arm follows; it trains, pauses, and answers while it does."""

import numpy as np

ARM = "document.querySelector('.rlbook-touch img').src"
POLICY = """
import numpy as np
from rlbook.ppo import PPO
from rlbook.widgets import PPOPanel
agent = PPO.for_many_arms(10, 2)
panel = PPOPanel(agent, learn=False)
"""
# Gravity alone moves an untrained arm. This one is pushed towards its target, as one that has learned is.
FOLLOWS = """
def towards(state, training=True):
    cos, sin, qd, way = state[:, :2], state[:, 2:4], 10 * state[:, 4:6], state[:, 8:]
    c = cos[:, 0] * cos[:, 1] - sin[:, 0] * sin[:, 1]
    s = sin[:, 0] * cos[:, 1] + cos[:, 0] * sin[:, 1]
    outer = np.stack([-s, c], 1) / 2
    inner = outer + np.stack([-sin[:, 0], cos[:, 0]], 1) / 2
    pull = np.stack([(inner * way).sum(1), (outer * way).sum(1)], 1)
    weight = np.stack([0.75 * cos[:, 0] + 0.25 * c, 0.25 * c], 1) / 2
    return np.tanh(8 * pull - 0.4 * qd + weight)

agent.select_action = towards
panel
"""


def box(page):
    picture = page.locator(".rlbook-touch img")
    picture.wait_for()
    return picture.bounding_box()


def test_dragging_the_target_and_the_arm_follows(open_notebook):
    notebook = open_notebook([POLICY + FOLLOWS, "print('at', panel.target_x, panel.target_z, *panel.arm_tip.round(2))"])
    notebook.run_all()
    page, first = notebook.page, notebook.page.evaluate(ARM)
    notebook.button("Play").click()
    at = box(page)
    place = {"x": at["x"] + 0.35 * at["width"], "y": at["y"] + 0.3 * at["height"]}
    page.mouse.move(at["x"] + 0.7 * at["width"], at["y"] + 0.3 * at["height"])
    page.mouse.down()
    page.mouse.move(place["x"], place["y"], steps=8)
    page.mouse.up()
    page.wait_for_function(f"before => {ARM} !== before", arg=first)
    # The kernel is asked, not the words below the picture: they may still be about where the target was.
    for _ in range(100):
        x, z, tip_x, tip_z = map(float, notebook.output_of(1).split()[1:])
        if x < 0 and np.hypot(tip_x - x, tip_z - z) < 0.3:
            break
    assert x < 0 < z  # where the pointer let go
    assert np.hypot(tip_x - x, tip_z - z) < 0.3
    close = "/[^0-9][12]?[0-9] cm from its target/.test(document.querySelector('.rlbook-status').textContent)"
    page.wait_for_function(f"() => {close}")


def test_it_trains_pauses_and_answers_while_a_slider_moves(open_notebook):
    notebook = open_notebook(
        ["from rlbook.widgets import PPOPanel\npanel = PPOPanel(n_arms=64)\npanel", "print('gamma:', panel.gamma)"]
    )
    notebook.run_all()
    page = notebook.page
    notebook.button("Play").click()
    page.wait_for_selector("text=/now of 64 arms/")
    notebook.slider("Discount gamma").focus()
    page.keyboard.press("ArrowLeft")
    # The kernel answers while the panel goes on learning.
    assert notebook.output_of(1) == "gamma: 0.94"
    notebook.button("Pause").click()
    page.wait_for_function(
        """async () => {
            const status = () => document.querySelector('.rlbook-status').textContent;
            const before = status();
            await new Promise(done => setTimeout(done, 700));
            return status() === before;
        }""",
        timeout=60_000,
    )
