"""The simulated archive that the benchmarks read: built once, kept under a name made from what made it."""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import TypeVar

import imagery.simulated
from imagery.simulated.spec import DecoyCounts, PlantedCounts, SteppeSpec, bench_spec
from imagery.simulated.world import build

FULL_M = 50_000
"""Edge of the full world: 2,500 km²."""

MARK = "complete"

Counts = TypeVar("Counts", PlantedCounts, DecoyCounts)


def spec_of(size_m: int, seed: int) -> SteppeSpec:
    """A world of a size; what is planted in the full one is thinned to what a small one has room for."""
    spec = bench_spec(seed, size_m)
    share = (size_m / FULL_M) ** 2
    if share >= 1:
        return spec
    planted = _thinned(spec.planted, share).model_copy(update={"pit": max(2, round(spec.planted.pit * share))})
    few = {"villages": 1, "old_mines": 1, "lakes": 1}
    return spec.model_copy(update={"planted": planted, "decoys": _thinned(spec.decoys, share), **few})


def _thinned(counts: Counts, share: float) -> Counts:
    whole = counts.model_dump()
    fewer = {name: round(count * share) for name, count in whole.items() if not isinstance(count, bool)}
    return type(counts).model_validate(whole | fewer)


def cached_world(cache: Path, size_m: int, seed: int = 0) -> Path:
    """A folder with ``archive/`` and ``aoi.geojson``, built when the cache has none of this spec and this code."""
    spec = spec_of(size_m, seed)
    folder = cache / f"steppe_{_key(spec)}"
    if (folder / MARK).exists():
        print(f"archive: {folder} (kept from before)", file=sys.stderr)
        return folder
    if folder.exists():  # what an interrupted build left
        shutil.rmtree(folder)
    print(f"archive: building {size_m / 1000:g} × {size_m / 1000:g} km in {folder}", file=sys.stderr, flush=True)
    build(spec, folder, _tell)
    (folder / MARK).touch()
    return folder


def _key(spec: SteppeSpec) -> str:
    digest = hashlib.sha256(spec.model_dump_json().encode())
    for source in sorted(Path(imagery.simulated.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _tell(done: int, total: int) -> None:
    if done * 10 // total > (done - 1) * 10 // total:
        print(f"archive: {done * 100 // total} %", file=sys.stderr, flush=True)
