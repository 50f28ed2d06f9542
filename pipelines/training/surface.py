"""Training of the surface head, without a single human label.

Made-up ground teaches it first. That first head then names what it is sure of in real scenes, where published index
limits agree; those pixels, seen through other air and with fewer bands, are learned beside the made-up ones. Fires are
laid into both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detectors.core import burnt, spectral, surface
from detectors.core.perceptron import Perceptron
from detectors.core.surface_head import FEATURES, REACH_PX, SurfaceHead, features
from detectors.core.types import BARE, BUILT, VEGETATION, FloatArray, Surface
from pipelines.progress import Progress, Step
from pipelines.training.fires import LEFT_OUT, Pair, made_up_pair, real_pair
from pipelines.training.fitting import Fit, Samples, fit
from pipelines.training.mosaics import draw_chip, drop_bands, through_air

Images = tuple[FloatArray, FloatArray]
"""Two dates of one ground, (6, H, W) reflectance in the order of `spectral.BANDS`; the same one twice is no fault."""

PIECE_PX = 64


class SurfaceConfig(BaseModel):
    """All that decides the result; the same config, scenes and seed give the same numbers on the same machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0, lt=2**31, description="seed of everything random")
    chips: int = Field(default=1600, ge=4, description="made-up chips of 64² px for the surface")
    pieces: int = Field(default=450, ge=0, description="pieces of 64² px of real scenes for the surface; 0 = none")
    pairs: int = Field(default=3400, ge=4, description="pairs of 64² px, made up and real, for fires")
    pixels: int = Field(default=800, ge=8, description="pixels taken of each chip, piece or pair, at most")
    sure: float = Field(default=0.8, ge=0, le=1, description="confidence from which the first head names a real pixel")
    surface_hidden: tuple[int, ...] = Field(default=(48, 32), description="hidden layers of the surface")
    fire_hidden: tuple[int, ...] = Field(default=(64, 32), description="hidden layers of the fire")
    epochs: int = Field(default=5, ge=1, description="passes over the samples")


@dataclass(frozen=True)
class Trained:
    """What the weights store takes."""

    tensors: dict[str, FloatArray]
    meta: dict[str, Any]


def train(config: SurfaceConfig, scenes: Sequence[Images], progress: Progress) -> Trained:
    """Train both perceptrons; minutes on one core.

    Args:
        config: of the run.
        scenes: real pairs without labels, at least `PIECE_PX` wide and high; none = made-up ground alone.
        progress: told of samples and epochs.
    """
    scenes = [pair for pair in scenes if min(pair[0].shape[1:]) >= PIECE_PX]
    how = Fit(config.surface_hidden, config.epochs, seed=config.seed)
    with progress.stage("made-up ground", config.chips) as step:
        samples = Samples.joined(list(_chips(config, step)))
    with progress.stage("surface", config.epochs) as step:
        tensors = fit("surface", samples, len(Surface) - 1, how, step)
    first = Perceptron.from_tensors(tensors, "surface", FEATURES, len(Surface) - 1)
    if scenes and config.pieces:
        with progress.stage("real ground", config.pieces) as step:
            samples = Samples.joined([samples, *_pieces(config, scenes, first, step)])
        with progress.stage("surface again", config.epochs) as step:
            tensors = fit("surface", samples, len(Surface) - 1, how, step)
    with progress.stage("fires", config.pairs) as step:
        fires = Samples.joined(list(_fires(config, scenes, first, step)))
    with progress.stage("fire", config.epochs) as step:
        how = Fit(config.fire_hidden, config.epochs, seed=config.seed)
        tensors |= fit("burnt", fires, 1, how, step)
    return Trained(tensors, {"reach_px": REACH_PX, "pair_reach_px": burnt.REACH_PX, "config": config.model_dump()})


