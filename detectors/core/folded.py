"""The network rewritten for speed: the same numbers with fewer operations.

Three rewritings, each exact but for the rounding of float32:

- BatchNorm is folded into the convolution before it.
- Doubling by nearest neighbour and a 3×3 convolution after it are one transposed 4×4 convolution with stride 2: each
  output then takes 4 products per channel instead of 9, and the doubled map is never written.
- The decoder works only around the pixels that are wanted, so that the halo costs it little.

Measurements are in docs/design/inference.md.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from detectors.core.errors import NetworkError

Span = tuple[int, int]
"""First row or column and the one after the last."""

_HEAD_PX = 1
"""Rows and columns that the head's convolution spoils at an edge where a map was cut."""

_BLOCK_PX = 2
"""The same of a block of the decoder."""

_DOUBLED = ((0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))
"""(4, 3): taps of the transposed kernel from those of a kernel that followed a doubling, along one axis."""


class Folded(nn.Module):
    """A Unet in eval mode, rewritten."""

    def __init__(self, unet: nn.Module, sample: torch.Tensor) -> None:
        """Rewrite a copy.

        Args:
            unet: as `network.build` makes it, trained.
            sample: (1, F, H, W) any input that it accepts.
        """
        super().__init__()
        unet = copy.deepcopy(unet).cpu().float().eval().requires_grad_(False)
        _fold(unet, sample)
        self.encoder, self.head = _child(unet, "encoder"), _child(unet, "segmentation_head")
        with torch.inference_mode():
            deep = self.encoder(sample)[:0:-1]
        blocks = list(_child(_child(unet, "decoder"), "blocks").children())
        # what comes up from below, ahead of the skip: the deepest features, then what the block below gives
        below = [deep[0].shape[1], *(_conv(block, "conv2").out_channels for block in blocks)]
        self.blocks = nn.ModuleList(_Block(block, width) for block, width in zip(blocks, below, strict=False))

    def forward(self, x: torch.Tensor, rows: Span, cols: Span) -> torch.Tensor:
        """(N, F, H, W) → (N, K, rows, cols) logits of the pixels wanted."""
        maps = self.encoder(x)[:0:-1]
        x = maps[0]
        origin = (0, 0)
        cuts = zip(_cuts(rows, len(self.blocks)), _cuts(cols, len(self.blocks)), strict=True)
        for block, skip, (row, col) in zip(self.blocks, [*maps[1:], None], cuts, strict=True):
            x, origin = _cut(x, row, col, origin)
            origin = (2 * origin[0], 2 * origin[1])
            if skip is not None:
                height, width = x.shape[2:]
                skip = skip[:, :, origin[0] : origin[0] + 2 * height, origin[1] : origin[1] + 2 * width]
            x = block(x, skip)
        x, origin = _cut(x, _grown(rows, _HEAD_PX), _grown(cols, _HEAD_PX), origin)
        logits: torch.Tensor = self.head(x)
        return logits[:, :, rows[0] - origin[0] : rows[1] - origin[0], cols[0] - origin[1] : cols[1] - origin[1]]


class _Block(nn.Module):
    """A block of the decoder: doubles what comes from below, joins the skip, two convolutions."""

    def __init__(self, block: nn.Module, below: int) -> None:
        super().__init__()
        first = _conv(block, "conv1")
        weight = first.weight.double()
        doubled = torch.tensor(_DOUBLED, dtype=torch.float64)
        up = torch.einsum("ya,xb,oiab->ioyx", doubled, doubled, weight[:, :below])
        self.up = nn.ConvTranspose2d(below, first.out_channels, 4, 2, 1)
        self.up.weight, self.up.bias = nn.Parameter(up.float()), first.bias
        self.skip: nn.Conv2d | None = None
        if first.in_channels > below:
            self.skip = nn.Conv2d(first.in_channels - below, first.out_channels, 3, padding=1, bias=False)
            self.skip.weight = nn.Parameter(weight[:, below:].float())
        self.second = _child(block, "conv2")

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None) -> torch.Tensor:
        """(N, C, H, W) and (N, S, 2 H, 2 W) → (N, D, 2 H, 2 W)."""
        y: torch.Tensor = self.up(x)
        if self.skip is not None and skip is not None:
            y = y.add_(self.skip(skip))
        out: torch.Tensor = self.second(y.relu_())
        return out


def _cuts(span: Span, blocks: int) -> list[Span]:
    """For each block from the deepest, what part of its input is needed for a span of the output; may lie outside."""
    cuts = []
    need = _grown(span, _HEAD_PX)
    for _ in range(blocks):
        first, last = _grown(need, _BLOCK_PX)
        need = (first // 2, -(-last // 2))
        cuts.append(need)
    return cuts[::-1]


def _grown(span: Span, by: int) -> Span:
    return span[0] - by, span[1] + by


def _cut(x: torch.Tensor, rows: Span, cols: Span, origin: tuple[int, int]) -> tuple[torch.Tensor, tuple[int, int]]:
    """The part of a map whose corner is at `origin`, as far as there is one; and its own corner."""
    top, left = (max(span[0] - at, 0) for span, at in zip((rows, cols), origin, strict=True))
    part = x[:, :, top : max(rows[1] - origin[0], 0), left : max(cols[1] - origin[1], 0)]
    return part, (origin[0] + top, origin[1] + left)


def _fold(module: nn.Module, sample: torch.Tensor) -> None:
    """Folds every BatchNorm whose input is a convolution's output, found by running the network once."""
    made: dict[int, tuple[str, torch.Tensor]] = {}
    pairs: dict[str, str] = {}

    def convolved(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            made[id(output)] = (name, output)  # the tensor is held, so that no other takes its id

        return hook

    def normalised(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            if id(inputs[0]) in made:
                pairs[name] = made[id(inputs[0])][0]

        return hook

    hooks = [each.register_forward_hook(convolved(name)) for name, each in _of(module, nn.Conv2d)]
    hooks += [each.register_forward_pre_hook(normalised(name)) for name, each in _of(module, nn.BatchNorm2d)]
    with torch.inference_mode():
        module(sample)
    for hook in hooks:
        hook.remove()
    for norm, conv in pairs.items():
        convolution, normalisation = module.get_submodule(conv), module.get_submodule(norm)
        if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
            module.set_submodule(conv, fuse_conv_bn_eval(convolution, normalisation))
            module.set_submodule(norm, nn.Identity())


def _of(module: nn.Module, kind: type[nn.Module]) -> list[tuple[str, nn.Module]]:
    return [(name, each) for name, each in module.named_modules() if isinstance(each, kind)]


def _child(module: nn.Module, name: str) -> nn.Module:
    child = getattr(module, name, None)
    if not isinstance(child, nn.Module):
        raise NetworkError(f"not a Unet of segmentation-models-pytorch: it has no {name}")
    return child


def _conv(block: nn.Module, name: str) -> nn.Conv2d:
    """The convolution of a folded Conv2dReLU."""
    first = next(_child(block, name).children())
    if not isinstance(first, nn.Conv2d) or first.kernel_size != (3, 3):
        raise NetworkError(f"not a block of a Unet of segmentation-models-pytorch: {name} is no 3×3 convolution")
    return first
