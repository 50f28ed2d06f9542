"""A small steppe that is seen every few days, and whose violations happen in between."""

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from numpy.random import default_rng

from imagery.errors import ProviderError
from imagery.providers.local import LocalProvider
from imagery.providers.provider import Fetched, Provider, Quarantined
from imagery.scene import Scene
from imagery.simulated.plan import Clock
from imagery.simulated.spec import DecoyCounts, PlantedCounts, SteppeSpec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build
from pipelines.patrol.config import PatrolConfig, Watch

BEFORE = (dt.date(2023, 7, 10), dt.date(2023, 7, 25))


def season_spec(after: Sequence[dt.date], seed: int = 3, **changes: Any) -> SteppeSpec:
    """3 × 3 km, seen on the days given."""
    spec = SteppeSpec(
        seed=seed, centre=(119.6, 49.2), width_m=3_000, height_m=3_000, before=BEFORE, after=tuple(after),
        planted=PlantedCounts(pit=2, stripped=2, dump=1, road=0, buildings=2, ploughed=0, fill=0, pond=0, clearing=0,
                              topsoil=0),
        decoys=DecoyCounts(mowing=0, harvest=0, burn=0, drought=0, cloud_remnant=0, haze=0, water_level=False,
                           misregistration=False),
        planted_ha=(0.8, 2.5), cloud_pct=(0.0, 3.0), crop_share=0.0, forest_share=0.0, villages=0, old_mines=0,
        lakes=0, drought=0.1,
    )  # fmt: skip
    return spec.model_copy(update=changes)


def build_season(spec: SteppeSpec, folder: Path) -> Path:
    """A world whose violations happen on any day between the first and the last two looks."""
    turns = default_rng(spec.seed)
    begun: list[dt.date] = []

    def any_time(self: Clock) -> dt.date:
        gaps = list(zip((spec.before[-1], *spec.after), spec.after, strict=False))[: max(1, len(spec.after) - 2)]
        last, first = gaps[int(turns.integers(len(gaps)))]
        begun.append(last + dt.timedelta(days=max(1, round((first - last).days * turns.uniform(0.2, 0.9)))))
        return begun[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "early", any_time)
        patch.setattr(Clock, "second", lambda self: begun[-1] + dt.timedelta(days=6))  # of those that grow once
        build(spec, folder)
    _tell_clouds(folder)
    return folder


def _tell_clouds(world: Path) -> None:
    """Each scene's cloud cover in the archive's items, as products of Sentinel-2 and Landsat tell theirs."""
    cover = {scene.id.lower(): scene.cloud_pct for scene in Truth.read(world).scenes}
    for file in sorted((world / "archive" / "items").glob("*.json")):
        item = json.loads(file.read_bytes())
        item["properties"]["eo:cloud_cover"] = round(cover[item["id"]], 2)
        file.write_text(json.dumps(item))


@dataclass
class Flaky:
    """A provider that is out on some nights, and hands out scenes only once they have arrived."""

    inner: LocalProvider
    out: frozenset[dt.date] = frozenset()
    night: dt.date = dt.date.max
    asked: list[str] = field(default_factory=list)
    name: str = "flaky"

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        return ()

    def close(self) -> None:
        pass

    def search(self, ground: Any, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        if self.night in self.out:
            raise ProviderError("flaky does not answer (503) after 5 tries")
        return self.inner.search(ground, first, min(last, self.night))

    def fetch(self, scenes: Sequence[Scene], ground: Any, step: Callable[[], None]) -> Fetched:
        return self.inner.fetch(scenes, ground, step)


def config_of(world: Path, **changes: Any) -> PatrolConfig:
    """A patrol of a world, quick and quiet."""
    said: dict[str, Any] = {
        "watch": [{"aoi": str(world / "aoi.geojson"), "archive": world / "archive", "detectors": ["land_disturbance"]}],
        "work": {"method": "training-free", "block_px": 192},
        "notify": {"pdf": False},
        "keep": {"min_free_gb": 0.01},
        "after": {"first_days": 8},
    }
    return PatrolConfig.model_validate(said | changes)


def sources_of(provider: Provider) -> Callable[[Watch, Path], contextlib.AbstractContextManager[Provider]]:
    """That provider for every watch."""

    @contextlib.contextmanager
    def sources(watch: Watch, home: Path) -> Iterator[Provider]:
        yield provider

    return sources


def break_scene(world: Path, day: dt.date) -> str:
    """Cut the file of a band in half; gives the scene's id."""
    folder = next((world / "scenes").glob(f"*{day:%Y%m%d}*"))
    data = (folder / "B04.tif").read_bytes()
    (folder / "B04.tif").write_bytes(data[: len(data) // 2])
    return folder.name
