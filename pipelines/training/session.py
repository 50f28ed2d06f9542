"""A training run from archives to verified weights; whatever was done already is not done again."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from detectors.core.errors import NetworkError, TooLittleGroundError
from detectors.core.features import CHANNELS, Features
from detectors.core.inference import Engine
from detectors.core.network import NetworkSpec, reach_px, rescaled, to_tensors
from detectors.core.network import load as network_of
from detectors.core.reader import SITE
from imagery.archive import Archive
from imagery.scene import BANDS
from pipelines.errors import BadInputError
from pipelines.progress import Progress, Silent
from pipelines.run import code_version
from pipelines.training.backgrounds import Background, backgrounds
from pipelines.training.config import TrainConfig
from pipelines.training.curves import draw
from pipelines.training.dataset import Item, load, make_real, make_simulated, make_worked
from pipelines.training.loop import CLASSES, spec_of, train
from pipelines.training.scoring import PATCH_HIGH, PATCH_LOW, Scoring, best_threshold, proven, scoring_of
from pipelines.training.variants import as_it_is
from weights.manifest import Calibration, Draft, Entry, Metric, Source, Thresholds
from weights.store import Loaded, save

VALIDATION_SEED = 1_000_000
"""Added to the seed of a run for the grounds kept out."""

PAINTED_SEED = 2_000_000
"""Added to it for the painted variants."""

_GSD_M = (2.0, 60.0)

_UNNAMED = Source(name="archives given", licence="not stated", what="scenes without labels")


Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    """What a run leaves."""

    entry: Entry
    folder: Path


@dataclass(frozen=True)
class _Ground:
    """What a run learns from and measures on."""

    learned: Sequence[Background]
    kept: Sequence[Background]
    folder: Path


def run_training(
    config: TrainConfig,
    archives: Sequence[Path],
    folder: Path,
    weights: Path,
    *,
    base: Loaded | None = None,
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
        base: weights whose score is kept: only the network that patches are made of is trained, from theirs on.
        sources: where the archives come from and under which licence, for the model card.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: processes that plant.
        command: what was typed, for the model card.
        progress: told of every variant and step.

    Raises:
        BadInputError: if the archives hold too little, the folder belongs to another run, or the base is another
            network than the configuration says.
    """
    progress = progress or Silent()
    spec, where = _spec(config), _device(device)
    if base is not None and not config.site_steps:
        raise BadInputError("only the network of sites was to be trained, and site_steps is 0: nothing to do")
    if base is not None and NetworkSpec.from_dict(dict(base.entry.architecture)) != spec:
        raise BadInputError(f"{base.entry.file} holds another network than this configuration says: train a whole one")
    _same_run(config, folder, base)
    ground = _Ground(*_grounds(config, archives), folder)
    _plant(config, ground, workers, progress, worlds=base is None)
    if base is None:
        draft, tensors = _disturbance(config, spec, where, ground, sources, command, progress)
    else:
        tensors = {name: value for name, value in base.tensors.items() if not name.startswith(SITE)}
        draft = _again(config, base.entry, sources, command)
    if config.site_steps:
        sites, metrics = _sites(config, spec, where, folder, tensors, command, progress)
        tensors |= {f"{SITE}{name}": value for name, value in sites.items()}
        draft = draft.model_copy(update={"metrics": (*draft.metrics, *metrics)})
    return Trained(save(weights, draft, tensors), folder)


def _disturbance(
    config: TrainConfig,
    spec: NetworkSpec,
    where: str,
    ground: _Ground,
    sources: Sequence[Source],
    command: str,
    progress: Progress,
) -> tuple[Draft, Tensors]:
    """The network that tells what changed, and what turns its answer into a score."""
    folder = ground.folder
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
    real = [seen for one in (*ground.learned, *ground.kept) for seen in _as_they_are(one)]
    scoring = scoring_of(engine, real, validation)
    rarity = {"rarity.network": scoring.rarities.network.knots, "rarity.unusual": scoring.rarities.unusual.knots}
    return _draft(config, scoring, sources, command), {**tensors, **rarity}


