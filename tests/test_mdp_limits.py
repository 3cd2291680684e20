"""The solvers at their limits: tolerances at high gamma, ties, and many states."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import (
    TabularMDP,
    error_bound,
    evaluate_policy,
    policy_iterates,
    policy_iteration,
    policy_value_iterates,
    value_iterates,
    value_iteration,
)


class TestTolerance:
    """What value iteration promises, it keeps, or says that rounding forbids it."""

    def test_the_bound_by_hand(self):
        # The geometric series 1 + 1/2 + 1/4 + ...: the last term added is as large as all that follow.
        assert error_bound(change=0.25, rounding=0.0, gamma=0.5) == 0.25
        assert error_bound(change=1.0, rounding=0.1, gamma=0.9) == pytest.approx(10)
        assert error_bound(change=0.3, rounding=0.1, gamma=1.0) == 0.3

    @pytest.mark.parametrize("gamma", [0.5, 0.99, 0.9999])
    def test_the_bound_is_met_by_a_geometric_series(self, gamma):
        mdp, exact = TabularMDP([[[1.0]]], [[3.0]], gamma), 3 / (1 - gamma)
        for V, V_next in itertools.pairwise(itertools.islice(value_iterates(mdp), 50)):
            change = float((V_next - V)[0])
            assert exact - V_next[0] == pytest.approx(error_bound(change, 0.0, gamma))

    @pytest.mark.parametrize("gamma", [0.9, 0.9999, 0.99999])
    def test_it_is_kept_at_high_gamma(self, gamma):
        for world in (GridWorld(6, slip=0.2), GridWorld(5, slip=0.3, goal_reward=1000.0)):
            mdp = world.mdp(gamma)
            for tol in (1e-2, 1e-6):
                solution = value_iteration(mdp, tol=tol)
                assert np.abs(solution.V - policy_iteration(mdp).V).max() <= tol

    def test_many_sweeps_are_no_obstacle(self):
        mdp, gamma = TabularMDP([[[1.0]]], [[1e-3]], 0.9999), Fraction(0.9999)
        solution = value_iteration(mdp, tol=1e-4)
        assert solution.n_iterations > 100_000
        assert abs(solution.V[0] - float(Fraction(1e-3) / (1 - gamma))) <= 1e-4

    @pytest.mark.parametrize("gamma", [0.9999, 0.99999])
    def test_a_tolerance_finer_than_rounding_is_refused(self, gamma):
        # One state, left with probability 0.02 a step: V = r / (1 - 0.98 gamma), about 5e9.
        ends = np.array([[[False, True]], [[True, True]]])
        table = np.array([[[0, 1]], [[1, 1]]]), np.array([[[0.98, 0.02]], [[1.0, 0.0]]])
        mdp = TabularMDP.from_successors(*table, [[[1e8, 1e8]], [[0.0, 0.0]]], ends, gamma)
        exact = float(Fraction(1e8) / (1 - Fraction(0.98) * Fraction(gamma)))
        with pytest.raises(
            ValueError, match=r"tol is 1e-06, but at gamma = 0.9999\d* rounding can hide errors of"
        ) as told:
            value_iteration(mdp, tol=1e-6, max_sweeps=20_000)
        accepted = 1.01 * float(str(told.value).split("errors of ")[1].split(" ")[0])
        assert abs(value_iteration(mdp, tol=accepted).V[0] - exact) <= accepted

    def test_without_discounting_the_last_change_counts(self):
        mdp = GridWorld(5, slip=0.3).mdp(1.0)
        exact = policy_iteration(mdp).V
        assert np.abs(value_iteration(mdp, tol=1e-9).V - exact).max() < 1e-7


class TestTies:
    def test_the_same_action_three_times_is_one_policy(self):
        """Three orders of summing round in three ways: an improvement by rounding alone would go round for ever."""
        for seed in range(30):
            rng = np.random.default_rng(seed)
            successors = np.array([rng.permutation(6)[:3] for _ in range(6)])[:, None]
            P, R = rng.dirichlet(np.ones(3), size=(6, 1)), rng.normal(size=(6, 1, 3))
            orders = [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
            tables = [np.concatenate([table[..., order] for order in orders], axis=1) for table in (successors, P, R)]
            mdp = TabularMDP.from_successors(*tables, np.zeros((6, 3, 3), bool), 0.95)
            assert len(list(itertools.islice(policy_iterates(mdp), 9))) == 1

    def test_a_tied_action_is_kept_while_others_improve(self):
        # Every action ends the episode. In state 0 they differ by rounding, in state 1 the second one is better.
        one = np.ones((2, 2, 1))
        rewards = np.array([[[1.0], [1.0 + 1e-12]], [[0.0], [1.0]]])
        mdp = TabularMDP.from_successors(one.astype(int), one, rewards, one > 0, 0.9)
        assert [policy.tolist() for policy, _ in policy_iterates(mdp)] == [[0, 0], [0, 1]]


class TestManyStates:
    """Beyond LARGEST_SYSTEM states policies are evaluated by sweeps: the same values, without a table of S x S."""

    @pytest.mark.parametrize("gamma", [0.0, 0.9, 0.999, 1.0])
    def test_sweeps_find_the_values_of_the_linear_system(self, gamma, monkeypatch):
        mdp = GridWorld(4, slip=0.2).mdp(gamma)
        policy = np.full((16, 4), 0.25)
        exact = evaluate_policy(policy, mdp)
        monkeypatch.setattr("rlbook.mdp.LARGEST_SYSTEM", 15)
        np.testing.assert_allclose(evaluate_policy(policy, mdp), exact, rtol=1e-10, atol=1e-10)

    def test_policy_iteration_needs_no_square(self, monkeypatch):
        mdp = GridWorld(6, slip=0.2).mdp(0.95)
        exact = policy_iteration(mdp)
        monkeypatch.setattr("rlbook.mdp.LARGEST_SYSTEM", 10)
        monkeypatch.setattr("numpy.linalg.solve", None)
        by_sweeps = policy_iteration(mdp)
        np.testing.assert_allclose(by_sweeps.V, exact.V, atol=1e-10)
        assert by_sweeps.policy.tolist() == exact.policy.tolist()

    def test_the_sweeps_by_hand(self):
        # 0 -> 1 -> 2 (terminal): going on earns 1 and then 2; the other action stays and earns nothing.
        P = np.zeros((3, 2, 3))
        P[[0, 1], 0, [1, 2]] = P[[0, 1], 1, [0, 1]] = P[2, :, 2] = 1
        mdp = TabularMDP(P, [[1, 0], [2, 0], [0, 0]], 0.5, terminal=[2])
        V = list(itertools.islice(policy_value_iterates(np.full((3, 2), 0.5), mdp), 3))
        # V_1 = (1/2, 1, 0), half of what going on pays; V_2(0) = (1 + V_1(1)/2 + V_1(0)/2) / 2 and so on.
        np.testing.assert_allclose(V, [[0, 0, 0], [0.5, 1, 0], [0.875, 1.25, 0]])