def _taken(
    rng: Generator, described: FloatArray, answer: NDArray[Any], left_out: NDArray[np.bool_], most: int
) -> Samples | None:
    """Some of the pixels that have an answer."""
    places = np.flatnonzero(~left_out)
    if not len(places):
        return None
    places = rng.choice(places, min(most, len(places)), replace=False)
    return Samples(described.reshape(len(described), -1)[:, places], answer.ravel()[places].astype(np.int64))


def _chips(config: SurfaceConfig, step: Step) -> Iterator[Samples]:
    for number in range(config.chips):
        rng = default_rng([config.seed, 1, number])
        chip = draw_chip(rng, PIECE_PX)
        known = chip.surface != Surface.UNKNOWN
        taken = _taken(rng, features(drop_bands(rng, chip.image)), chip.surface.astype(int) - 1, ~known, config.pixels)
        if taken is not None:
            yield taken
        step()


def _pieces(config: SurfaceConfig, scenes: Sequence[Images], first: Perceptron, step: Step) -> Iterator[Samples]:
    """Real pixels that the first head and the index limits agree on, as another sensor would see them."""
    head = SurfaceHead(first, first)
    names = [[_agreed(head, image, config.sure) for image in pair] for pair in scenes]
    for number in range(config.pieces):
        rng = default_rng([config.seed, 2, number])
        scene, date = int(rng.integers(len(scenes))), int(rng.integers(2))
        image, named = scenes[scene][date], names[scene][date]
        row, col = (int(rng.integers(size - PIECE_PX + 1)) for size in named.shape)
        place = (slice(row, row + PIECE_PX), slice(col, col + PIECE_PX))
        seen = through_air(rng, image[:, *place], shaded=0.1, thickest=0.4)
        answer = named[place]
        taken = _taken(
            rng, features(drop_bands(rng, seen)), answer.astype(int) - 1, answer == Surface.UNKNOWN, config.pixels
        )
        if taken is not None:
            yield taken
        step()


def _agreed(head: SurfaceHead, image: FloatArray, sure: float) -> NDArray[np.uint8]:
    """(H, W) what the first head is sure of and `surface.classify` does not contradict; else UNKNOWN."""
    codes, confidence = head.classify(image, spectral.BANDS)
    rules = surface.classify(image, spectral.BANDS)
    agreed = np.zeros(codes.shape, np.bool_)
    for kinds in (VEGETATION, BARE | BUILT, frozenset({Surface.WATER}), frozenset({Surface.SNOW})):
        agreed |= np.isin(codes, list(kinds)) & np.isin(rules, list(kinds))
    return np.where(agreed & (confidence >= sure), codes, np.uint8(Surface.UNKNOWN))


def _fires(config: SurfaceConfig, scenes: Sequence[Images], first: Perceptron, step: Step) -> Iterator[Samples]:
    head = SurfaceHead(first, first)
    codes = [head.classify(pair[0], spectral.BANDS)[0] for pair in scenes]
    for number in range(config.pairs):
        rng = default_rng([config.seed, 3, number])
        if scenes and rng.random() < 0.5:
            scene = int(rng.integers(len(scenes)))
            pair = real_pair(rng, scenes[scene], codes[scene], PIECE_PX)
        else:
            pair = made_up_pair(rng, PIECE_PX)
        taken = _described(rng, pair, config.pixels)
        if taken is not None:
            yield taken
        step()


def _described(rng: Generator, pair: Pair, most: int) -> Samples | None:
    before, after, answer = pair.before, pair.after, pair.burnt
    if rng.random() < 0.15:  # time runs backwards: what recovers did not burn
        before, after, answer = after, before, np.where(answer == LEFT_OUT, answer, 0).astype(np.uint8)
    before = drop_bands(rng, before)
    if rng.random() < 0.1:
        before[spectral.BANDS.index("swir22")] = np.nan
    seen = spectral.usable(before) & spectral.usable(after)
    return _taken(rng, burnt.pair_features(before, after), answer, ~seen | (answer == LEFT_OUT), most)
