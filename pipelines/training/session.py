"""A training run from archives to verified weights; whatever was done already is not done again."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from detectors.core.errors import NetworkError, TooLittleGroundError
from detectors.core.features import CHANNELS, Features
from detectors.core.inference import Engine
from detectors.core.network import NetworkSpec, reach_px, rescaled, to_tensors
from detectors.core.network import load as network_of
from imagery.archive import Archive
from imagery.scene import BANDS
from pipelines.errors import BadInputError
from pipelines.progress import Progress, Silent
from pipelines.run import code_version
from pipelines.training.backgrounds import Background, backgrounds
from pipelines.training.config import TrainConfig
from pipelines.training.curves import draw
from pipelines.training.dataset import Item, load, make_real, make_simulated
from pipelines.training.loop import CLASSES, spec_of, train
from pipelines.training.scoring import PATCH_HIGH, PATCH_LOW, Scoring, best_threshold, proven, scoring_of
from pipelines.training.variants import as_it_is
from weights.manifest import Calibration, Draft, Entry, Metric, Source, Thresholds
from weights.store import save

VALIDATION_SEED = 1_000_000
"""Added to the seed of a run for the grounds kept out."""

PAINTED_SEED = 2_000_000
"""Added to it for the painted variants."""

_GSD_M = (2.0, 60.0)

_UNNAMED = Source(name="archives given", licence="not stated", what="scenes without labels")


@dataclass(frozen=True)
class Trained:
    """What a run leaves."""

    entry: Entry
    scoring: Scoring
    folder: Path


def run_training(
    config: TrainConfig,
    archives: Sequence[Path],
    folder: Path,
    weights: Path,
    *,
    sources: Sequence[Source] = (),
    device: str = "auto",
    workers: int = 2,
    command: str = "weixun train",
    progress: Progress | None = None,
) -> Trained:
    """Plant, train, calibrate, store.

    Args:
        config: of the run.
        archives: real scenes of any places; one place in `TrainConfig.keep_out` is kept for validation.
        folder: of the run: variants, checkpoint, curves. An unfinished run there is gone on with.
        weights: folder whose manifest gets the entry.
        sources: where the archives come from and under which licence, for the model card.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes that plant.
        command: what was typed, for the model card.
        progress: told of every variant and step.

    Raises:
        BadInputError: if the archives hold too little, or the folder belongs to another run.
    """
    progress = progress or Silent()
    spec, where = _spec(config), _device(device)
    _same_run(config, folder)
    learning, kept = _grounds(config, archives)
    _plant(config, learning, kept, folder, workers, progress)
    items, painted, validation = (load(folder / name) for name in ("train", "painted", "validation"))
    if not items or not validation:
        raise BadInputError("nothing could be planted: the archives show too little ground")

    def watch(_: int, network: nn.Module) -> Mapping[str, float]:
        draw(folder / "curves.jsonl", folder / "curves.html")
        return _figures(Engine(network, spec, "cpu" if where == "cpu" else "cuda"), validation)

    with progress.stage("training", config.all_steps) as step:
        network = train(config, items, painted, folder, where, step, watch)
    draw(folder / "curves.jsonl", folder / "curves.html")
    network = network.cpu()
    rescaled(network, CLASSES.index("disturbance"), *proven(Engine(network, spec, "cpu"), validation))
    # what the user's own machine computes is what is calibrated: rounded weights, as they are stored
    tensors = to_tensors(network)
    engine = Engine(network_of(spec, tensors), spec, "cpu")
    real = [seen for ground in (*learning, *kept) for seen in _as_they_are(ground)]
    scoring = scoring_of(engine, real, validation)
    draft = _draft(config, scoring, sources, command)
    rarity = {"rarity.network": scoring.rarities.network.knots, "rarity.unusual": scoring.rarities.unusual.knots}
    entry = save(weights, draft, {**tensors, **rarity})
    return Trained(entry, scoring, folder)


def _spec(config: TrainConfig) -> NetworkSpec:
    """The network to be trained: whether it can be built is asked before hours of planting."""
    spec = spec_of(config)
    try:
        reach_px(spec)
    except NetworkError as error:
        raise BadInputError(str(error)) from error
    return spec


def _same_run(config: TrainConfig, folder: Path) -> None:
    """Begin a run in a folder, or find the same one there."""
    path, wanted = folder / "config.json", config.model_dump_json(indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") != wanted:
            raise BadInputError(f"{folder} holds a run with another configuration; name another folder with --out")
        path.write_text(wanted, encoding="utf-8")
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BadInputError(f"{folder} can not be the folder of a run ({error.strerror}); name another") from error


def _grounds(config: TrainConfig, archives: Sequence[Path]) -> tuple[list[Background], list[Background]]:
    """Grounds to learn from, and those kept out: whole places, so that no ground is in both."""
    found = sorted(
        (ground for archive in archives for ground in backgrounds(Archive.open(archive).scenes())),
        key=lambda ground: ground.name,
    )
    places = list(dict.fromkeys(ground.place for ground in found))
    kept = set(places[:: config.keep_out])
    learning = [ground for ground in found if ground.place not in kept]
    if not learning:
        raise BadInputError(
            f"the archives show {len(places)} places, at least two are needed: one is kept out to measure on"
        )
    return learning, [ground for ground in found if ground.place in kept]


def _plant(
    config: TrainConfig,
    learning: Sequence[Background],
    kept: Sequence[Background],
    folder: Path,
    workers: int,
    progress: Progress,
) -> None:
    with progress.stage("planting", config.variants) as step:
        make_real(learning, config.variant, config.variants, config.seed, folder / "train", workers, step)
    with progress.stage("painting", config.painted) as step:
        seed = config.seed + PAINTED_SEED
        make_real(learning, config.painting, config.painted, seed, folder / "painted", workers, step)
    with progress.stage("planting for validation", config.validation) as step:
        # what may have changed there is left out, never guessed: the thresholds rest on planted changes alone
        sober = config.variant.model_copy(update={"likely": False})
        seed = config.seed + VALIDATION_SEED
        make_real(kept, sober, config.validation, seed, folder / "validation", workers, step)
    worlds = range(config.simulated), range(config.simulated, config.simulated + config.more_simulated)
    with progress.stage("simulating", worlds[1].stop) as step:
        for numbers, name in zip(worlds, ("train", "painted"), strict=True):
            make_simulated(config.seed, numbers, folder / name, workers, step)


def _as_they_are(ground: Background) -> list[Features]:
    """A real pair both ways round; nothing where one ground shows too little for normals."""
    try:
        return [as_it_is(each).features for each in (ground, ground.reversed())]
    except TooLittleGroundError:
        return []


def _figures(engine: Engine, validation: Sequence[Item]) -> dict[str, float]:
    """How well planted changes are told on the grounds kept out, by pixels."""
    chances, truths = [], []
    for item in validation[:12]:
        channels = np.asarray(item.inputs, np.float32)
        observed = channels[CHANNELS.index("observed")] > 0
        known = observed & (item.targets[0] != 255)
        chances.append(engine.probabilities(channels, observed, (0, 0))[0][known])
        truths.append(item.targets[0][known] == 1)
    threshold, figures = best_threshold(np.concatenate(chances), np.concatenate(truths))
    return {"threshold": threshold, **figures}


def _device(wanted: str) -> str:
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise BadInputError("there is no CUDA device here; use --device cpu")
    return "cuda" if there and wanted != "cpu" else "cpu"


def _draft(config: TrainConfig, scoring: Scoring, sources: Sequence[Source], command: str) -> Draft:
    spec = spec_of(config)
    today = dt.datetime.now(dt.UTC).date()
    planted = "planted changes on ground kept out of training, by pixels"
    architecture: dict[str, Any] = json.loads(json.dumps(spec.to_dict()))
    worlds = config.simulated + config.more_simulated
    simulated = Source(name="simulated steppe", licence="Apache-2.0", what=f"{worlds} worlds of this project")
    return Draft(
        name="disturbance",
        file=f"disturbance-{today:%Y%m%d}.safetensors",
        licence="Apache-2.0",
        created=today,
        code_version=code_version(),
        seed=config.seed,
        command=command,
        architecture=architecture,
        bands=BANDS,
        gsd_m=_GSD_M,
        reach_px=reach_px(spec),
        thresholds=Thresholds(low=scoring.low, high=scoring.high, patch_low=PATCH_LOW, patch_high=PATCH_HIGH),
        calibration=Calibration(points=scoring.calibration),
        training_data=(*(sources or (_UNNAMED,)), *((simulated,) if worlds else ())),
        metrics=tuple(
            Metric(set=planted, measure=name, value=round(value, 4), command=command)
            for name, value in scoring.figures.items()
        ),
        notes_zh="只用无标注的真实影像（植入变化）和模拟草原训练；分数仅是线索，不是结论。",
        notes_en="Learned from changes planted into unlabelled scenes and from simulation. A score raises a lead, "
        "never a verdict.",
    )