def _sites(
    config: TrainConfig,
    spec: NetworkSpec,
    where: str,
    folder: Path,
    tensors: Tensors,
    command: str,
    progress: Progress,
) -> tuple[Tensors, tuple[Metric, ...]]:
    """The network that tells where people worked: the trained one, taught works and deceptions of several years.

    Planted variants stay beside the worlds, so that real ground is not forgotten.
    """
    items = [item for name in ("train", "painted") for item in load(folder / name) if item.source == "real"]
    worlds, kept = (load(folder / name) for name in ("worked", "worked-kept"))
    validation = [*load(folder / "validation"), *kept]
    if not items or not validation:
        raise BadInputError("nothing could be planted: the archives show too little ground")
    start = network_of(spec, {name: value for name, value in tensors.items() if not name.startswith("rarity.")})
    own = config.model_copy(update={"steps": config.site_steps, "more_steps": 0, "learning_rate": config.site_rate})
    home = folder / "sites"
    home.mkdir(exist_ok=True)

    def watch(_: int, network: nn.Module) -> Mapping[str, float]:
        draw(home / "curves.jsonl", home / "curves.html")
        return _figures(Engine(network, spec, "cpu" if where == "cpu" else "cuda"), kept or validation)

    with progress.stage("training sites", own.steps) as step:
        network = train(own, [*items, *worlds], (), home, where, step, watch, start)
    draw(home / "curves.jsonl", home / "curves.html")
    network = network.cpu()
    rescaled(network, CLASSES.index("disturbance"), *proven(Engine(network, spec, "cpu"), validation))
    figures = _figures(Engine(network, spec, "cpu"), kept or validation)
    on = "worlds of several years" if kept else "planted changes"
    return to_tensors(network), tuple(
        Metric(set=f"sites: {on} kept out of training, by pixels", measure=name, value=round(value, 4), command=command)
        for name, value in figures.items()
    )


def _spec(config: TrainConfig) -> NetworkSpec:
    """The network to be trained: whether it can be built is asked before hours of planting."""
    spec = spec_of(config)
    try:
        reach_px(spec)
    except NetworkError as error:
        raise BadInputError(str(error)) from error
    return spec


def _same_run(config: TrainConfig, folder: Path, base: Loaded | None) -> None:
    """Begin a run in a folder, or find the same one there."""
    said = config.model_dump(mode="json") | ({"base": base.entry.sha256} if base is not None else {})
    path, wanted = folder / "config.json", json.dumps(said, indent=2)
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


def _plant(config: TrainConfig, ground: _Ground, workers: int, progress: Progress, *, worlds: bool) -> None:
    learning, kept, folder = ground.learned, ground.kept, ground.folder
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
    if worlds:
        parts = range(config.simulated), range(config.simulated, config.simulated + config.more_simulated)
        with progress.stage("simulating", parts[1].stop) as step:
            for numbers, name in zip(parts, ("train", "painted"), strict=True):
                make_simulated(config.seed, numbers, folder / name, workers, step)
    if config.site_steps:
        _work(config, folder, workers, progress)


def _work(config: TrainConfig, folder: Path, workers: int, progress: Progress) -> None:
    parts = range(config.site_worlds), range(config.site_worlds, config.site_worlds + config.site_kept)
    with progress.stage("simulating works", parts[1].stop) as step:
        for numbers, name in zip(parts, ("worked", "worked-kept"), strict=True):
            make_worked(config.seed, numbers, config.site_pairs, config.variant, folder / name, workers, step)


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
    made_up = (*((simulated,) if worlds else ()), *_worked(config))
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
        training_data=(*(sources or (_UNNAMED,)), *made_up),
        metrics=tuple(
            Metric(set=planted, measure=name, value=round(value, 4), command=command)
            for name, value in scoring.figures.items()
        ),
        notes_zh="只用无标注的真实影像（植入变化）和模拟草原训练；分数仅是线索，不是结论。",
        notes_en="Learned from changes planted into unlabelled scenes and from simulation. A score raises a lead, "
        "never a verdict.",
    )


_THEN = "; then "


def _again(config: TrainConfig, base: Entry, sources: Sequence[Source], command: str) -> Draft:
    """What is known of weights whose score is kept, with another network for sites."""
    today = dt.datetime.now(dt.UTC).date()
    said = base.model_dump(exclude={"sha256", "bytes"}) | {
        "file": f"disturbance-{today:%Y%m%d}.safetensors",
        "created": today,
        "code_version": code_version(),
        "command": f"{base.command.split(_THEN)[0]}{_THEN}{command}",
        "training_data": tuple(dict.fromkeys((*base.training_data, *sources, *_worked(config)))),
        # what was measured of leads was measured of the network that is replaced
        "metrics": tuple(one for one in base.metrics if not (one.set.startswith("sites:") or "leads" in one.measure)),
    }
    return Draft.model_validate(said)


def _worked(config: TrainConfig) -> tuple[Source, ...]:
    """The worlds that sites are learned on, if there are any."""
    what = f"{config.site_worlds} worlds of several years, for the network of sites"
    asked = config.site_steps and config.site_worlds
    return (Source(name="simulated steppe, worked on", licence="Apache-2.0", what=what),) if asked else ()
