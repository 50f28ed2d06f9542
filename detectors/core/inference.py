"""The network on a block: fast, and the same for the same ground whatever block or crop it came in.

Windows lie on a grid of whole strides counted from the zone's own origin, and each has a margin of at least the
network's reach. docs/design/inference.md holds what was tried and measured.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from detectors.core.errors import NetworkError
from detectors.core.folded import Folded, Span
from detectors.core.neighbourhood import Box
from detectors.core.network import NetworkSpec, reach_px, stride
from detectors.core.types import BoolArray, FloatArray

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]

WINDOW_MPX = 6.5
"""Largest window: a block of 2048 px with its margins is one window; what is larger is cut, with overlap."""

_STRIP_PX = 4096
"""Pixels that are cut and converted at a time: what stays near the processor."""


@dataclass(frozen=True)
class Window:
    """A rectangle of the answer, and the rectangle of the input that decides it; both in pixels of the array."""

    rows: Span
    cols: Span
    input_rows: Span
    """On the global grid of strides; may end up to a stride outside the array, where the input is zero."""

    input_cols: Span

    @property
    def pixels(self) -> int:
        """Size of the input."""
        return (self.input_rows[1] - self.input_rows[0]) * (self.input_cols[1] - self.input_cols[0])


class Given:
    """The network's input of an array, converted and laid out as the network reads it.

    It is put together from parts, so that the channels of a whole block never lie in memory as float32.
    """

    def __init__(self, wanted: Sequence[Window], shape: tuple[int, ...], empty: Callable[..., torch.Tensor]) -> None:
        """Nothing is in it yet but the zeros beyond the array.

        Args:
            wanted: what the network is to be asked.
            shape: (F, H, W) of the array.
            empty: makes tensors of the network's type.
        """
        self.shape = shape
        self.windows: list[tuple[Window, torch.Tensor]] = []
        """Each with its (1, F, h, w) input, channels last."""

        for window in wanted:
            (top, bottom), (left, right) = window.input_rows, window.input_cols
            tensor = empty((1, bottom - top, right - left, shape[0])).permute(0, 3, 1, 2)
            tensor[:, :, : max(-top, 0)] = tensor[:, :, shape[1] - top :] = 0
            tensor[..., : max(-left, 0)] = tensor[..., shape[2] - left :] = 0
            self.windows.append((window, tensor))

    def put(self, box: Box, channels: FloatArray) -> None:
        """Puts in one part; every pixel of the array has to be put in once.

        Converted and transposed a few rows at a time, which stay in the cache: half the time of PyTorch's own way.

        Args:
            box: where in the array it lies.
            channels: (F, h, w) finite, zero where not observed.
        """
        for window, tensor in self.windows:
            spans = window.input_rows, window.input_cols
            (top, bottom), (left, right) = (
                (max(side.start, first), min(side.stop, end)) for side, (first, end) in zip(box, spans, strict=True)
            )
            cols = slice(left - box[1].start, right - box[1].start)
            to_cols = slice(left - spans[1][0], right - spans[1][0])
            step = max(_STRIP_PX // max(right - left, 1), 1)
            for row in range(top, bottom if left < right else top, step):
                end = min(row + step, bottom)
                strip = np.ascontiguousarray(channels[:, row - box[0].start : end - box[0].start, cols])
                part = torch.from_numpy(strip)[None].to(tensor.dtype).contiguous(memory_format=torch.channels_last)
                tensor[:, :, row - spans[0][0] : end - spans[0][0], to_cols] = part


class Engine:
    """A network ready to be asked, by several threads if need be. Make one per process."""

    def __init__(
        self,
        module: nn.Module,
        spec: NetworkSpec,
        device: Device = "auto",
        precision: Precision = "auto",
        threads: int | None = None,
        *,
        compiled: bool = False,
        window_mpx: float = WINDOW_MPX,
    ) -> None:
        """Rewrite a network for speed and move it to where it runs.

        Args:
            module: as `network.load` or training gives it; it is copied.
            spec: its shape.
            device: ``auto`` is the GPU if there is one.
            precision: ``auto`` is bf16 where the device computes in it.
            threads: processor cores per window. None: all of them, one window at a time; a number: as many windows at
                a time as there are callers, each on so many cores.
            compiled: let torch.compile have it; only for long runs on a GPU.
            window_mpx: largest window, in millions of pixels.

        Raises:
            NetworkError: if there is no such device.
        """
        self.spec = spec
        self.device = _device(device)
        self.precision: Literal["fp32", "bf16"] = _precision(precision, self.device)
        self._dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self._threads = threads
        self._lock = threading.Lock() if threads is None or self.device.type == "cuda" else None
        self._window_px = int(window_mpx * 1e6)
        edge = 2 * stride(spec)
        folded = Folded(module, torch.zeros(1, len(spec.channels), edge, edge))
        self._network = folded.to(device=self.device, dtype=self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled:
            self._network = torch.compile(self._network, dynamic=True)

    def probabilities(self, channels: FloatArray, observed: BoolArray, origin_px: tuple[int, int]) -> FloatArray:
        """(K, H, W) 0–1 for each class, NaN where not observed.

        Only what is observed is worked out: an answer that is wanted in the core of a block alone is had faster with
        `observed` False in its halo. Answers nearer to the edge of the array than the network's reach depend on where
        that edge is.

        Args:
            channels: (F, H, W) in the order of the spec; finite, zero where not observed.
            observed: (H, W) where an answer is wanted.
            origin_px: row (counted southward) and column of the array's upper left pixel, counted from a place that
                is the same for all arrays of a zone; may be negative.

        Raises:
            NetworkError: if the array is not of this network, or holds NaN.
        """
        answer: FloatArray = self._asked(channels, observed, origin_px, (False,))[0]
        return answer

    def both_ways(self, channels: FloatArray, observed: BoolArray, origin_px: tuple[int, int]) -> FloatArray:
        """(2, K, H, W) `probabilities` of the ground, and what the network says of its mirror image (east for west).

        Strides are counted from the zone's origin, so they fall on the same pixels in the mirror: one input serves
        both.
        """
        return self._asked(channels, observed, origin_px, (False, True))

    def given(self, wanted: BoolArray, origin_px: tuple[int, int]) -> Given:
        """An empty input for the pixels wanted, to be put together by whoever has the channels.

        Args:
            wanted: (H, W) where an answer is wanted.
            origin_px: as for `probabilities`.
        """
        chosen = [
            window
            for window in windows(wanted, origin_px, self.spec, self._window_px)
            if wanted[slice(*window.rows), slice(*window.cols)].any()
        ]
        empty = partial(torch.empty, dtype=self._dtype, pin_memory=self.device.type == "cuda")
        return Given(chosen, (len(self.spec.channels), *wanted.shape), empty)

    def said(self, given: Given, observed: BoolArray, mirrored: tuple[bool, ...] = (False, True)) -> FloatArray:
        """(2, K, H, W) as `both_ways`, of an input that was put together.

        Args:
            given: the input, whole.
            observed: (H, W) where an answer is wanted, none of it outside what it was made for.
            mirrored: for each answer whether it is of the mirror image.

        Raises:
            NetworkError: if the input holds NaN.
        """
        out = np.full((len(mirrored), len(self.spec.classes), *observed.shape), np.nan, np.float32)
        for window, tensor in given.windows:
            rows, cols = slice(*window.rows), slice(*window.cols)
            here = observed[rows, cols]
            part = tensor.to(self.device, non_blocking=True)
            for answer, mirror in zip(out, mirrored, strict=True):
                answer[:, rows, cols] = np.where(here, self._window(part, window, mirror=mirror), np.float32(np.nan))
        if np.isnan(out[:, 0]).sum() != len(mirrored) * np.count_nonzero(~observed):
            raise NetworkError("a channel holds NaN or infinity near an observed pixel; unobserved input is zero")
        return out

    def _asked(
        self, channels: FloatArray, observed: BoolArray, origin_px: tuple[int, int], mirrored: tuple[bool, ...]
    ) -> FloatArray:
        if channels.shape != (len(self.spec.channels), *observed.shape):
            raise NetworkError(
                f"the network wants {len(self.spec.channels)} channels on the grid of the mask {observed.shape}, "
                f"not an array of {channels.shape}"
            )
        given = self.given(observed, origin_px)
        given.put((slice(0, observed.shape[0]), slice(0, observed.shape[1])), channels)
        return self.said(given, observed, mirrored)

    def _window(self, part: torch.Tensor, window: Window, *, mirror: bool) -> FloatArray:
        rows, cols = (
            (span[0] - outer[0], span[1] - outer[0])
            for span, outer in ((window.rows, window.input_rows), (window.cols, window.input_cols))
        )
        with self._turn(), torch.inference_mode():
            if mirror:
                width = part.shape[3]
                logits: torch.Tensor = self._network(part.flip(3), rows, (width - cols[1], width - cols[0])).flip(3)
            else:
                logits = self._network(part, rows, cols)
            answer: FloatArray = logits[0].float().sigmoid().cpu().numpy()
        return answer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Waits for the network where callers take turns; else keeps the caller to its cores."""
        if self._lock is not None:
            with self._lock:
                yield
            return
        if self._threads is not None and torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)  # of the calling thread's own pool
        yield


