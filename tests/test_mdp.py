"""The model, the Bellman equations and the solvers, against hand arithmetic, closed forms and linear programming."""

import itertools

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linprog

from rlbook.envs.grid_world import GridWorld
from rlbook.mdp import (
    TabularMDP,
    bellman_backup,
    evaluate_policy,
    optimal_actions,
    policy_iterates,
    policy_iteration,
    value_iterates,
    value_iteration,
)

SOLVERS = (value_iteration, policy_iteration)
TAXI = next(name for name in ("Taxi-v4", "Taxi-v3") if name in gym.registry)


def chain(gamma=0.5):
    """0 -> 1 -> 2 (terminal): going on earns 1 and then 2; the other action stays and earns nothing."""
    P = np.zeros((3, 2, 3))
    P[[0, 1], 0, [1, 2]] = 1
    P[[0, 1], 1, [0, 1]] = 1
    P[2, :, 2] = 1
    return TabularMDP(P, [[1, 0], [2, 0], [0, 0]], gamma, terminal=[2])


def random_arrays(seed, n_states, n_actions):
    """A random P (S, A, S) with about half of its entries zero, and R (S, A, S)."""
    rng = np.random.default_rng(seed)
    weights = rng.random((n_states, n_actions, n_states)) * (rng.random((n_states, n_actions, n_states)) < 0.5)
    weights[..., 0] += 1e-3  # no empty row
    return weights / weights.sum(axis=2, keepdims=True), rng.normal(size=weights.shape)


sizes = {"seed": st.integers(0, 10**6), "n_states": st.integers(1, 7), "n_actions": st.integers(1, 4)}
models = st.builds(
    lambda seed, n_states, n_actions, gamma, ends: TabularMDP(
        *random_arrays(seed, n_states, n_actions), gamma, terminal=[0] if ends else []
    ),
    **sizes,
    gamma=st.floats(0, 0.97),
    ends=st.booleans(),
)


def linear_programming_optimum(mdp):
    """The least V with V(s) >= r(s, a) + gamma sum p(s'|s, a) V(s') everywhere, which is the optimal V."""
    n_states, n_actions = mdp.n_states, mdp.n_actions
    A = np.zeros((n_states, n_actions, n_states))
    for s, a in itertools.product(range(n_states), range(n_actions)):
        A[s, a, s] -= 1
        for s2, p, ends in zip(mdp.successors[s, a], mdp.probabilities[s, a], mdp.terminated[s, a], strict=True):
            A[s, a, s2] += 0 if ends else mdp.gamma * p
    result = linprog(np.ones(n_states), A.reshape(-1, n_states), -mdp.reward.ravel(), bounds=(None, None))
    assert result.success, result.message
    return result.x


