"""The network: what it is made of, how far it looks, how its weights are kept.

A Unet of segmentation-models-pytorch with random weights to start from; nothing is ever downloaded. What it says of a
pixel depends on nothing farther away than `reach_px`, so that a score does not depend on where a block was cut:
encoders with squeeze-and-excitation or global pooling are refused. docs/design/inference.md holds the measurements.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import segmentation_models_pytorch as smp  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import nn

from detectors.core.errors import NetworkError

# Maps of a block are tens of megabytes, allocated anew for every layer: a fifth of the time went into page faults of
# 4 KiB. PyTorch reads this at its first tensor, so it stands where PyTorch is first imported; else it does nothing.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

Tensors = Mapping[str, NDArray[np.floating[Any]]]

_SPANS_PX: Final = (512, 2048)
"""Lengths of the strips on which the reach is measured: a network that sees to the ends of the last is refused."""

_COUNTER: Final = "num_batches_tracked"
"""Buffers of BatchNorm that only training reads."""

_POINTWISE: Final = (nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.GELU, nn.Dropout, nn.Identity)
"""Layers that look at one pixel."""

_POOLING: Final = (nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The shape of a network, and what its inputs and outputs are called."""

    channels: tuple[str, ...]
    """Names of the input channels, in their order."""

    classes: tuple[str, ...] = ("disturbance", "burnt")
    """Names of the outputs, each a probability of its own."""

    encoder: str = "mobilenet_v2"
    """Name of the encoder in segmentation-models-pytorch."""

    depth: int = 4
    """How often the encoder halves the resolution."""

    decoder_channels: tuple[int, ...] = (96, 64, 32, 16)
    """Width of the decoder from its deep end to full resolution, one for each halving."""

    def __post_init__(self) -> None:
        """Refuse what can not be built."""
        if not 1 <= self.depth <= 5:
            raise NetworkError(f"a network has a depth of 1 to 5, not {self.depth}")
        if len(self.decoder_channels) != self.depth or min(self.decoder_channels) < 1:
            raise NetworkError(f"a depth of {self.depth} wants as many decoder channels, not {self.decoder_channels}")
        for what, names in (("channels", self.channels), ("classes", self.classes)):
            if not names or len(set(names)) < len(names):
                raise NetworkError(f"the {what} of a network have names, each once, not {names}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "NetworkSpec":
        """The spec that `to_dict` wrote.

        Raises:
            NetworkError: if a key is unknown or missing, or a value is of the wrong kind.
        """
        try:
            return cls(
                **{
                    **values,
                    "channels": _names(values["channels"]),
                    "classes": _names(values["classes"]),
                    "decoder_channels": tuple(int(width) for width in values["decoder_channels"]),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NetworkError(f"not the description of a network ({error}): {dict(values)}") from error


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"{value!r} is not a list of names")
    return tuple(value)


def stride(spec: NetworkSpec) -> int:
    """Pixels by which an input may be shifted so that the output shifts with it; inputs are multiples of it wide."""
    return int(2**spec.depth)


def reach_px(spec: NetworkSpec) -> int:
    """How far away, in rows or columns, the farthest pixel lies that an output depends on.

    Measured as a gradient through the network's own geometry with positive weights, where nothing cancels; the worst
    side of the worst place that an output pixel can have within a stride.

    Raises:
        NetworkError: if the network sees the whole chip, or has a layer of unknown reach.
    """
    return _reach(spec.encoder, spec.depth)


def build(spec: NetworkSpec) -> nn.Module:
    """A network with random weights, in training mode: (N, F, H, W) float → (N, K, H, W) logits.

    Stages of the encoder that the depth leaves unused are not part of it.

    Raises:
        NetworkError: if the encoder does not exist, or its reach is not bounded.
    """
    reach_px(spec)
    module = _unet(spec)
    return module.train().to(memory_format=torch.channels_last)


def load(spec: NetworkSpec, tensors: Tensors) -> nn.Module:
    """The trained network, in eval mode and float32.

    Args:
        spec: its shape.
        tensors: by name, as `to_tensors` gives them.

    Raises:
        NetworkError: if a tensor is missing, left over, of another shape, or not finite.
    """
    module = build(spec).eval().requires_grad_(False)
    own = module.state_dict()
    wanted = {name: tuple(value.shape) for name, value in own.items() if not name.endswith(_COUNTER)}
    if wanted.keys() != tensors.keys():
        differ = sorted(wanted.keys() ^ tensors.keys())
        raise NetworkError(
            f"the weights are not of this network: {len(differ)} tensors differ, the first is {differ[0]}"
        )
    for name, value in tensors.items():
        if value.shape != wanted[name]:
            raise NetworkError(f"tensor {name} is {value.shape}, but this network wants {wanted[name]}")
        if not np.isfinite(value).all():
            raise NetworkError(f"tensor {name} holds values that are not finite: the weights are damaged")
        own[name] = torch.from_numpy(np.array(value, np.float32))
    module.load_state_dict(own, strict=True)
    return module


def rescaled(module: nn.Module, place: int, slope: float, offset: float) -> None:
    """Make the log odds of one class ``slope × odds + offset``, in the last layer itself: no reader need know of it.

    Args:
        module: as `build` makes it.
        place: of the class among `NetworkSpec.classes`.
        slope: greater than 0.
        offset: added afterwards.
    """
    head = module.get_submodule("segmentation_head.0")
    weight, bias = head.get_parameter("weight"), head.get_parameter("bias")
    with torch.no_grad():
        weight[place] *= slope
        bias[place] = bias[place] * slope + offset


def to_tensors(module: nn.Module) -> dict[str, NDArray[np.floating[Any]]]:
    """What is to be kept of a network: float16, but the statistics of BatchNorm float32.

    A variance may be smaller than float16 can hold, and is divided by.

    Raises:
        NetworkError: if a weight is not finite or too large for float16.
    """
    kept: dict[str, NDArray[np.floating[Any]]] = {}
    for name, value in module.state_dict().items():
        if name.endswith(_COUNTER):
            continue
        exact = name.endswith(("running_mean", "running_var"))
        with np.errstate(over="ignore"):
            array = value.detach().float().cpu().contiguous().numpy().astype(np.float32 if exact else np.float16)
        if not np.isfinite(array).all():
            raise NetworkError(f"tensor {name} is not finite or too large for float16: the training has diverged")
        kept[name] = array
    return kept


def _unet(spec: NetworkSpec) -> nn.Module:
    try:
        module: nn.Module = smp.Unet(
            encoder_name=spec.encoder,
            encoder_depth=spec.depth,
            encoder_weights=None,
            decoder_channels=spec.decoder_channels,
            in_channels=len(spec.channels),
            classes=len(spec.classes),
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise NetworkError(f"there is no encoder {spec.encoder!r} of depth {spec.depth}: {error}") from error
    module.eval()
    with torch.enable_grad():
        module(torch.zeros(1, len(spec.channels), 64, 64)).sum().backward()
    unused = {name for name, parameter in module.named_parameters() if parameter.grad is None}
    _drop(module, unused, "")
    module.zero_grad(set_to_none=True)
    return module


def _drop(module: nn.Module, unused: set[str], prefix: str) -> None:
    """Replaces what holds unused parameters only."""
    for name, child in list(module.named_children()):
        path = f"{prefix}{name}."
        parameters = {path + parameter for parameter, _ in child.named_parameters()}
        if parameters and parameters <= unused:
            setattr(module, name, nn.Identity())
        else:
            _drop(child, unused, path)


@lru_cache(maxsize=32)
def _reach(encoder: str, depth: int) -> int:
    thin = NetworkSpec(encoder=encoder, depth=depth, decoder_channels=(1,) * depth, channels=("in",), classes=("out",))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        skeleton = _Skeleton.of(_unet(thin), encoder)
        for span in _SPANS_PX:
            sides = [_strip_reach(skeleton, stride(thin), span, axis) for axis in (0, 1)]
            if max(sides) < span // 2 - stride(thin):
                return max(sides)
    raise NetworkError(
        f"with encoder {encoder!r} a score depends on the whole chip (squeeze-and-excitation, global pooling or "
        f"attention), so on where it was cut; choose one without, such as mobilenet_v2 or resnet18"
    )


def _strip_reach(skeleton: nn.Module, phases: int, span: int, axis: int) -> int:
    """Reach along one axis: a batch of strips, in each of which the output pixel has another place in the stride."""
    shape = (phases, 1, phases, span) if axis else (phases, 1, span, phases)
    strip = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    phase = torch.arange(phases)
    place = span // 2 + phase
    outputs = skeleton(strip).sum(dim=(1, 3 - axis))
    (gradient,) = torch.autograd.grad(outputs[phase, place].sum(), strip)
    touched = gradient.sum(dim=(1, 3 - axis)).ne(0).int()
    first, last = touched.argmax(dim=1), span - 1 - touched.flip(1).argmax(dim=1)
    return int(torch.maximum(place - first, last - place).max())


class _Skeleton(nn.Module):
    """A convolution's geometry on one channel, with equal positive weights: gradients neither cancel nor saturate."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        area = conv.kernel_size[0] * conv.kernel_size[1]
        self.register_buffer("kernel", torch.full((1, 1, *conv.kernel_size), 1 / area, dtype=torch.float64))
        self.stride, self.padding, self.dilation = conv.stride, conv.padding, conv.dilation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) → (N, 1, H', W')."""
        kernel = self.get_buffer("kernel")
        mean = x.mean(dim=1, keepdim=True)
        return nn.functional.conv2d(mean, kernel, None, self.stride, self.padding, self.dilation)

    @classmethod
    def of(cls, module: nn.Module, encoder: str) -> nn.Module:
        """Puts skeletons into a network; maxima become means, which depend on all their inputs."""
        for name, child in list(module.named_children()):
            if type(child) is nn.Conv2d:
                setattr(module, name, cls(child))
            elif isinstance(child, _POOLING):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
            elif isinstance(child, _POINTWISE):
                setattr(module, name, nn.Identity())
            elif next(child.children(), None) is None:
                raise NetworkError(
                    f"encoder {encoder!r} has a layer of unbounded or unknown reach ({type(child).__name__}), as in "
                    f"squeeze-and-excitation and global pooling; choose one without, such as mobilenet_v2 or resnet18"
                )
            else:
                cls.of(child, encoder)
        return module
