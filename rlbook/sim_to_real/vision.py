"""Finding the target in a picture, by a network that was trained on random pictures alone (Tobin et al. 2017).

The colours of each picture are whitened. Then five convolutions make a heatmap of where the target may be; a spatial
softmax (Levine et al. 2016) around its peak turns it into a pixel, and the camera's geometry that into a point of the
plane of the arm:

    h = softmax(heatmap),   loss = -sum_ij g_ij log h_ij,   pixel = sum_near h_ij (j, i) / sum_near h_ij

where g is a Gaussian at the true pixel, and near are the cells around the peak. Regression straight to metres, without
the heatmap, learns far slower.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from rlbook.envs.arm import physics as arm
from rlbook.envs.arm.params import PhysicsParams
from rlbook.learning.history import progress_bar
from rlbook.learning.saving import load_arrays, save_arrays, spawn_seeds
from rlbook.sim_to_real.camera import SIZE, Camera, LookRandomizer, draw, draw_scenes, pixel_of, point_of
from rlbook.validation import check_arguments

STRIDE = 2  # pixels of the picture for each of the heatmap
CELLS = SIZE // STRIDE
FAINT = 0.05  # standard deviation of a colour, of 2 from black to white, below which it is not made stronger


def heat_pixel(logits, near: int = 2):
    """Heatmaps (B, CELLS, CELLS) -> pixels (B, 2) of the picture, right and down: mean of the heat around its peak.

    It reaches ``near`` cells to each side. Where two things look alike, the mean of all the heat lies between them.
    """
    cell, peak = torch.arange(CELLS, device=logits.device), logits.flatten(1).argmax(dim=1)
    down, across = ((cell - c[:, None]).abs() <= near for c in (peak // CELLS, peak % CELLS))
    around = logits.masked_fill(~(down[:, :, None] & across[:, None, :]), -torch.inf)
    heat = around.flatten(1).softmax(dim=1).view_as(logits)
    # pixel = sum_near h_ij (j, i); the middle of cell c is pixel STRIDE c + (STRIDE - 1) / 2
    mean = torch.stack([(heat.sum(dim=1) * cell).sum(dim=1), (heat.sum(dim=2) * cell).sum(dim=1)], dim=1)
    return STRIDE * mean + (STRIDE - 1) / 2


def heat_loss(logits, pixel, width: float = 1.0):
    """Cross-entropy between heatmaps (B, CELLS, CELLS) and Gaussians, ``width`` cells wide, at the pixels (B, 2)."""
    cell = torch.arange(CELLS, dtype=logits.dtype, device=logits.device)
    centre = (pixel - (STRIDE - 1) / 2) / STRIDE
    across, down = (torch.softmax(-0.5 * ((cell - c[:, None]) / width) ** 2, dim=1) for c in centre.T)
    wanted = down[:, :, None] * across[:, None, :]
    return -(wanted.flatten(1) * logits.flatten(1).log_softmax(dim=1)).sum(dim=1).mean()


class TargetNetwork(nn.Sequential):
    """Whitened pictures (B, 3, SIZE, SIZE) to heatmaps (B, CELLS, CELLS)."""

    def __init__(self, channels: int = 16):
        super().__init__(
            nn.Conv2d(3, channels, 5, stride=STRIDE, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 1, 1),
            nn.Flatten(1),
            nn.Unflatten(1, (CELLS, CELLS)),
        )


@dataclasses.dataclass(frozen=True)
class VisionConfig:
    """How the finder is trained.

    channels : of every hidden layer.   learning_rate : at the start; it falls along a cosine to zero.
    batch_size : pictures an update.    n_pictures : drawn once, before training.   epochs : times each is seen.
    """

    channels: int = 16
    learning_rate: float = 1e-2
    batch_size: int = 32
    n_pictures: int = 5_000
    epochs: int = 3

    def __post_init__(self):
        values = dataclasses.asdict(self)
        check_arguments(values, positive=("learning_rate",), count=tuple(set(values) - {"learning_rate"}))


def make_pictures(n: int, looks: LookRandomizer, rng: np.random.Generator, batch: int = 25):
    """Training data: pictures (n, SIZE, SIZE, 3) uint8, and the targets' pixels (n, 2) in them."""
    pictures, pixels, physics = np.empty((n, SIZE, SIZE, 3), dtype=np.uint8), np.empty((n, 2)), PhysicsParams()
    for begin in range(0, n, batch):
        rows = slice(begin, min(begin + batch, n))
        q, target = draw_scenes(rows.stop - begin, rng, link_length=physics.link_length)
        look = looks.sample(rows.stop - begin, rng)
        pictures[rows] = draw(arm.forward_kinematics(q, physics), target, look, rng)
        pixels[rows] = pixel_of(target, look.camera)
    return pictures, pixels


