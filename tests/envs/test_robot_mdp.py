"""The base class of robot tasks, by hand."""

import numpy as np
import pytest

from rlbook.envs.robot_mdp import RobotMDP


class Cart(RobotMDP):
    """A point on a line: the smallest robot task there is."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.x = self.np_random.uniform(-1, 1, size=2).astype(np.float32)
        return self.x, {}

    def step(self, action):
        before = self.x
        self.x = (before + self.dt * self.denormalize_action(action)).astype(np.float32)
        return self.x, self.compute_reward(before, action, self.x), False, False, {}

    def compute_reward(self, state, action, next_state):
        return -float(np.abs(next_state).sum())


class TestRobotMDP:
    def test_bounds_and_normalisation(self):
        cart = Cart(2, 2, state_low=[-2.0, -np.inf], state_high=[4.0, np.inf], action_low=-3, action_high=[3, 5])
        np.testing.assert_allclose(cart.normalize_state([1.0, 7.0]), [0, 7])  # without bounds: as it is, not NaN
        np.testing.assert_allclose(cart.normalize_state([[-2.0, 0.0], [4.0, 0.0]]), [[-1, 0], [1, 0]])
        np.testing.assert_allclose(cart.denormalize_action([-1, 0]), [-3, 1])
        actions = np.array([[0.5, -0.25], [-1.0, 1.0]])
        np.testing.assert_allclose(cart.normalize_action(cart.denormalize_action(actions)), actions)
        assert cart.observation_space.shape == (2,) and cart.action_space.shape == (2,)

    def test_it_is_a_seeded_gymnasium_environment(self):
        cart = Cart(2, 2)
        first, _ = cart.reset(seed=4)
        again, _ = cart.reset(seed=4)
        np.testing.assert_array_equal(first, again)
        observation, reward, terminated, truncated, info = cart.step(np.zeros(2))
        assert cart.observation_space.contains(observation)
        assert isinstance(reward, float) and not terminated and not truncated and info == {}

    def test_it_is_abstract(self):
        with pytest.raises(TypeError, match="abstract"):
            RobotMDP(2, 2)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"state_dim": 0}, "state_dim is 0"),
            ({"action_dim": 0}, "action_dim is 0"),
            ({"gamma": 1.5}, "gamma is 1.5"),
            ({"dt": 0.0}, "dt is 0.0; accepted"),
            ({"dt": "fast"}, "dt is 'fast'"),
            ({"state_low": 1.0, "state_high": 0.0}, "state component 0 has bounds 1.0 to 0.0"),
            ({"action_high": np.inf}, "action bounds are infinite"),
        ],
    )
    def test_bad_input(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Cart(**{"state_dim": 2, "action_dim": 2, **arguments})
