"""Arrays of one kind, NumPy or torch, and the random numbers to fill them: what a batch of arms computes with."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, is_torch_array


class Arrays:
    """Arrays of one kind: NumPy on this computer for ``device=None``, else torch tensors on that device.

    Raises ValueError for a device that this computer lacks.
    """

    def __init__(self, device):
        if device is None:
            self.xp, self.device, self._generator = array_namespace(np.zeros(1)), None, None
            return
        import torch

        try:
            self._generator = torch.Generator(device)
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"device is {device!r}; accepted are None and torch devices of this computer") from error
        self.xp, self.device = array_namespace(torch.zeros(1)), self._generator.device
        self._generator.seed()

    @property
    def on_gpu(self) -> bool:
        return self._generator is not None and self.device.type == "cuda"

    def __getstate__(self):
        return self.device, self._generator and self._generator.get_state()

    def __setstate__(self, state):
        device, generator = state
        self.__init__(device)
        if generator is not None:
            self._generator.set_state(generator)

    def of(self, values, dtype: str = "float32"):
        """``values`` as an array of this kind, without the history that torch keeps for derivatives."""
        if not self._generator:
            return np.asarray(values, dtype=getattr(np, dtype))
        values = values.detach() if is_torch_array(values) else values
        return self.xp.asarray(values, dtype=getattr(self.xp, dtype), device=self.device)

    def integers(self, values):
        """Values as int64; None where they are not whole numbers."""
        try:
            values = self.xp.asarray(values, device=self.device)
            if bool((values % 1 != 0).any()):
                return None
        except (TypeError, ValueError, RuntimeError):
            return None
        return self.xp.astype(values, self.xp.int64)

    def copy(self, values):
        """A copy laid out in memory as ``values`` are."""
        return values.clone() if self._generator else values.copy(order="K")

    def replaced(self, values, rows, new):
        """A copy of ``values`` in which ``rows`` are ``new``."""
        values = self.copy(values)
        values[rows] = new
        return values

    def joint_by_joint(self, values):
        """``values`` (B, n) with every column contiguous in memory, as the physics keeps its arrays."""
        if values.ndim != 2:
            return values
        return values.T.contiguous().T if self._generator else np.asfortranarray(values)

    def rows(self, mask):
        """Where a mask (B,) is true."""
        return mask.nonzero(as_tuple=True)[0] if self._generator else mask.nonzero()[0]

    def to_numpy(self, values) -> np.ndarray:
        return values.cpu().numpy() if self._generator and hasattr(values, "cpu") else np.asarray(values)

    def seed(self, random: np.random.Generator) -> None:
        """Tensors' random numbers follow from NumPy's."""
        if self._generator:
            self._generator.manual_seed(int(random.integers(2**62)))

    def uniform(self, random: np.random.Generator, low, high, shape):
        return low + (high - low) * self._draw("rand", random.random, shape)

    def normal(self, random: np.random.Generator, shape):
        return self._draw("randn", random.standard_normal, shape)

    def _draw(self, torch_name: str, numpy_draw, shape):
        if self._generator:
            return getattr(self.xp, torch_name)(shape, generator=self._generator, device=self.device)
        return numpy_draw(shape, dtype=np.float32)
