"""The grid: its rules by hand, its model and its steps, Gymnasium's contract, and every wrong argument."""

import copy
import pickle
import tracemalloc

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

import rlbook.envs  # noqa: F401  registers the environments
from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import TabularMDP, bellman_backup

UP, RIGHT, DOWN, LEFT = range(4)


def walk(world, *actions):
    """(cells visited, rewards, terminated, truncated) of a walk from the start."""
    world.reset(seed=0)
    steps = [world.step(action) for action in actions]
    cells = [world.to_cell(state) for state, *_ in steps]
    return cells, [step[1] for step in steps], steps[-1][2], steps[-1][3]


worlds = st.builds(
    lambda rows, columns, slip, bump, cell: GridWorld(
        (rows, columns), slip=slip, obstacle_reward=bump, cell_rewards={(cell % rows, cell % columns): 0.5}
    ),
    rows=st.integers(1, 5),
    columns=st.integers(2, 5),
    slip=st.sampled_from([0.0, 0.2, 1.0]),
    bump=st.floats(-10, 1),
    cell=st.integers(0, 30),
)


class TestRules:
    def test_the_chapters_grid_is_the_default(self):
        world = GridWorld()
        assert (world.shape, world.start, world.goal, world.obstacles) == ((4, 4), (0, 0), (0, 3), ((1, 1),))
        assert (world.step_reward, world.goal_reward, world.obstacle_reward) == (-0.1, 10.0, -5.0)
        assert (world.slip, world.max_steps) == (0.0, 100)

    def test_the_shortest_way(self):
        cells, rewards, terminated, truncated = walk(GridWorld(), RIGHT, RIGHT, RIGHT)
        assert cells == [(0, 1), (0, 2), (0, 3)]
        assert rewards == [-0.1, -0.1, 10.0]
        assert terminated and not truncated

    def test_walls_and_the_obstacle_stop_the_robot(self):
        cells, rewards, *_ = walk(GridWorld(), UP, LEFT, RIGHT, DOWN, LEFT, DOWN, RIGHT, DOWN)
        assert cells == [(0, 0), (0, 0), (0, 1), (0, 1), (0, 0), (1, 0), (1, 0), (2, 0)]
        assert rewards == [-0.1, -0.1, -0.1, -5.0, -0.1, -0.1, -5.0, -0.1]

    def test_a_time_limit_truncates_and_does_not_terminate(self):
        *_, terminated, truncated = walk(GridWorld(max_steps=3), UP, UP, UP)
        assert truncated and not terminated
        *_, terminated, truncated = walk(GridWorld(max_steps=3), RIGHT, RIGHT, RIGHT)
        assert terminated and not truncated  # arriving with the last step is arriving

    def test_out_of_time_the_world_goes_on(self):
        world = GridWorld(max_steps=1)
        world.reset(seed=0)
        assert world.step(2)[3]
        state, reward, terminated, truncated, _ = world.step(2)
        assert (state, reward, terminated, truncated) == (8, -0.1, False, True)

    def test_the_goal_pays_once(self):
        world = GridWorld()
        walk(world, RIGHT, RIGHT, RIGHT)
        with pytest.raises(gym.error.ResetNeeded):
            world.step(RIGHT)
        with pytest.raises(gym.error.ResetNeeded):
            GridWorld().step(RIGHT)

    def test_a_cells_reward_replaces_that_of_arriving(self):
        world = GridWorld(cell_rewards={(0, 1): 2.0, (0, 3): 7.0})
        assert walk(world, RIGHT, RIGHT, RIGHT)[1] == [2.0, -0.1, 7.0]

    def test_slip_goes_to_the_sides(self):
        world = GridWorld(5, start=(2, 2), goal=(0, 4), obstacles=(), slip=0.4)
        model = world.P[world.to_state((2, 2))][RIGHT]
        chances = {world.to_cell(state): p for p, state, _, _ in model}
        assert chances == pytest.approx({(2, 3): 0.6, (1, 2): 0.2, (3, 2): 0.2})

    def test_slip_happens_as_often_as_it_says(self):
        world, n = GridWorld(5, start=(2, 2), goal=(0, 4), obstacles=(), slip=0.4), 3000
        world.reset(seed=1)
        counts = {}
        for _ in range(n):
            cell = world.to_cell(world.step(RIGHT)[0])
            counts[cell] = counts.get(cell, 0) + 1
            world.reset()
        for cell, p in {(2, 3): 0.6, (1, 2): 0.2, (3, 2): 0.2}.items():
            assert abs(counts[cell] / n - p) < 5 * np.sqrt(p * (1 - p) / n)


