"""The network beside the plain way to run it, and bf16 beside fp32: what the jobs `inference` and `plain` measure."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from detectors.core.inference import Engine, Precision
from detectors.core.network import NetworkSpec, build, reach_px, stride, to_tensors
from detectors.core.types import BoolArray, FloatArray

CHANNELS = 44
PLAIN_PX = 256
PLAIN_STEP_PX = 192
"""A quarter of a window lies over the next one."""

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp32")

CORE_PX = 1024
"""As a block of the scan."""


def a_spec(encoder: str, depth: int, channels: int = CHANNELS) -> NetworkSpec:
    """A network with so many anonymous channels."""
    names = tuple(f"channel_{number}" for number in range(channels))
    return NetworkSpec(encoder=encoder, depth=depth, decoder_channels=(96, 64, 32, 16)[-depth:], channels=names)


def lively_network(spec: NetworkSpec, seed: int = 0) -> nn.Module:
    """A seeded network in eval mode whose answers vary as a trained one's: statistics of BatchNorm fit, head scaled."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build(spec)
        chips = torch.randn(4, len(spec.channels), 64, 64)
        for each in module.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.momentum = 0.5  # the running statistics close in by half each time
        with torch.no_grad():
            for _ in range(8):
                module(chips)
            module.eval()
            logits = module(chips)
            head = module.get_submodule("segmentation_head.0")
            scale = 3 / logits.std(dim=(0, 2, 3))
            head.get_parameter("weight").mul_(scale[:, None, None, None])
            head.get_parameter("bias").sub_(logits.mean(dim=(0, 2, 3))).mul_(scale)
    return module.requires_grad_(False)


@dataclass(frozen=True)
class Difference:
    """How far two precisions lie apart, over all observed pixels and classes."""

    worst: float
    percentile_99_9: float
    mask_iou: float
    """Of the pixels at 0.5 or more."""

    def __str__(self) -> str:
        """One line."""
        return f"worst {self.worst:.4f}, 99.9 % within {self.percentile_99_9:.4f}, mask IoU {self.mask_iou:.4f}"


def compare_precisions(
    module: nn.Module,
    spec: NetworkSpec,
    channels: FloatArray,
    observed: BoolArray,
    *,
    one: Precision = "fp32",
    other: Precision = "bf16",
) -> Difference:
    """Run one network in two precisions on the same (F, H, W) channels; prints and returns the difference."""
    first, second = (
        Engine(module, spec, device="cpu", precision=precision).probabilities(channels, observed, (0, 0))[:, observed]
        for precision in (one, other)
    )
    apart = np.abs(first - second)
    both, either = (first >= 0.5) & (second >= 0.5), (first >= 0.5) | (second >= 0.5)
    iou = float(both.sum() / either.sum()) if either.any() else 1.0
    found = Difference(float(apart.max()), float(np.percentile(apart, 99.9)), iou)
    print(f"{other} beside {one}: {found}")
    return found


class _Chips(Dataset[Any]):
    """Windows of 256 px with a quarter of overlap, the last of a row moved back inside."""

    def __init__(self, channels: FloatArray) -> None:
        self.channels = channels
        self.places = [(r, c) for r in _starts(channels.shape[1]) for c in _starts(channels.shape[2])]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int, int]:
        row, col = self.places[number]
        return torch.from_numpy(self.channels[:, row : row + PLAIN_PX, col : col + PLAIN_PX].copy()), row, col


def _starts(length: int) -> Iterator[int]:
    yield from range(0, length - PLAIN_PX, PLAIN_STEP_PX)
    yield length - PLAIN_PX


def plain(module: nn.Module, channels: FloatArray) -> FloatArray:
    """(K, H, W) as it is commonly done: fp32, DataLoader, overlapping windows, averaged."""
    total = torch.zeros(0)
    count = torch.zeros(channels.shape[1:])
    with torch.inference_mode():
        for chips, rows, cols in DataLoader(_Chips(channels), batch_size=8):
            for answer, row, col in zip(module(chips).sigmoid(), rows.tolist(), cols.tolist(), strict=True):
                if not total.numel():
                    total = torch.zeros(len(answer), *channels.shape[1:])
                total[:, row : row + PLAIN_PX, col : col + PLAIN_PX] += answer
                count[row : row + PLAIN_PX, col : col + PLAIN_PX] += 1
    answer_all: FloatArray = (total / count).numpy()
    return answer_all


def measure(encoder: str, depth: int, times: int) -> dict[str, Any]:
    """Mpx/s of a block's core in bf16 and fp32, the work on its halo paid for; size, reach, and how far apart."""
    spec = a_spec(encoder, depth)
    module = lively_network(spec)
    halo = -(-reach_px(spec) // stride(spec)) * stride(spec)
    image = _image(CORE_PX + 2 * halo)
    wanted = np.zeros(image.shape[1:], np.bool_)
    wanted[halo : halo + CORE_PX, halo : halo + CORE_PX] = True
    engines = {precision: Engine(module, spec, device="cpu", precision=precision) for precision in PRECISIONS}
    ways: dict[str, Callable[[], FloatArray]] = {
        name: partial(engine.probabilities, image, wanted, (0, 0)) for name, engine in engines.items()
    }
    speeds = _speeds(ways, times)
    apart = compare_precisions(module, spec, image, wanted)
    size = sum(tensor.nbytes for tensor in to_tensors(module).values()) / 1e6
    return {**speeds, "reach_px": reach_px(spec), "fp16_mb": size, "threads": torch.get_num_threads(), **asdict(apart)}


def measure_plain(encoder: str, depth: int, times: int) -> dict[str, Any]:
    """Mpx/s of the plain way on the core alone, without a halo: its answers depend on how its windows lie."""
    module = lively_network(a_spec(encoder, depth))
    return _speeds({"plain": partial(plain, module, _image(CORE_PX))}, times)


def _image(edge: int) -> FloatArray:
    return np.random.default_rng(0).standard_normal((CHANNELS, edge, edge), dtype=np.float32)


def _speeds(ways: Mapping[str, Callable[[], FloatArray]], times: int) -> dict[str, float]:
    """Mpx/s by the clock and Mpx per second of processor, which a busy machine disturbs less; best of several turns."""
    clock, processor = dict.fromkeys(ways, math.inf), dict.fromkeys(ways, math.inf)
    for turn in range(times + 1):
        for name, way in ways.items():  # in turn, so that a disturbance meets all
            start, used = time.perf_counter(), time.process_time()
            way()
            if turn:
                clock[name] = min(clock[name], time.perf_counter() - start)
                processor[name] = min(processor[name], time.process_time() - used)
    mpx = CORE_PX**2 / 1e6
    return {f"{name}_mpx_s": mpx / clock[name] for name in ways} | {
        f"{name}_mpx_per_core_s": mpx / processor[name] for name in ways
    }
