"""What was really done to a simulated world, and where it only looks so."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from imagery.simulated.errors import TruthError

FILE = "truth.geojson"


@dataclass(frozen=True)
class Planted:
    """One change that was planted, or one decoy."""

    id: str
    kind: str
    """``pit``, ``stripped``, ``dump``, ``road``, …; for a decoy ``mowing``, ``burn``, ``haze``, …"""

    label: str
    """``planted`` or ``decoy``."""

    detectors: tuple[str, ...]
    """Ids of the models that should find it; none for a decoy."""

    geometry: BaseGeometry
    """Polygon or MultiPolygon in EPSG:4326."""

    happened: dt.date
    """First day on which it is there."""

    completed: dt.date
    """First day on which all of it is there; later than `happened` when it grew."""

    area_m2: float
    """Geodesic area of the whole."""

    contrast: float
    """0–1: how much of the former ground it hides."""

    note: str = ""
    """What is special: on the zone edge, across a block edge, beyond its licence, …"""

    until: dt.date | None = None
    """Last day on which a passing decoy (cloud, haze, snow) is there; None = it stays."""

    recovering: dt.date | None = None
    """First day on which the ground is left to recover, so that the change is there in part only."""

    stages: tuple["Stage", ...] = ()
    """How it grew, ascending, the last one whole; none where it was whole at once."""

    hidden: tuple[dt.date, ...] = ()
    """Acquisition dates, since it happened, on which cloud or shadow lies over more than half of it."""

    def outline(self, date: dt.date) -> BaseGeometry | None:
        """What of it is there on a day, EPSG:4326; None when nothing is."""
        if date < self.happened or (self.until is not None and date > self.until):
            return None
        if not self.stages:
            return self.geometry
        return next((stage.geometry for stage in reversed(self.stages) if stage.date <= date), None)

    def done(self, date: dt.date) -> float:
        """Share of its final area that is there on a day, 0–1."""
        if self.outline(date) is None:
            return 0.0
        return next((stage.share for stage in reversed(self.stages) if stage.date <= date), 1.0)


@dataclass(frozen=True)
class Stage:
    """A growing change from one day on."""

    date: dt.date
    share: float
    """Of its final area, 0–1."""

    geometry: BaseGeometry
    """All of it that is there, EPSG:4326."""


@dataclass(frozen=True)
class SceneTruth:
    """What a reader can not know of one scene."""

    id: str
    epsg: int
    date: dt.date
    shift_px: tuple[float, float]
    """By how much the image is displaced, fine pixels east and south."""

    cloud_pct: float
    """Share of the date's ground under cloud, by the clouds themselves and not by the scene classification."""


@dataclass(frozen=True)
class Truth:
    """The answer to a simulated world."""

    seed: int
    aoi: BaseGeometry
    """The world's outline, EPSG:4326."""

    planted: tuple[Planted, ...]
    decoys: tuple[Planted, ...]
    scenes: tuple[SceneTruth, ...]

    def write(self, path: Path) -> None:
        """Writes GeoJSON: a feature each, and the scenes as a foreign member."""
        document = {
            "type": "FeatureCollection",
            "weixun": {"seed": self.seed, "aoi": mapping(self.aoi), "scenes": [_scene(s) for s in self.scenes]},
            "features": [_feature(item) for item in self.planted + self.decoys],
        }
        path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Truth":
        """Reads what `write` wrote.

        Args:
            path: the file, or the folder of the world that holds it.

        Raises:
            TruthError: if it is missing or not such a file.
        """
        file = path / FILE if path.is_dir() else path
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            head = document["weixun"]
            items = [_planted(feature) for feature in document["features"]]
            return Truth(
                seed=int(head["seed"]),
                aoi=shape(head["aoi"]),
                planted=tuple(item for item in items if item.label == "planted"),
                decoys=tuple(item for item in items if item.label == "decoy"),
                scenes=tuple(_scene_truth(scene) for scene in head["scenes"]),
            )
        except OSError as error:
            raise TruthError(f"the truth file {file} can not be read; build the simulated world again") from error
        except (ValueError, KeyError, TypeError) as error:
            raise TruthError(
                f"{file} is not the truth of a simulated world; give the file that building wrote"
            ) from error


def _feature(item: Planted) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": item.id,
        "geometry": mapping(item.geometry),
        "properties": {
            "id": item.id,
            "kind": item.kind,
            "label": item.label,
            "detectors": list(item.detectors),
            "happened": item.happened.isoformat(),
            "completed": item.completed.isoformat(),
            "area_m2": item.area_m2,
            "contrast": item.contrast,
            "note": item.note,
            "until": item.until.isoformat() if item.until else None,
            "recovering": item.recovering.isoformat() if item.recovering else None,
            "stages": [
                {"date": stage.date.isoformat(), "share": stage.share, "geometry": mapping(stage.geometry)}
                for stage in item.stages
            ],
            "hidden": [day.isoformat() for day in item.hidden],
        },
    }


def _planted(feature: Mapping[str, Any]) -> Planted:
    said = feature["properties"]
    return Planted(
        id=str(said["id"]),
        kind=str(said["kind"]),
        label=str(said["label"]),
        detectors=tuple(str(name) for name in said["detectors"]),
        geometry=shape(feature["geometry"]),
        happened=dt.date.fromisoformat(said["happened"]),
        completed=dt.date.fromisoformat(said["completed"]),
        area_m2=float(said["area_m2"]),
        contrast=float(said["contrast"]),
        note=str(said["note"]),
        until=_day(said.get("until")),
        recovering=_day(said.get("recovering")),
        stages=tuple(
            Stage(dt.date.fromisoformat(stage["date"]), float(stage["share"]), shape(stage["geometry"]))
            for stage in said.get("stages", ())
        ),
        hidden=tuple(dt.date.fromisoformat(day) for day in said["hidden"]),
    )


def _day(said: str | None) -> dt.date | None:
    return dt.date.fromisoformat(said) if said else None


def _scene(scene: SceneTruth) -> dict[str, Any]:
    return {
        "id": scene.id,
        "epsg": scene.epsg,
        "date": scene.date.isoformat(),
        "shift_px": list(scene.shift_px),
        "cloud_pct": scene.cloud_pct,
    }


def _scene_truth(said: Mapping[str, Any]) -> SceneTruth:
    east, south = said["shift_px"]
    return SceneTruth(
        id=str(said["id"]),
        epsg=int(said["epsg"]),
        date=dt.date.fromisoformat(said["date"]),
        shift_px=(float(east), float(south)),
        cloud_pct=float(said["cloud_pct"]),
    )