def windows(observed: BoolArray, origin_px: tuple[int, int], spec: NetworkSpec, most_px: int) -> list[Window]:
    """The windows that together hold all observed pixels; of all ways to cut, the one with the fewest input pixels.

    Args:
        observed: (H, W) where an answer is wanted.
        origin_px: global row and column of the array's upper left pixel.
        spec: gives stride and reach.
        most_px: input pixels a window may have; a single pixel with its margin is always a window.
    """
    if not observed.any():
        return []
    step = stride(spec)
    margin = -(-reach_px(spec) // step) * step
    axes = [
        _Axis.of(np.flatnonzero(observed.any(axis=1 - axis)), observed.shape[axis], origin_px[axis], step, margin)
        for axis in (0, 1)
    ]
    best: list[Window] = []
    least = 0
    for down in range(1, axes[0].most_parts + 1):
        for across in range(1, axes[1].most_parts + 1):
            cut = [
                Window(rows, cols, input_rows, input_cols)
                for rows, input_rows in axes[0].parts(down)
                for cols, input_cols in axes[1].parts(across)
            ]
            total, largest = sum(window.pixels for window in cut), max(window.pixels for window in cut)
            finest = down == axes[0].most_parts and across == axes[1].most_parts
            if (largest <= most_px or (finest and not best)) and (not best or total < least):
                best, least = cut, total
            if largest <= most_px:
                break  # more parts only add margins
    return best


@dataclass(frozen=True)
class _Axis:
    """The wanted stretch of one axis, in pixels of the array."""

    first: int
    last: int
    phase: int
    """Of the array's first pixel on the grid of strides."""

    length: int
    step: int
    margin: int

    @classmethod
    def of(cls, where: NDArray[np.intp], length: int, origin: int, step: int, margin: int) -> "_Axis":
        return cls(int(where[0]), int(where[-1]) + 1, origin % step, length, step, margin)

    @property
    def most_parts(self) -> int:
        """Parts shorter than two margins are mostly margin."""
        return max(1, -(-(self.last - self.first) // max(2 * self.margin, self.step)))

    def parts(self, count: int) -> list[tuple[Span, Span]]:
        """So many stretches (fewer if they would be shorter than a stride), each with that of its input."""
        size = -(-(self.last - self.first) // count)
        return [
            (
                (start, min(start + size, self.last)),
                (
                    max(self._down(start - self.margin), self._down(0)),
                    min(self._up(min(start + size, self.last) + self.margin), self._up(self.length)),
                ),
            )
            for start in range(self.first, self.last, size)
        ]

    def _down(self, place: int) -> int:
        return (place + self.phase) // self.step * self.step - self.phase

    def _up(self, place: int) -> int:
        return -(-(place + self.phase) // self.step) * self.step - self.phase


def _device(wanted: Device) -> torch.device:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise NetworkError("there is no GPU that PyTorch can use; choose the device cpu or auto")
    return torch.device("cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu")


def _precision(wanted: Precision, device: torch.device) -> Literal["fp32", "bf16"]:
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if processor_has_bf16() else "fp32"


def processor_has_bf16() -> bool:
    """True where the processor multiplies in bf16 itself; elsewhere bf16 is slower than float32."""
    able = torch.cpu.get_capabilities()
    onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return onednn and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
