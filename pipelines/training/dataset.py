"""The training set: variants written to disk once, read as random crops."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from detectors.core.errors import TooLittleGroundError
from imagery.simulated.curriculum import train_specs
from imagery.simulated.examined import learned_specs
from imagery.simulated.spec import SteppeSpec
from pipelines.progress import Step
from pipelines.training.backgrounds import Background
from pipelines.training.simulated import worked_variants, world_variant
from pipelines.training.variants import Variant, VariantSpec, variant

CROP_PX = 128
SIMULATED_FROM = 50_000
"""Number of the first simulated variant."""

_PAIRS_MOST = 10
"""Numbers that a world of several years takes."""


@dataclass(frozen=True)
class Item:
    """One stored variant."""

    inputs: NDArray[np.float16]
    """(F, H, W) features, a memory map."""

    targets: NDArray[np.uint8]
    """(2, H, W) changed and burnt: 0, 1, or 255 = left out of the loss."""

    source: str
    """Where its ground comes from: ``real`` or ``simulated``."""

    full: bool
    """False for an imitated poorer sensor."""


def store(folder: Path, number: int, made: Variant, source: str) -> None:
    """Write a variant as plain NumPy files."""
    full = all(np.isfinite(band).any() for band in made.planted.before) and made.planted.reflectance
    stem = f"{number:05d}_{source}_{'full' if full and made.planted.gsd_m < 20 else 'poor'}"
    # the targets come last and whole: where they are, the item is
    _write(folder / f"{stem}_x.npy", made.features.channels.astype(np.float16))
    _write(folder / f"{stem}_y.npy", np.stack([made.label, made.burnt]))


def _write(path: Path, array: NDArray[Any]) -> None:
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    os.replace(unfinished, path)


def load(folder: Path) -> list[Item]:
    """Everything that was stored, as memory maps."""
    items = []
    for path in sorted(folder.glob("*_y.npy")):
        _, source, kind, _ = path.stem.split("_")
        inputs = np.load(path.with_name(path.name.replace("_y.npy", "_x.npy")), mmap_mode="r", allow_pickle=False)
        items.append(Item(inputs, np.load(path, allow_pickle=False), source, kind == "full"))
    return items


def make_real(
    grounds: Sequence[Background], spec: VariantSpec, count: int, seed: int, folder: Path, workers: int, step: Step
) -> int:
    """Plant into backgrounds and store the variants; each depends on the seed and its number alone.

    Returns:
        How many were stored; a variant with too little ground observed is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(count) if not list(folder.glob(f"{n:05d}_real_*_y.npy"))]
    # spawned, not forked: a forked child inherits the locks of threads that it has not
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (list(grounds), spec, seed, folder)) as pool:
        for _ in pool.map(_make_real, missing):
            step()
    return len(list(folder.glob("*_real_*_y.npy")))


def make_simulated(seed: int, numbers: range, folder: Path, workers: int, step: Step) -> int:
    """Build simulated worlds and store what the network sees of them; worlds are removed again.

    Args:
        seed: of the set of worlds.
        numbers: which of them.
        folder: where they are stored; what lies there is not made again.
        workers: processes.
        step: told of every world.

    Returns:
        How many variants are stored; a world with too little ground in sight is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    specs = [
        (SIMULATED_FROM + number, spec, folder)
        for number, spec in enumerate(train_specs(seed, numbers.stop))
        if number in numbers and not list(folder.glob(f"{SIMULATED_FROM + number:05d}_simulated_*_y.npy"))
    ]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for _ in pool.map(_make_simulated, specs):
            step()
    return len(list(folder.glob("*_simulated_*_y.npy")))


def _make_simulated(job: tuple[int, SteppeSpec, Path]) -> None:
    number, spec, folder = job
    with threadpool_limits(1):
        made = world_variant(spec)
    if made is not None:
        store(folder, number, made, "simulated")


def make_worked(
    seed: int, numbers: range, pairs: int, spec: VariantSpec, folder: Path, workers: int, step: Step
) -> int:
    """Build worlds of several years and store what the network sees of pairs of their days; as `make_simulated`.

    Args:
        seed: of the set of worlds, see `learned_specs`.
        numbers: which of them.
        pairs: of each, at most 10.
        spec: how often which poorer sensor is imitated.
        folder: where they are stored; what lies there is not made again.
        workers: processes.
        step: told of every world.

    Returns:
        How many variants are stored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (number, world, pairs, spec, folder)
        for number, world in enumerate(learned_specs(seed, numbers.stop))
        if number in numbers and not _whole(folder, number).exists()
    ]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for _ in pool.map(_make_worked, jobs):
            step()
    return len(list(folder.glob("*_simulated_*_y.npy")))


