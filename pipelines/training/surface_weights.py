"""The surface head from an archive to the weights store.

``python -m pipelines.training.surface_weights --archive DIR --out weights``
"""

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from detectors.core import burnt, spectral
from detectors.core.surface_head import REACH_PX
from detectors.core.types import Surface
from imagery.archive import Archive
from imagery.scene import Scene
from pipelines.errors import BadInputError
from pipelines.progress import Lines, Progress
from pipelines.training.backgrounds import backgrounds
from pipelines.training.surface import Images, SurfaceConfig, Trained, train
from weights.manifest import Draft, Metric, Source, Thresholds
from weights.store import save

NAME = "surface"

_MADE_UP = Source(
    name="made-up ground and fires",
    licence="own work",
    what="typical spectra of the public libraries, rounded, mixed and varied; pipelines/training/endmembers.py",
)


def images_of(scenes: Sequence[Scene]) -> list[Images]:
    """Pairs of one ground each, all six bands in their order, NaN where a mask of the scene flags."""
    return [
        (spectral.ordered(ground.before, ground.bands), spectral.ordered(ground.after, ground.bands))
        for ground in backgrounds(scenes, pairs_at_most=2)
    ]


def draft(config: SurfaceConfig, trained: Trained, scenes: Sequence[Scene], metrics: Sequence[Metric] = ()) -> Draft:
    """What the store is told about trained weights.

    Args:
        config: of the run.
        trained: its result.
        scenes: real scenes that were learned from, for the card.
        metrics: measured on fixed sets, none of which was learned from.
    """
    named = ", ".join(sorted({scene.id for scene in scenes}))
    real = Source(
        name=f"{len(scenes)} real scenes without labels",
        licence="as the archive's scenes; nothing of them can be read back from the weights",
        what=f"pixels named by the first head where index limits agree, and ground that fires are laid into: {named}",
    )
    return Draft(
        name=NAME,
        file=f"{NAME}.safetensors",
        licence="Apache-2.0",
        created=dt.datetime.now(dt.UTC).date(),
        code_version=version("weixun"),
        seed=config.seed,
        command=f"python -m pipelines.training.surface_weights --archive DIR --seed {config.seed} --out weights",
        architecture={
            "kind": "perceptrons on pixel, ratios and window means",
            "surface_hidden": list(config.surface_hidden),
            "fire_hidden": list(config.fire_hidden),
            "classes": [surface.name.lower() for surface in Surface if surface],
        },
        bands=spectral.BANDS,
        gsd_m=(10.0, 60.0),
        reach_px=max(REACH_PX, burnt.REACH_PX),
        thresholds=Thresholds(low=burnt.LIKELY, high=burnt.CERTAIN),
        training_data=(_MADE_UP, real) if scenes else (_MADE_UP,),
        metrics=tuple(metrics),
        notes_zh="单期地表类型与火烧判别，无人工标注；缺 swir22 时火烧与深色湿土难分，草地与作物难分。",
        notes_en="Surface of one date and fire between two, learned without labels. Without swir22 fire is hard to "
        "tell from dark wet soil; grass and crop are hard to tell apart in any case.",
    )


def train_and_save(config: SurfaceConfig, archive: Path | None, out: Path, progress: Progress) -> Path:
    """Train from an archive and write weights, card and manifest.

    Args:
        config: of the run.
        archive: of real scenes; None = made-up ground alone.
        out: weights folder.
        progress: told of the stages.

    Raises:
        BadInputError: if the archive shows no ground with green, red and near infrared.
    """
    scenes = Archive.open(archive).scenes() if archive is not None else ()
    images = images_of(scenes)
    if archive is not None and not images:
        raise BadInputError(f"{archive} shows no ground in reflectance that could be learned from; add scenes to it.")
    trained = train(config, images, progress)
    return out / save(out, draft(config, trained, scenes), trained.tensors).file


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, help="archive of real scenes; without it made-up ground alone teaches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="weights folder")
    said = parser.parse_args(arguments)
    print(train_and_save(SurfaceConfig(seed=said.seed), said.archive, said.out, Lines()), file=sys.stdout)


if __name__ == "__main__":
    main()
