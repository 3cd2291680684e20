"""What can differ between one arm and the next: the parameters of its physics, checked at the door."""

import copy
import dataclasses

import numpy as np
from array_api_compat import is_torch_array

from rlbook.arrays import in_numpy

MAX_ACTION_DELAY = 20

# field: (what is accepted, lowest value, whether the lowest value itself is accepted)
_ACCEPTED = {
    "mass": ("positive masses in kg", 0.0, False),
    "friction": ("zero and positive torques in N m", 0.0, True),
    "damping": ("zero and positive values in N m s/rad", 0.0, True),
    "motor_strength": ("zero and positive factors", 0.0, True),
    "gravity": ("zero and positive accelerations in m/s^2", 0.0, True),
    "link_length": ("positive lengths in m", 0.0, False),
    "sensor_noise": ("zero and positive standard deviations in rad", 0.0, True),
    "action_delay": (f"whole numbers of steps from 0 to {MAX_ACTION_DELAY}", 0.0, True),
}


@dataclasses.dataclass(frozen=True, eq=False)
class PhysicsParams:
    """What can differ between one arm and the next. Each field is a number, or an array with one value an environment.

    ==============  ==========  =======  ===========================================================================
    field           unit        nominal  meaning
    ==============  ==========  =======  ===========================================================================
    mass            kg          1.0      of each link
    friction        N m         0.1      Coulomb friction of each joint, smooth below ``arm.STICTION_SPEED``
    damping         N m s/rad   0.3      viscous friction of each joint
    motor_strength  1           1.0      delivered torque over commanded torque
    gravity         m/s^2       9.81     downwards, along -z
    link_length     m           0.5      of each link
    sensor_noise    rad         0.0      standard deviation of a measured joint angle (added by the environments, to
                                         velocities ``reach.VELOCITY_NOISE`` = 5 rad/s for each rad)
    action_delay    steps       0        environment steps from command to effect (done by the environments)
    ==============  ==========  =======  ===========================================================================

    Raises ValueError naming the field whose value makes no such arm.
    """

    mass: object = 1.0
    friction: object = 0.1
    damping: object = 0.3
    motor_strength: object = 1.0
    gravity: object = 9.81
    link_length: object = 0.5
    sensor_noise: object = 0.0
    action_delay: object = 0

    def __post_init__(self):
        for name in _ACCEPTED:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))

    def __eq__(self, other):
        if not isinstance(other, PhysicsParams):
            return NotImplemented
        mine, theirs = ([in_numpy(value) for value in physics.as_dict().values()] for physics in (self, other))
        return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))

    __hash__ = None  # its fields may be arrays

    def replace(self, **changes) -> "PhysicsParams":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_rows(self, rows, other: "PhysicsParams", ones) -> "PhysicsParams":
        """The physics of all arms when the ``rows`` get ``other`` and the rest keep this one.

        ``ones`` (B,) is an array of the wanted kind; ``other`` has numbers or (rows,) arrays of that kind.
        """
        mixed = {}
        for name, new in other.as_dict().items():
            old = getattr(self, name)
            if not (isinstance(old, float) and isinstance(new, float) and old == new):
                mixed[name] = ones * old
                mixed[name][rows] = new
        return self.exchanged(**mixed)

    def exchanged(self, **fields) -> "PhysicsParams":
        """A copy with some fields changed for others that were checked before: nothing is looked at again."""
        changed = copy.copy(self)
        for name, value in fields.items():
            object.__setattr__(changed, name, value)
        return changed

    def as_dict(self) -> dict:
        """{field: value} in the order of the table."""
        return {name: getattr(self, name) for name in _ACCEPTED}


def _checked(name: str, value):
    """A legal value of a field: a Python number (which leaves float32 arrays float32) or an array."""
    accepted, low, closed = _ACCEPTED[name]
    try:
        numbers = np.asarray(in_numpy(value), dtype=float)
    except RuntimeError:  # a tensor inside torch.func has no numbers to look at; it was made of one that had
        return value
    except (TypeError, ValueError):
        raise ValueError(f"PhysicsParams.{name} is {value!r}; accepted are {accepted}") from None
    good = np.isfinite(numbers) & ((numbers >= low) if closed else (numbers > low))
    if name == "action_delay":
        good &= (numbers <= MAX_ACTION_DELAY) & (numbers % 1 == 0)
    if not good.all():
        raise ValueError(f"PhysicsParams.{name} is {numbers[~good].flat[0]:g}; accepted are {accepted}")
    if is_torch_array(value):
        return value
    if not numbers.ndim:
        return numbers.item()
    return value if isinstance(value, np.ndarray) and value.dtype.kind == "f" else numbers
