"""The training loop: crops in, averaged weights out; it can stop and go on where it was."""

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from detectors.core.features import CHANNELS
from detectors.core.network import NetworkSpec, build
from pipelines.errors import BadInputError
from pipelines.progress import Step
from pipelines.training.config import TrainConfig
from pipelines.training.dataset import Item, batch_of

CLASSES = ("disturbance", "burnt")
_AHEAD = 8
"""Batches made ready while a step is computed."""

Watcher = Callable[[int, nn.Module], Mapping[str, float]]
"""(step, averaged network) → figures for the curves."""


@dataclass
class State:
    """Everything that a checkpoint holds."""

    network: nn.Module
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    step: int = 0


def spec_of(config: TrainConfig) -> NetworkSpec:
    """The network that a config trains."""
    return NetworkSpec(
        encoder=config.encoder,
        depth=config.depth,
        decoder_channels=config.decoder_channels,
        channels=CHANNELS,
        classes=CLASSES,
    )


def train(
    config: TrainConfig,
    items: Sequence[Item],
    painted: Sequence[Item],
    folder: Path,
    device: str,
    step: Step,
    watch: Watcher,
    start: nn.Module | None = None,
) -> nn.Module:
    """Train from scratch or another network, or from the checkpoint that lies in the folder.

    Two parts: `TrainConfig.steps` on the first items, then `TrainConfig.more_steps` on all, each with a learning rate
    that rises and falls (a warm restart; Loshchilov & Hutter 2017).

    A batch depends on the seed and the number of its step alone: a run that was stopped ends as one that was not.

    Args:
        config: of the run.
        items: stored variants.
        painted: those that join them in the second part.
        folder: where checkpoint and curves are kept.
        device: ``cpu`` or ``cuda``.
        step: told of every step.
        watch: measures the averaged network at each checkpoint.
        start: a network of the same shape whose weights are the first; None = random ones.

    Returns:
        The averaged network, in evaluation mode.

    Raises:
        BadInputError: if the checkpoint in the folder is of another network, or broken.
    """
    torch.manual_seed(config.seed)
    state = _begin(config, device, start)
    _resume(state, folder, device)
    for _ in range(state.step):
        step()
    losses: list[float] = []
    for number, (inputs, targets) in _batches(items, painted, config, state.step + 1):
        losses.append(_step(state, config, inputs.to(device), targets.to(device), number))
        state.step = number
        step()
        if number % config.checkpoint == 0 or number in (config.steps, config.all_steps):
            figures = {"loss": float(np.mean(losses)), **watch(number, averaged(state, config, device))}
            losses.clear()
            _keep(state, folder)
            with (folder / "curves.jsonl").open("a", encoding="utf-8") as curves:
                curves.write(json.dumps({"step": number, **figures}) + "\n")
    return averaged(state, config, device)


def _begin(config: TrainConfig, device: str, start: nn.Module | None) -> State:
    network = build(spec_of(config)).to(device).to(memory_format=torch.channels_last).train()
    if start is not None:
        network.load_state_dict(start.state_dict())
    average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    return State(network, average, optimiser)


def _batches(
    items: Sequence[Item], painted: Sequence[Item], config: TrainConfig, first: int
) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
    """Numbered batches from the first on, made by a thread ahead of their use."""
    numbers, both = range(first, config.all_steps + 1), [*items, *painted]

    def make(number: int) -> tuple[Tensor, Tensor]:
        x, y = batch_of(
            items if number <= config.steps else both, np.random.default_rng([config.seed, 1, number]), config.batch
        )
        return torch.from_numpy(x), torch.from_numpy(y)

    maker = ThreadPoolExecutor(1, "batches")
    try:
        ahead = deque(maker.submit(make, number) for number in numbers[:_AHEAD])
        for number in numbers:
            batch = ahead.popleft().result()
            if number + _AHEAD <= config.all_steps:
                ahead.append(maker.submit(make, number + _AHEAD))
            yield number, batch
    finally:
        maker.shutdown(cancel_futures=True)