def network_input(pictures):
    """Pictures (B, SIZE, SIZE, 3) uint8 to what the network takes: (B, 3, SIZE, SIZE) float32, colours whitened.

    In every picture they have mean 0 and covariance 1, but for what is fainter than ``FAINT``. So the two colours of a
    chessboard, however stark, are no more than ±1, and rare colours stand out, as in Reed and Yu's detector (1990).
    """
    values = torch.as_tensor(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    flat = (values - values.mean(dim=(2, 3), keepdim=True)).flatten(2)
    # C = X X^T / pixels,   x -> (C + FAINT^2 1)^(-1/2) x
    covariance = flat @ flat.transpose(1, 2) / SIZE**2
    variance, axes = torch.linalg.eigh(covariance + FAINT**2 * torch.eye(3))
    whitened = (axes / variance.sqrt()[:, None]) @ axes.transpose(1, 2) @ flat
    return whitened.view_as(values).contiguous(memory_format=torch.channels_last)


class TargetFinder:
    """Finds targets in pictures: ``TargetFinder(seed=0)``, ``learn(LookRandomizer())``, ``find(pictures)``."""

    def __init__(self, *, seed: int = 0, **fields):
        self.config, self.seed = VisionConfig(**fields), seed
        weights, self._pictures = spawn_seeds(seed, 2)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(weights)
            self.network = TargetNetwork(self.config.channels).to(memory_format=torch.channels_last)

    def learn(self, looks: LookRandomizer, progress: bool = False) -> dict:
        """Draw the pictures and train on them: {"loss": (updates,), "cpu_seconds": of drawing and training}."""
        begin, losses = time.process_time(), []
        total = self.config.epochs * -(-self.config.n_pictures // self.config.batch_size)
        with progress_bar(total, "update", progress) as bar:
            for loss in self.learning(looks):
                losses.append(loss)
                bar.update()
        return {"loss": np.array(losses), "cpu_seconds": time.process_time() - begin}

    def learning(self, looks: LookRandomizer) -> Iterator[float]:
        """Update by update, the loss of each."""
        config, rng = self.config, np.random.default_rng(self._pictures)
        pictures, pixels = make_pictures(config.n_pictures, looks, rng)
        pixels = torch.as_tensor(pixels, dtype=torch.float32)
        optimizer = torch.optim.Adam(self.network.parameters(), config.learning_rate)
        total = config.epochs * -(-config.n_pictures // config.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
        for _ in range(config.epochs):
            for rows in np.split(
                rng.permutation(len(pictures)), range(config.batch_size, len(pictures), config.batch_size)
            ):
                loss = heat_loss(self.network(network_input(pictures[rows])), pixels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                yield loss.item()

    def heatmaps(self, pictures) -> np.ndarray:
        """Where the target may be: (B, CELLS, CELLS), each summing to 1."""
        with torch.no_grad():
            logits = self.network(network_input(pictures))
            return logits.flatten(1).softmax(dim=1).view_as(logits).numpy()

    def find_pixels(self, pictures) -> np.ndarray:
        """Pixels (B, 2) of the targets in pictures (B, SIZE, SIZE, 3) uint8."""
        with torch.no_grad():
            return heat_pixel(self.network(network_input(pictures))).numpy().astype(float)

    def find(self, pictures, camera: Camera | None = None) -> np.ndarray:
        """Targets (B, 2) in m, seen through ``camera``: the nominal one, or what a calibration found."""
        return point_of(self.find_pixels(pictures), camera or Camera())

    def save(self, path) -> None:
        """Weights and settings to one safetensors file."""
        arrays = {name: value.numpy() for name, value in self.network.state_dict().items()}
        save_arrays(path, "TargetFinder", arrays, dataclasses.asdict(self.config) | {"seed": self.seed})

    @classmethod
    def load(cls, path) -> TargetFinder:
        """What ``save`` wrote."""
        arrays, config = load_arrays(path, "TargetFinder")
        finder = cls(**config)
        finder.network.load_state_dict({name: torch.tensor(value) for name, value in arrays.items()})
        return finder