class TestModel:
    @given(world=worlds, state=st.integers(0, 10**6), action=st.integers(0, 3), seed=st.integers(0, 10**6))
    @settings(max_examples=80, deadline=None)
    def test_every_step_is_one_of_the_models(self, world, state, action, seed):
        world.reset(seed=seed)
        state = state % world.observation_space.n
        if world.to_cell(state) == world.goal:
            return
        world.state = state
        next_state, reward, terminated, *_ = world.step(action)
        assert (next_state, reward, terminated) in [outcome[1:] for outcome in world.P[state][action] if outcome[0] > 0]

    @given(world=worlds)
    @settings(max_examples=40, deadline=None)
    def test_both_readings_of_the_model_agree(self, world):
        fast, listed = world.mdp(), TabularMDP.from_gym(world)
        V = np.random.default_rng(0).normal(size=fast.n_states)
        np.testing.assert_allclose(bellman_backup(V, fast), bellman_backup(V, listed))
        assert fast.shape == listed.shape == world.shape
        np.testing.assert_allclose(fast.probabilities.sum(axis=2), 1)

    def test_the_model_ends_at_the_goal_only(self):
        world = GridWorld()
        ends = {s for s in world.P for a in world.P[s] for _, s2, _, end in world.P[s][a] if end and s2 != s}
        assert ends == {world.to_state((0, 2)), world.to_state((1, 3))}

    def test_determinism_per_seed(self):
        def trace(seed):
            world = GridWorld(slip=0.5, max_steps=1000)
            states = [world.reset(seed=seed)[0]]
            world.action_space.seed(seed)
            for _ in range(60):
                state, _, terminated, *_ = world.step(world.action_space.sample())
                states.append(state if not terminated else world.reset()[0])
            return states

        assert trace(3) == trace(3) != trace(4)


class TestGymnasium:
    @pytest.mark.parametrize("arguments", [{}, {"slip": 0.3, "size": (2, 5)}, {"render_mode": "rgb_array"}])
    @pytest.mark.filterwarnings("error::UserWarning")
    def test_check_env(self, arguments):
        check_env(gym.make("rlbook/GridWorld-v0", **arguments).unwrapped, skip_render_check="render_mode" in arguments)

    def test_make_passes_the_arguments_on(self):
        env = gym.make("rlbook/GridWorld-v0", size=(2, 3), slip=0.1)
        assert isinstance(env.unwrapped, GridWorld) and env.unwrapped.shape == (2, 3) and env.unwrapped.slip == 0.1

    def test_make_vec(self):
        for mode in ("vector_entry_point", "sync"):
            envs = gym.make_vec("rlbook/GridWorld-v0", num_envs=3, vectorization_mode=mode, size=5)
            states, _ = envs.reset(seed=0)
            assert states.tolist() == [0, 0, 0]
            states, rewards, *_ = envs.step(np.array([RIGHT, DOWN, UP]))
            assert states.tolist() == [1, 5, 0] and rewards.tolist() == pytest.approx([-0.1] * 3)
            envs.close()

    def test_text_picture(self):
        world = GridWorld(render_mode="ansi")
        assert world.render() == "S..G\n.X..\n....\n...."
        walk(world, DOWN)
        assert world.render() == "S..G\nRX..\n....\n...."

    def test_image(self):
        world = GridWorld((2, 3), obstacles=(), render_mode="rgb_array")
        world.reset(seed=0)
        before = world.render()
        world.step(RIGHT)
        after = world.render()
        assert before.shape == (64, 96, 3) and before.dtype == np.uint8
        changed = (before != after).any(axis=(0, 2))
        assert changed[:32].any() and changed[32:64].any() and not changed[64:].any()  # only the robot moved
        assert not (before != after)[32:].any()
        assert GridWorld().render() is None


