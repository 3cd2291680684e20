"""A control step of thousands of arms as one CUDA graph: hundreds of small kernels in one launch."""

from __future__ import annotations

import torch

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams


class ReplayedStep:
    """``arm.step`` for tensors on a GPU, recorded at the first call and replayed from then on.

    dt, settings : of ``arm.step``.   Other shapes, or another number among the fields of the physics, record it anew;
    fields that are tensors may change from call to call. What comes back are copies without derivatives.

    A kernel takes about a microsecond on the GPU and its launch from Python ten times that, so that a control step of
    hundreds of them costs the same for a thousand arms as for fifty thousand, nearly all of it launching.
    """

    WARM_UP = 3  # calls before recording, as PyTorch asks for

    def __init__(self, dt: float, **settings):
        self._dt, self._settings = dt, settings
        self._recorded = self._graph = self._inputs = self._outputs = None

    @torch.no_grad()
    def __call__(self, q, qd, torque, physics: PhysicsParams):
        """The joints ``dt`` later, as ``arm.step``: q, qd and torque (B, n), fields of the physics numbers or (B,)."""
        given = {"q": q, "qd": qd, "torque": torque, **physics.as_dict()}
        tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
        kind = {name: tensors[name].shape if name in tensors else value for name, value in given.items()}
        if kind != self._recorded:
            self._recorded = None  # if recording fails, there is nothing to replay
            with torch.cuda.device(q.device):
                self._record(tensors, physics)
            self._recorded = kind
        for name, value in tensors.items():
            self._inputs[name].copy_(value)
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)

    def __getstate__(self):
        return self._dt, self._settings  # a graph belongs to its process; a copy records its own

    def __setstate__(self, state):
        dt, settings = state
        self.__init__(dt, **settings)

    def _record(self, tensors: dict, physics: PhysicsParams) -> None:
        self._inputs = {name: value.clone() for name, value in tensors.items()}
        state = [self._inputs[name] for name in ("q", "qd", "torque")]
        fields = {name: value for name, value in self._inputs.items() if name not in ("q", "qd", "torque")}
        physics = physics.exchanged(**fields)

        def step():
            return arm.step(*state, physics, self._dt, **self._settings)

        present, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(present)
        with torch.cuda.stream(aside):
            for _ in range(self.WARM_UP):
                step()
        present.wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._outputs = step()