def _make_worked(job: tuple[int, SteppeSpec, int, VariantSpec, Path]) -> None:
    number, world, pairs, spec, folder = job
    with threadpool_limits(1):
        rng = np.random.default_rng([world.seed, 1_202])
        for place, made in enumerate(worked_variants(world, rng, min(pairs, _PAIRS_MOST), spec)):
            store(folder, number * _PAIRS_MOST + place, made, "simulated")
    _whole(folder, number).touch()


def _whole(folder: Path, number: int) -> Path:
    """Says that all pairs of a world are stored."""
    return folder / f"{number:05d}.whole"


_JOB: dict[str, object] = {}


def _start(grounds: list[Background], spec: VariantSpec, seed: int, folder: Path) -> None:
    _JOB.update(grounds=grounds, spec=spec, seed=seed, folder=folder)


def _make_real(number: int) -> None:
    grounds, spec, seed, folder = (_JOB[key] for key in ("grounds", "spec", "seed", "folder"))
    assert isinstance(grounds, list)
    assert isinstance(spec, VariantSpec)
    assert isinstance(folder, Path)
    rng = np.random.default_rng([int(str(seed)), number])
    sizes = np.array([np.sqrt(ground.doubtful.size) for ground in grounds])
    ground = grounds[int(rng.choice(len(grounds), p=sizes / sizes.sum()))]
    with threadpool_limits(1):
        try:
            made = variant(ground, rng, spec)
        except TooLittleGroundError:
            return
    store(folder, number, made, "real")


def batch_of(items: Sequence[Item], rng: Generator, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of random crops, turned and mirrored.

    Returns:
        (B, F, `CROP_PX`, `CROP_PX`) float16 inputs and (B, 2, …) uint8 targets.
    """
    weights = np.array([np.sqrt(item.targets[0].size) for item in items])
    chosen = rng.choice(len(items), batch, p=weights / weights.sum())
    pairs = [_crop(items[int(place)], rng) for place in chosen]
    return np.stack([x for x, _ in pairs]), np.stack([y for _, y in pairs])


def _crop(item: Item, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    height, width = item.targets.shape[1:]
    row, col = (int(rng.integers(0, max(size - CROP_PX, 0) + 1)) for size in (height, width))
    window = (slice(None), slice(row, row + CROP_PX), slice(col, col + CROP_PX))
    x, y = np.asarray(item.inputs[window]), item.targets[window]
    turns, mirror = int(rng.integers(4)), rng.random() < 0.5
    return _turned(_padded(x, 0), turns, mirror), _turned(_padded(y, 255), turns, mirror)


def _padded(array: NDArray[Any], outside: int) -> NDArray[Any]:
    """A crop of ground smaller than a crop, filled up to the right and below."""
    short = [(0, 0), *((0, CROP_PX - size) for size in array.shape[1:])]
    return np.pad(array, short, constant_values=outside) if any(gap for _, gap in short) else array


def _turned(array: NDArray[Any], turns: int, mirror: bool) -> NDArray[Any]:
    turned = np.rot90(array, turns, (1, 2))
    return np.ascontiguousarray(turned[..., ::-1] if mirror else turned)