class TestFromText:
    def test_reads_a_map(self):
        world = GridWorld.from_text(["S..G", ".X..", "..X."], slip=0.2)
        assert (world.shape, world.start, world.goal, world.slip) == ((3, 4), (0, 0), (0, 3), 0.2)
        assert world.obstacles == ((1, 1), (2, 2))

    def test_one_string_and_the_round_trip(self):
        text = "..G\nX.X\n.S."
        assert GridWorld.from_text(text, render_mode="ansi").render() == GridWorld.from_text(text).to_text() == text

    def test_rewards_of_single_cells(self):
        text = "..G\nX.X\n.S.\n0,0=-5 2,2=0.1"
        world = GridWorld.from_text(text)
        assert dict(world.cell_rewards) == {(0, 0): -5.0, (2, 2): 0.1} and world.to_text() == text
        other = GridWorld.from_text(text, cell_rewards={(0, 0): 1.0})  # an argument has the last word
        assert dict(other.cell_rewards) == {(0, 0): 1.0, (2, 2): 0.1}

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (["S..", "..."], r"0 cells G \(goal\); accepted is one"),
            (["..G", "..."], r"0 cells S \(start\)"),
            (["SSG"], "2 cells S"),
            (["S.G", ".."], r"lengths \[3, 2\]; accepted are equal lengths"),
            (["S?G"], r"'\?' at row 0, column 1; accepted are S, G, X and \."),
            ([], "the map has rows"),
            (["S.G", "0;1=2"], "'0;1=2'; a reward is written as 2,1=-5"),
            (["S.G", "0,1=nan"], "accepted are finite numbers"),
        ],
    )
    def test_a_wrong_map(self, rows, message):
        with pytest.raises(ValueError, match=message):
            GridWorld.from_text(rows)