class TestByHand:
    def test_chain(self):
        mdp = chain(gamma=0.5)
        solution = value_iteration(mdp)
        # V(1) = 2; V(0) = 1 + 0.5 * 2 = 2; staying is worth half the state's value
        np.testing.assert_allclose(solution.V, [2, 2, 0])
        np.testing.assert_allclose(solution.Q, [[2, 1], [2, 1], [0, 0]])
        assert solution.policy.tolist()[:2] == [0, 0]
        assert solution.n_iterations == 3  # two sweeps carry the reward to state 0, the third sees no change

    def test_default_grid(self):
        V = value_iteration(GridWorld().mdp(0.99)).V.reshape(4, 4)
        # From the start: two steps of -0.1, then the goal's 10.
        assert V[0, 0] == pytest.approx(-0.1 - 0.1 * 0.99 + 10 * 0.99**2)
        assert V[0, 2] == pytest.approx(10)
        assert V[0, 3] == 0  # nothing follows the goal
        # The lower left corner is six steps away: five of -0.1, then 10.
        assert V[3, 0] == pytest.approx(-0.1 * sum(0.99**k for k in range(5)) + 10 * 0.99**5)

    def test_bumping_into_the_obstacle_costs(self):
        world = GridWorld()
        Q = value_iteration(world.mdp(0.9)).Q
        state = world.to_state((0, 1))
        # Down from (0, 1) is the obstacle: -5 and still two steps from the goal, worth -0.1 + 0.9 * 10.
        assert Q[state, 2] == pytest.approx(-5 + 0.9 * (-0.1 + 0.9 * 10))

    def test_one_state_is_a_geometric_series(self):
        mdp = TabularMDP([[[1.0]]], [[3.0]], gamma=0.9)
        for V in (value_iteration(mdp).V, policy_iteration(mdp).V, evaluate_policy([0], mdp)):
            np.testing.assert_allclose(V, 3 / (1 - 0.9), atol=1e-8)
        # The k-th iterate is the series cut after k terms.
        iterates = list(itertools.islice(value_iterates(mdp), 6))
        np.testing.assert_allclose(np.ravel(iterates), [3 * (1 - 0.9**k) / (1 - 0.9) for k in range(6)])

    def test_two_state_chain(self):
        p, q, gamma = 0.3, 0.2, 0.9
        mdp = TabularMDP([[[1 - p, p]], [[q, 1 - q]]], [[1.0], [0.0]], gamma)
        # Closed form of (I - gamma P)^-1 (1, 0): the determinant is (1 - gamma)(1 - gamma (1 - p - q)).
        determinant = (1 - gamma) * (1 - gamma * (1 - p - q))
        expected = np.array([1 - gamma * (1 - q), gamma * q]) / determinant
        np.testing.assert_allclose(evaluate_policy([0, 0], mdp), expected)
        np.testing.assert_allclose(value_iteration(mdp).V, expected, atol=1e-8)

    def test_a_random_policy_is_the_average_of_its_actions(self):
        mdp = chain(gamma=0.5)
        # V(1) = (2 + V(1) / 2) / 2 = 4/3;  V(0) = (1 + V(1) / 2 + V(0) / 2) / 2 = 10/9
        np.testing.assert_allclose(evaluate_policy(np.full((3, 2), 0.5), mdp), [10 / 9, 4 / 3, 0])

    def test_ties_are_all_optimal(self):
        assert optimal_actions([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]]).tolist() == [[False, True, True], [True] * 3]
        assert optimal_actions([1.0, 1.0 - 1e-9]).all()
        assert not optimal_actions([1.0, 1.0 - 1e-3]).all()
        assert optimal_actions([1e6, 1e6 - 1e-2]).all()  # relative where values are large
        # From the lower left corner of the default grid both up and right, then up, take six steps.
        world = GridWorld()
        best = optimal_actions(value_iteration(world.mdp()).Q)
        assert best[world.to_state((3, 0))].tolist() == [True, True, False, False]


class TestAgainstLinearProgramming:
    @pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1", TAXI])
    def test_toy_text(self, name):
        mdp = TabularMDP.from_gym(gym.make(name), gamma=0.99)
        optimum = linear_programming_optimum(mdp)
        for solver in (value_iteration, policy_iteration):
            solution = solver(mdp)
            np.testing.assert_allclose(solution.V, optimum, atol=1e-6)
            np.testing.assert_allclose(evaluate_policy(solution.policy, mdp), optimum, atol=1e-6)

    def test_slippery_frozen_lake_is_the_slippery_one(self):
        values = [
            value_iteration(TabularMDP.from_gym(gym.make("FrozenLake-v1", is_slippery=slippery))).V[0]
            for slippery in (True, False)
        ]
        assert values[1] == pytest.approx(0.99**5)
        assert values[0] < 0.6 < values[1]

    def test_a_backup_that_ignores_termination_is_caught(self):
        mdp = TabularMDP.from_gym(gym.make("CliffWalking-v1"), gamma=0.99)
        ignorant = TabularMDP.from_successors(
            mdp.successors, mdp.probabilities, mdp.transition_rewards, np.zeros_like(mdp.terminated), 0.99
        )
        optimum = linear_programming_optimum(mdp)
        assert np.abs(value_iteration(ignorant).V - optimum).max() > 1

    @given(mdp=models)
    @settings(max_examples=15, deadline=None)
    def test_random_models(self, mdp):
        np.testing.assert_allclose(value_iteration(mdp).V, linear_programming_optimum(mdp), atol=1e-6)


