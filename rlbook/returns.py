"""What experience says a value should be: every learner's equations, once.

Each is a pure function of arrays, NumPy or torch, and keeps their kind and precision. ``terminated`` is true (or 1)
where the task ended: nothing follows there, so nothing is bootstrapped. A time limit ends nothing in the world and does
not count (Pardo et al. 2018).
"""

from __future__ import annotations

from rlbook.arrays import namespace


def discounted_return(rewards, gamma):
    """The return of an episode from its first step: rewards (..., T) -> (...).

    G = sum_t gamma^t r_t. Sutton & Barto (2018), equation 3.8.
    """
    total = 0.0 * rewards[..., 0]
    # G_t = r_(t+1) + gamma * G_(t+1), from the last step to the first
    for t in reversed(range(rewards.shape[-1])):
        total = rewards[..., t] + gamma * total
    return total


def td_target(reward, next_value, terminated, gamma):
    """What one step says the value should be, for whatever the value of the next state is taken to be: (B,) each.

    Sutton & Barto (2018), equation 6.2.
    """
    # y = r + gamma * V(s'), and nothing follows a terminal step; torch subtracts numbers only, not flags
    return reward + gamma * (1 - 1.0 * terminated) * next_value


def td_error(value, reward, next_value, terminated, gamma):
    """By how much one step's target differs from the present estimate ``value``: (B,) each.

    Sutton & Barto (2018), equation 6.5.
    """
    # delta = r + gamma * V(s') - V(s)
    return td_target(reward, next_value, terminated, gamma) - value


def greedy_value(next_q):
    """The value of a state to one who acts greedily: action values (B, A) -> (B,). Watkins (1989)."""
    # V(s') = max_a' Q(s', a')
    return namespace(next_q).max(next_q, axis=-1)


def double_value(next_q_select, next_q_evaluate):
    """The value of a state by two estimates, (B, A) each -> (B,): one selects the action, the other evaluates it.

    van Hasselt (2010), algorithm 1; van Hasselt et al. (2016), equation 4.
    """
    # V(s') = Q_evaluate(s', argmax_a' Q_select(s', a'))
    xp = namespace(next_q_select)
    action = xp.argmax(next_q_select, axis=-1)
    return next_q_evaluate[xp.arange(len(action), device=action.device), action]


def compute_gae(rewards, values, next_values, terminated, truncated, gamma, gae_lambda):
    """Generalised advantage estimates: everything (T, B), T steps of B environments, NumPy or torch -> (T, B).

    values : V(s_t).   next_values : V of the state that followed in truth, an episode's last one where it ended.
    terminated : the task ended at step t.   truncated : only the clock did.
    Schulman et al. (2016), equation 16; a time limit is bootstrapped (Pardo et al. 2018).
    """
    # delta_t = r_t + gamma * V(s_t+1) - V(s_t)
    errors = td_error(values, rewards, next_values, terminated, gamma)
    going_on = (1 - 1.0 * terminated) * (1 - 1.0 * truncated)
    advantages, trace = namespace(errors).zeros_like(errors), 0.0
    for t in reversed(range(len(errors))):
        # A_t = delta_t + gamma * lambda * A_t+1, as long as the episode goes on
        trace = errors[t] + gamma * gae_lambda * going_on[t] * trace
        advantages[t] = trace
    return advantages