class TestArguments:
    def test_replace(self):
        world = GridWorld(5, slip=0.1)
        other = world.replace(slip=0.3, goal=(4, 4))
        assert (other.slip, other.goal, other.shape) == (0.3, (4, 4), (5, 5))
        assert (world.slip, world.goal) == (0.1, (0, 4))

    @pytest.mark.parametrize(
        "change",
        [
            *({"slip": 0.3}, {"size": 5}, {"shape": (5, 5)}, {"start": (2, 2)}, {"goal": (3, 3)}, {"obstacles": ()}),
            *({"step_reward": 0.0}, {"goal_reward": 1.0}, {"obstacle_reward": 0.0}, {"cell_rewards": {}}),
            *({"max_steps": 5}, {"render_mode": "ansi"}, {"P": {}}, {"initial_state_distrib": np.ones(16) / 16}),
        ],
    )
    def test_a_world_is_fixed_when_it_is_made(self, change):
        world = GridWorld()
        (name, value), *_ = change.items()
        with pytest.raises(AttributeError, match=f"{name} is fixed when the world is made"):
            setattr(world, name, value)

    def test_what_it_holds_is_fixed_too(self):
        bonus = {(0, 1): 2.0}
        world = GridWorld(cell_rewards=bonus)
        for table, key, value in (
            (world.cell_rewards, (0, 1), 9.0),
            (world.P, 0, {}),
            (world.P[0], 0, []),
            (world.P[0][0], 0, (1.0, 3, 0.0, True)),
        ):
            with pytest.raises(TypeError, match="item assignment"):
                table[key] = value
        with pytest.raises(ValueError, match="read-only"):
            world.initial_state_distrib[5] = 1.0
        bonus[(0, 1)] = 7.0  # the reader's dictionary is not the world's
        assert world.cell_rewards[(0, 1)] == world.replace(slip=0.0).cell_rewards[(0, 1)] == 2.0

    @pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda world: pickle.loads(pickle.dumps(world))])
    def test_copies_are_worlds_of_their_own(self, duplicate):
        world = GridWorld(slip=0.3, cell_rewards={(0, 1): 2.0})
        world.reset(seed=0)
        twin = duplicate(world)
        assert (twin.slip, dict(twin.cell_rewards), twin.P) == (0.3, {(0, 1): 2.0}, world.P)
        twin.state = 5
        assert world.state == 0
        with pytest.raises(AttributeError, match="slip is fixed"):
            twin.slip = 0.0

    def test_defaults_stay_defaults_when_replaced(self):
        assert GridWorld(4).replace(size=6).goal == (0, 5)
        assert GridWorld(4, goal=(0, 3)).replace(size=6).goal == (0, 3)

    def test_memory_grows_with_the_cells(self):
        """Never with their square: 40,000 cells made a table of 13 GB once."""
        tracemalloc.start()
        world = GridWorld(200, slip=0.2)
        world.mdp()
        held = world.initial_state_distrib
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held.sum() == 1 and peak < 1000 * world.observation_space.n

    def test_cells_and_states(self):
        world = GridWorld((3, 5))
        assert [world.to_state(world.to_cell(s)) for s in range(15)] == list(range(15))
        assert world.to_state((2, 1)) == 11
        with pytest.raises(ValueError, match="outside the grid of 3 rows and 5 columns"):
            world.to_state((3, 0))
        for state in (15, -1, 2.5, "S"):
            with pytest.raises(ValueError, match="accepted are 0 to 14"):
                world.to_cell(state)

    def test_a_single_column(self):
        assert GridWorld((5, 1)).goal == (4, 0)
        assert GridWorld((1, 5)).goal == (0, 4)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"size": 0}, "size is 0"),
            ({"size": 1}, "at least two cells"),
            ({"size": 2.5}, "size is 2.5"),
            ({"size": (2, 3, 4)}, r"size is \(2, 3, 4\)"),
            ({"size": "big"}, "size is 'big'"),
            ({"start": (4, 0)}, r"start is \(4, 0\), outside the grid"),
            ({"start": (0, -1)}, r"start is \(0, -1\), outside the grid"),
            ({"start": (0.5, 1)}, r"start is \(0.5, 1\); accepted is a cell"),
            ({"goal": 3}, "goal is 3; accepted is a cell"),
            ({"goal": (0, 0)}, "start and goal are both"),
            ({"obstacles": [(0, 0)]}, r"an obstacle stands on the start \(0, 0\)"),
            ({"obstacles": [(0, 3)]}, r"an obstacle stands on the goal \(0, 3\)"),
            ({"obstacles": [(9, 9)]}, r"an obstacle is \(9, 9\), outside"),
            ({"slip": -0.1}, "slip is -0.1; accepted are numbers from 0 to 1"),
            ({"slip": 1.5}, "slip is 1.5"),
            ({"slip": np.nan}, "slip is nan"),
            ({"max_steps": 0}, "max_steps is 0"),
            ({"max_steps": 2.5}, "max_steps is 2.5"),
            ({"step_reward": np.nan}, "nan.*accepted are finite numbers"),
            ({"cell_rewards": {(0, 1): np.inf}}, "inf.*accepted are finite numbers"),
            ({"step_reward": "low"}, "step_reward is 'low'"),
            ({"slip": "icy"}, "slip is 'icy'"),
            ({"max_steps": None}, "max_steps is None"),
            ({"cell_rewards": [1.0]}, r"cell_rewards is \[1.0\]; accepted is a dictionary"),
            ({"cell_rewards": {(0, 1): "much"}}, r"the reward of \(0, 1\) is 'much'"),
            ({"cell_rewards": {(7, 1): 1.0}}, r"a cell reward is \(7, 1\), outside"),
            ({"render_mode": "human"}, "render_mode is 'human'"),
        ],
    )
    def test_wrong_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            GridWorld(**arguments)

    @pytest.mark.parametrize("action", [4, -1, 1.5, "up"])
    def test_a_wrong_action(self, action):
        world = GridWorld()
        world.reset(seed=0)
        with pytest.raises(ValueError, match="accepted are 0 up, 1 right, 2 down, 3 left"):
            world.step(action)