class TestProperties:
    @given(mdp=models)
    @settings(max_examples=60, deadline=None)
    def test_the_solvers_agree(self, mdp):
        by_values, by_policies = value_iteration(mdp), policy_iteration(mdp)
        np.testing.assert_allclose(by_values.V, by_policies.V, atol=2e-8)
        np.testing.assert_allclose(evaluate_policy(by_values.policy, mdp), by_policies.V, atol=1e-6)
        np.testing.assert_allclose(by_policies.Q.max(axis=1), by_policies.V, atol=1e-8)
        assert by_values.residual <= 1e-8 and by_policies.residual <= 1e-8

    @given(mdp=models, data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_the_backup_is_a_monotone_contraction(self, mdp, data):
        values = hnp.arrays(float, mdp.n_states, elements=st.floats(-100, 100))
        V, W = data.draw(values), data.draw(values)
        change = np.abs(bellman_backup(V, mdp).max(axis=1) - bellman_backup(W, mdp).max(axis=1)).max()
        assert change <= mdp.gamma * np.abs(V - W).max() + 1e-9
        higher = np.maximum(V, W)
        assert (bellman_backup(higher, mdp) >= bellman_backup(V, mdp) - 1e-9).all()

    @given(**sizes)
    @settings(max_examples=60, deadline=None)
    def test_rewards_of_transitions_equal_their_expectation(self, seed, n_states, n_actions):
        P, R = random_arrays(seed, n_states, n_actions)
        V = np.random.default_rng(seed).normal(size=n_states)
        detailed, expected = TabularMDP(P, R), TabularMDP(P, (P * R).sum(axis=2))
        np.testing.assert_allclose(detailed.reward, expected.reward, atol=1e-12)
        np.testing.assert_allclose(bellman_backup(V, detailed), bellman_backup(V, expected), atol=1e-12)

    @given(**sizes, ends=st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_dense_and_successor_models_agree(self, seed, n_states, n_actions, ends):
        P, R = random_arrays(seed, n_states, n_actions)
        terminal = np.arange(n_states) == (0 if ends else -1)
        dense = TabularMDP(P, R, 0.9, terminal)
        P, R = np.where(terminal[:, None, None], np.eye(n_states)[:, None], P), R * ~terminal[:, None, None]
        successors = np.broadcast_to(np.arange(n_states), P.shape)
        listed = TabularMDP.from_successors(successors, P, R, np.broadcast_to(terminal, P.shape), 0.9)
        V = np.random.default_rng(seed).normal(size=n_states)
        np.testing.assert_allclose(bellman_backup(V, dense), bellman_backup(V, listed), atol=1e-12)
        assert dense.terminal.tolist() == listed.terminal.tolist() == terminal.tolist()

    @given(**sizes)
    @settings(max_examples=60, deadline=None)
    def test_lists_in_any_order_give_what_the_matrix_gives(self, seed, n_states, n_actions):
        P, R = random_arrays(seed, n_states, n_actions)
        rng = np.random.default_rng(seed)
        dense, order = TabularMDP(P, R, 0.9), np.roll(np.arange(n_states), 1)
        ends = rng.random(P.shape) < 0.3
        listed = TabularMDP.from_successors(np.broadcast_to(order, P.shape), P[..., order], R[..., order], ends, 0.9)
        dense = TabularMDP.from_successors(dense.successors, P, R, ends[..., np.argsort(order)], 0.9)
        assert dense.names_all_states and listed.names_all_states == (n_states == 1)
        V = rng.normal(size=n_states)
        np.testing.assert_allclose(bellman_backup(V, dense), bellman_backup(V, listed), atol=1e-12)
        policy = rng.integers(n_actions, size=n_states)
        np.testing.assert_allclose(evaluate_policy(policy, dense), evaluate_policy(policy, listed), atol=1e-10)

    def test_few_successors_are_listed_and_many_are_a_matrix(self):
        P = np.eye(9)[:, None]
        P[0, 0] = 0.5 * (np.arange(9) < 2)
        assert TabularMDP(P, np.zeros((9, 1))).successors.shape == (9, 1, 2)
        P[0, 0] = (np.arange(9) < 3) / 3
        assert TabularMDP(P, np.zeros((9, 1))).successors.shape == (9, 1, 9)

    def test_the_successor_lists_hold_the_dense_model(self):
        P, R = random_arrays(1, 20, 3)
        P[..., 4:] = 0
        P /= P.sum(axis=2, keepdims=True)
        mdp = TabularMDP(P, R)
        assert not mdp.names_all_states
        rebuilt = np.zeros_like(P)
        for s, a, k in np.ndindex(*mdp.successors.shape):
            rebuilt[s, a, mdp.successors[s, a, k]] += mdp.probabilities[s, a, k]
        np.testing.assert_array_equal(rebuilt, P)

    def test_policy_iterates_improve_everywhere(self):
        mdp = GridWorld(6, slip=0.2).mdp(0.95)
        values = [V for _, V in policy_iterates(mdp)]
        assert len(values) > 2
        assert all((later >= earlier - 1e-9).all() for earlier, later in itertools.pairwise(values))

    def test_value_iterates_shrink_by_gamma(self):
        mdp = GridWorld(5, slip=0.3).mdp(0.9)
        iterates = list(itertools.islice(value_iterates(mdp), 30))
        steps = [np.abs(b - a).max() for a, b in itertools.pairwise(iterates)]
        assert all(later <= 0.9 * earlier + 1e-12 for earlier, later in itertools.pairwise(steps))

    def test_the_tolerance_is_kept(self):
        mdp = GridWorld(6, slip=0.2).mdp(0.99)
        exact = policy_iteration(mdp).V
        for tol in (1e-1, 1e-4):
            error = np.abs(value_iteration(mdp, tol=tol).V - exact).max()
            assert error <= tol
        assert value_iteration(mdp, tol=1e-1).n_iterations < value_iteration(mdp, tol=1e-4).n_iterations


class TestUndiscounted:
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_cliff_walking(self, solver):
        mdp = TabularMDP.from_gym(gym.make("CliffWalking-v1"), gamma=1)
        solution = solver(mdp)
        assert solution.V[36] == pytest.approx(-13)  # the shortest way from the start takes 13 steps
        np.testing.assert_allclose(evaluate_policy(solution.policy, mdp), solution.V, atol=1e-9)

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_frozen_lake(self, solver):
        mdp = TabularMDP.from_gym(gym.make("FrozenLake-v1"), gamma=1)
        solution = solver(mdp)
        assert solution.V[0] == pytest.approx(14 / 17, abs=1e-5)  # the known chance of reaching the goal
        np.testing.assert_allclose(evaluate_policy(solution.policy, mdp), solution.V, atol=1e-5)

    def test_default_grid(self):
        assert value_iteration(GridWorld().mdp(1)).V[0] == pytest.approx(9.8)

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_no_way_to_end(self, solver):
        mdp = TabularMDP([[[1.0]]], [[0.0]], gamma=1)
        with pytest.raises(ValueError, match=r"gamma is 1.*state 0.*terminal"):
            solver(mdp)

    def test_a_loop_that_pays_has_no_value(self):
        mdp = GridWorld(2, obstacles=(), step_reward=1.0).mdp(1)
        with pytest.raises(ValueError, match="gamma is 1, but from state 0"):
            policy_iteration(mdp)
        with pytest.raises(ValueError, match="still changes V by 1 after 500 sweeps"):
            value_iteration(mdp, max_sweeps=500)

    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("pay", [0.0, 1.0])
    def test_running_for_ever_may_cost_less_than_ending(self, solver, pay):
        # Ending costs more than going back and forth, which earns pay - pay = 0; and there the sum has no limit.
        P = np.zeros((3, 2, 3))
        P[:, 0, 2], P[[0, 1, 2], 1, [1, 0, 2]] = 1, 1
        mdp = TabularMDP(P, [[-3, pay], [-3, -pay], [0, 0]], 1, terminal=[2])
        with pytest.raises(ValueError, match="gamma"):
            solver(mdp, max_sweeps=1000) if solver is value_iteration else solver(mdp)
        np.testing.assert_allclose(solver(mdp.with_gamma(0.5)).V[:2], [pay / (1 + 0.5), -pay / (1 + 0.5)], atol=1e-7)

    def test_a_tie_with_running_for_ever_is_no_harm(self):
        P = np.zeros((2, 2, 2))
        P[0, [0, 1], [0, 1]], P[1, :, 1] = 1, 1
        for ending, solver in itertools.product((0.0, 2.0), SOLVERS):
            mdp = TabularMDP(P, [[0, ending], [0, 0]], 1, terminal=[1])
            np.testing.assert_allclose(solver(mdp).V, [ending, 0])

    def test_a_policy_that_stays(self):
        with pytest.raises(ValueError, match="gamma is 1, but from state 0"):
            evaluate_policy([1, 1, 0], chain(gamma=1))
        np.testing.assert_allclose(evaluate_policy([0, 0, 0], chain(gamma=1)), [3, 2, 0])


class TestModel:
    def test_terminal_states(self):
        mdp = TabularMDP.from_gym(gym.make("FrozenLake-v1"))
        assert np.flatnonzero(mdp.terminal).tolist() == [5, 7, 11, 12, 15]
        assert np.flatnonzero(GridWorld().mdp().terminal).tolist() == [3]

    def test_nothing_is_earned_after_a_terminal_state(self):
        P = np.full((2, 1, 2), 0.5)
        mdp = TabularMDP(P, [[1.0], [7.0]], 0.9, terminal=[1])
        assert value_iteration(mdp).V[1] == 0
        assert value_iteration(mdp).V[0] == pytest.approx(1 / (1 - 0.45))
        same = TabularMDP(P, [[1.0], [7.0]], 0.9, terminal=np.array([False, True]))
        np.testing.assert_array_equal(value_iteration(same).V, value_iteration(mdp).V)

    def test_with_gamma_shares_the_arrays(self):
        mdp = chain(0.5)
        other = mdp.with_gamma(0.0)
        assert np.shares_memory(mdp.probabilities, other.probabilities)
        np.testing.assert_allclose(value_iteration(other).V, [1, 2, 0])
        np.testing.assert_allclose(value_iteration(mdp).V, [2, 2, 0])

    def test_a_model_is_its_own_and_fixed(self):
        successors, P, R = np.zeros((2, 1, 1), int), np.ones((2, 1, 1)), np.ones((2, 1, 1))
        dense, dense_R = np.eye(2)[:, None].copy(), np.ones((2, 1))
        listed = TabularMDP.from_successors(successors, P, R, P > 9, 0.5)
        for mdp, tables in ((listed, (successors, P, R)), (TabularMDP(dense, dense_R, 0.5), (dense, dense_R))):
            for table in tables:
                table[:] = 1
                table[:] *= 5  # what the reader goes on to do with the arrays is no business of the model's
            np.testing.assert_allclose(value_iteration(mdp).V, 2)
            for name in ("successors", "probabilities", "continuation", "transition_rewards", "terminated", "reward"):
                with pytest.raises(ValueError, match="read-only"):
                    getattr(mdp, name)[:] = 0

    def test_gamma_acts_when_it_is_set(self):
        mdp = chain(0.5)
        mdp.gamma = 0.0
        np.testing.assert_allclose(value_iteration(mdp).V, [1, 2, 0])
        with pytest.raises(ValueError, match=r"gamma is 1.5; accepted are numbers from 0 to 1"):
            mdp.gamma = 1.5


P2, R2 = np.full((2, 1, 2), 0.5), np.zeros((2, 1))


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([[[0.5, 0.4]], [[0.5, 0.5]]], R2), r"\(0, 0\) sums to 0.9; accepted is 1"),
            (([[[1.5, -0.5]], [[0.5, 0.5]]], R2), "holds -0.5"),
            (([[[np.nan, 1.0]], [[0.5, 0.5]]], R2), "holds nan"),
            ((P2, np.full((2, 1), np.inf)), "R holds inf"),
            ((P2, np.zeros((1, 2))), r"R has shape \(1, 2\); accepted are \(2, 1\)"),
            ((np.ones((2, 1, 3)) / 3, R2), r"P has shape \(2, 1, 3\)"),
            ((np.ones((2, 2)), R2), r"P has shape \(2, 2\)"),
            ((np.zeros((0, 1, 0)), np.zeros((0, 1))), r"P has shape \(0, 1, 0\)"),
            ((P2, R2, 1.1), "gamma is 1.1"),
            ((P2, R2, -0.1), "gamma is -0.1"),
            ((P2, R2, np.nan), "gamma is nan"),
            ((P2, R2, 0.9, [2]), "terminal names state 2; accepted are 0 to 1"),
            ((P2, R2, 0.9, np.array([True])), r"terminal mask has shape \(1,\)"),
            ((P2, R2, 0.9, (), (3, 3)), r"shape is \(3, 3\)"),
        ],
    )
    def test_model(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            TabularMDP(*arguments)

    def test_successors(self):
        table = np.zeros((2, 1, 1))
        with pytest.raises(ValueError, match="outside the states 0 to 1"):
            TabularMDP.from_successors(table.astype(int) + 2, table + 1, table, table > 0)
        with pytest.raises(ValueError, match="the tables have shapes"):
            TabularMDP.from_successors(table.astype(int), np.ones((2, 1, 2)) / 2, table, table > 0)

    @pytest.mark.parametrize("shape", [(-2, -1), (2,), (2, 1, 1), (0, 2)])
    def test_layouts(self, shape):
        with pytest.raises(ValueError, match=r"accepted are \(rows, columns\) that hold 2 states"):
            TabularMDP(P2, R2, shape=shape)

    @pytest.mark.parametrize("terminal", [[0.5], ["0"], [-1]])
    def test_terminal_states_are_whole_numbers(self, terminal):
        with pytest.raises(ValueError, match=f"terminal names state {terminal[0]}"):
            TabularMDP(P2, R2, terminal=terminal)

    @pytest.mark.parametrize(
        "function",
        [
            value_iteration,
            policy_iteration,
            lambda world: next(policy_iterates(world)),
            lambda world: bellman_backup(np.zeros(16), world),
            lambda world: evaluate_policy(np.zeros(16, int), world),
        ],
    )
    def test_an_environment_is_no_model_and_the_message_says_how_to_get_one(self, function):
        with pytest.raises(ValueError, match=r"the model is a GridWorld; accepted is a TabularMDP: world.mdp\(\)"):
            function(GridWorld())

    @pytest.mark.parametrize("gamma", [2, -1])
    def test_with_gamma(self, gamma):
        with pytest.raises(ValueError, match=f"gamma is {gamma}"):
            chain().with_gamma(gamma)

    def test_values_and_policies(self):
        mdp = chain()
        with pytest.raises(ValueError, match=r"V has shape \(2,\); accepted is \(3,\)"):
            bellman_backup([1, 2], mdp)
        with pytest.raises(ValueError, match="names action 2; accepted are 0 to 1"):
            evaluate_policy([0, 2, 0], mdp)
        with pytest.raises(ValueError, match=r"row \(1,\) sums to 0.7"):
            evaluate_policy([[1, 0], [0.5, 0.2], [1, 0]], mdp)
        with pytest.raises(ValueError, match=r"the policy has shape \(2,\)"):
            evaluate_policy([0, 0], mdp)

    def test_solvers(self):
        with pytest.raises(ValueError, match="tol is 0"):
            value_iteration(chain(), tol=0)
        with pytest.raises(ValueError, match="after 3 sweeps"):
            value_iteration(GridWorld(10).mdp(), max_sweeps=3)
