"""Each kind of argument: what passes, and what the message says of the rest."""

import numpy as np
import pytest

from rlbook.validation import check_arguments, state_mask


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("unit", [0, 0.5, 1, np.float32(0.3)], [-0.1, 1.01, np.nan, np.inf, None, "1", 1j]),
        ("fraction", [1e-9, 1], [0, -1, 1.1, np.nan]),
        ("positive", [1e-9, 5, 1e9], [0, -1, np.inf, np.nan]),
        ("finite", [-1e9, 0, 3.5], [np.inf, -np.inf, np.nan, "0", [0, np.nan]]),
        ("count", [1, 2.0, np.int64(3), (4, 5)], [0, 1.5, -1, np.inf, np.nan, "3", (2, 0)]),
        ("natural", [0, 2.0, np.int64(3)], [-1, 1.5, np.inf, np.nan, "3", None]),
        ("switch", [True, False], [0, 1, 1.0, "yes", None]),
    ],
)
def test_each_kind(kind, good, bad):
    for value in good:
        check_arguments({"it": value}, **{kind: ("it",)})
    for value in bad:
        with pytest.raises(ValueError, match=r"it is .*; accepted are ") as caught:
            check_arguments({"it": value}, **{kind: ("it",)})
        assert repr(value) in str(caught.value)


def test_none_is_accepted_where_it_is_optional():
    check_arguments({"it": None}, count=("it",), optional=("it",))
    with pytest.raises(ValueError, match="it is None"):
        check_arguments({"it": None}, count=("it",))


class TestStateMask:
    @pytest.mark.parametrize("right", [[3], 3, [3, 0], [0, 1], (1, 0, 2, 3), np.array([0, 0, 0, 1]) > 0])
    def test_what_is_told(self, right):
        held = right if np.asarray(right).dtype == bool else np.isin(range(4), right)
        assert state_mask(right, 4).tolist() == list(held)

    @pytest.mark.parametrize("mask", [[0, 0, 0, 1], np.array([1, 0, 0, 1]), [0.0, 0, 0, 1.0], np.zeros(4)])
    def test_a_mask_in_numbers_names_other_states(self, mask):
        with pytest.raises(
            ValueError, match=r"terminal is \[.*\], a mask in numbers; accepted are different state num"
        ):
            state_mask(mask, 4)
