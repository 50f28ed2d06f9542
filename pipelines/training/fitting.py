"""Fitting a small perceptron to samples: the same seed gives the same numbers."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from detectors.core.types import FloatArray
from pipelines.progress import Step


@dataclass(frozen=True)
class Samples:
    """Described pixels and what they are."""

    described: FloatArray
    """(F, N)."""

    answer: NDArray[np.int64]
    """(N,) classes from 0 on."""

    @classmethod
    def joined(cls, parts: "list[Self]") -> Self:
        """All of them one after another."""
        return cls(
            np.concatenate([part.described for part in parts], axis=1),
            np.concatenate([part.answer for part in parts]),
        )


@dataclass(frozen=True)
class Fit:
    """How a perceptron is fitted."""

    hidden: tuple[int, ...]
    epochs: int = 6
    batch: int = 4096
    learning_rate: float = 6e-3
    smoothing: float = 0.02
    """Of the labels of more than one class: what is certain in a simulation is not so on the ground."""

    seed: int = 0


def fit(name: str, samples: Samples, classes: int, how: Fit, step: Step) -> dict[str, FloatArray]:
    """Tensors ``<name>.<n>.weight|bias`` for `detectors.core.perceptron.Perceptron`.

    Args:
        name: of the perceptron.
        samples: to fit; their scaling is folded into the first layer.
        classes: how many; 1 fits the probability of the answer 1.
        how: sizes and schedule.
        step: told of every epoch.
    """
    torch.manual_seed(how.seed)
    mean, scale = samples.described.mean(axis=1), samples.described.std(axis=1) + 1e-3
    inputs = torch.from_numpy(((samples.described - mean[:, None]) / scale[:, None]).T.copy())
    answers = torch.from_numpy(samples.answer)
    sizes = (len(mean), *how.hidden, classes)
    linear = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    network = nn.Sequential(*[layer for one in linear[:-1] for layer in (one, nn.ReLU())], linear[-1])
    batches = max(len(answers) // how.batch, 1)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.learning_rate, total_steps=how.epochs * batches)
    for _ in range(how.epochs):
        order = torch.randperm(len(answers))
        for number in range(batches):
            chosen = order[number * how.batch : (number + 1) * how.batch]
            loss = _loss(network(inputs[chosen]), answers[chosen], how.smoothing)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            optimiser.step()
            schedule.step()
        step()
    tensors: dict[str, FloatArray] = {}
    for place, layer in enumerate(linear):
        weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
        if place == 0:
            weight = weight / scale
            bias = bias - weight @ mean
        tensors[f"{name}.{place}.weight"] = weight.astype(np.float32)
        tensors[f"{name}.{place}.bias"] = bias.astype(np.float32)
    return tensors


def _loss(values: Tensor, answers: Tensor, smoothing: float) -> Tensor:
    if values.shape[1] > 1:
        return functional.cross_entropy(values, answers, label_smoothing=smoothing)
    return functional.binary_cross_entropy_with_logits(values[:, 0], answers.float())