def _step(state: State, config: TrainConfig, inputs: Tensor, targets: Tensor, number: int) -> float:
    """One step of the optimiser and of the average; the loss."""
    for group in state.optimiser.param_groups:
        group["lr"] = rate_of(config, number)
    with torch.autocast(inputs.device.type, torch.bfloat16):
        logits = state.network(inputs.float().contiguous(memory_format=torch.channels_last))
    loss = loss_of(logits.float(), targets, config)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own
    nn.utils.clip_grad_norm_(state.network.parameters(), 2.0)
    state.optimiser.step()
    # young averages follow quickly, or the first random weights would linger
    decay = min(config.average, number / (number + 10))
    for name, tensor in state.network.state_dict().items():
        if tensor.dtype.is_floating_point:
            state.average[name].mul_(decay).add_(tensor, alpha=1 - decay)
        else:
            state.average[name].copy_(tensor)
    return float(loss.detach())


def rate_of(config: TrainConfig, number: int) -> float:
    """Learning rate of a step: in each part it rises over the warm-up and falls as a cosine."""
    done, steps = (number, config.steps) if number <= config.steps else (number - config.steps, config.more_steps)
    fall = 0.5 * (1 + math.cos(math.pi * done / steps)) + 0.01
    return config.learning_rate * min(1, done / config.warm_up) * fall


def loss_of(logits: Tensor, targets: Tensor, config: TrainConfig) -> Tensor:
    """Cross entropy and Dice over the pixels whose truth is known.

    Args:
        logits: (B, 2, H, W).
        targets: (B, 2, H, W) 0, 1, or 255 = left out.
        config: weights of the parts.
    """
    known = (targets != 255).float()
    truth = (targets == 1).float()
    count = known.sum((0, 2, 3)).clamp(min=1)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, weight=known, reduction="none")
    chance = torch.sigmoid(logits) * known
    both = (chance * truth).sum((0, 2, 3))
    dice = 1 - (2 * both + 1) / (chance.sum((0, 2, 3)) + (truth * known).sum((0, 2, 3)) + 1)
    each = 2 * entropy.sum((0, 2, 3)) / count + config.dice * dice
    return each[0] + config.burnt * each[1]


def averaged(state: State, config: TrainConfig, device: str) -> nn.Module:
    """The network with its averaged weights, for use."""
    network = build(spec_of(config))
    network.load_state_dict(state.average)
    return network.to(device).to(memory_format=torch.channels_last).eval()


def _keep(state: State, folder: Path) -> None:
    """A checkpoint as safetensors, replaced at one stroke."""
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in state.average.items()}
    for place, kept in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": torch.as_tensor(value) for name, value in kept.items()}
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    unfinished = folder / "checkpoint.safetensors.part"
    save_file(whole, unfinished, {"step": str(state.step)})
    os.replace(unfinished, folder / "checkpoint.safetensors")


def _resume(state: State, folder: Path, device: str) -> None:
    """Go on from the checkpoint of a folder, if there is one."""
    path = folder / "checkpoint.safetensors"
    if not path.exists():
        return
    try:
        tensors = load_file(path, device=device)
        # the average first: a network loads it only if it is whole
        state.network.load_state_dict(_under("average.", tensors))
        state.network.load_state_dict(_under("network.", tensors))
        state.average = {name: tensor.clone() for name, tensor in _under("average.", tensors).items()}
        kept: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser.", tensors).items():
            place, key = name.split(".", 1)
            kept.setdefault(int(place), {})[key] = tensor
        groups = state.optimiser.state_dict()["param_groups"]
        if len(kept) != sum(len(group["params"]) for group in groups):
            raise ValueError("it lacks the optimiser's state")
        state.optimiser.load_state_dict({"state": kept, "param_groups": groups})
        state.step = int(kept[0]["step"])
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise BadInputError(f"{path} is no checkpoint of this network ({error}); remove it to begin anew.") from error


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
