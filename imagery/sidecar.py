"""The sidecar: what a person writes down beside imagery that does not say it itself."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic
from pydantic_core import from_json

from imagery.backscatter import Backscatter
from imagery.errors import ImageryError, UnreadableImageError
from imagery.names import COMMON, noon

SIDECAR_NAME = "scene.json"
SIDECAR_SUFFIX = ".weixun.json"
SIDECAR_MAX_BYTES = 4_000_000

HOW_TO = (
    'write a sidecar such as {"date": "2000-03-17", "level": "DN", "sensor": "landsat-7", '
    '"bands": ["blue", "green", "red", "nir", "swir16", "swir22"]}'
)


class Calibration(pydantic.BaseModel):
    """Radiometric calibration of one band, as its makers publish it for a sensor and a year."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    gain: float = pydantic.Field(gt=0, description="radiance = DN * gain + bias, W m⁻² sr⁻¹ µm⁻¹")
    bias: float = pydantic.Field(0.0, description="W m⁻² sr⁻¹ µm⁻¹")
    esun: float = pydantic.Field(gt=0, description="solar irradiance outside the atmosphere, W m⁻² µm⁻¹")


class SceneNote(pydantic.BaseModel):
    """What is known of one scene from outside its files."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    file: str | None = pydantic.Field(
        None, description="name of the file or folder it speaks of, where it lies elsewhere"
    )
    id: str | None = pydantic.Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", description="scene id")
    date: dt.date | None = pydantic.Field(None, description="acquisition date, ISO")
    datetime: pydantic.AwareDatetime | None = pydantic.Field(None, description="acquisition time with zone, ISO")
    level: Literal["L1C", "L2A", "SR", "GRD", "RTC", "DN"] | None = pydantic.Field(None, description="processing level")
    sensor: str | None = pydantic.Field(None, description="sentinel-2, landsat-8, …")
    bands: tuple[str, ...] | None = pydantic.Field(None, description="STAC common names in file order; '' skips one")
    backscatter: Backscatter | None = pydantic.Field(None, description="of radar: what its values are")
    scale: float | None = pydantic.Field(None, gt=0, description="reflectance = DN * scale + offset")
    offset: float | None = pydantic.Field(None, description="reflectance, not DN")
    nodata: float | None = pydantic.Field(None, description="DN that means not observed")
    baseline: str | None = pydantic.Field(None, pattern=r"^\d\d\.\d\d$", description="Sentinel-2 processing baseline")
    cloud_pct: float | None = pydantic.Field(None, ge=0, le=100, description="cloud cover in percent")
    product: str | None = pydantic.Field(None, description="product id, for the record")
    calibration: dict[str, Calibration] | None = pydantic.Field(None, description="of raw imagery, by band name")
    dem: str | None = pydantic.Field(None, description="elevation raster or folder, seen from the image's folder")
    geoid_m: float | None = pydantic.Field(
        None, ge=-120, le=100, description="to add to its heights: geoid – ellipsoid"
    )
    seams: str | None = pydantic.Field(None, description="polygons that date the parts of a mosaic, from its folder")
    date_field: str | None = pydantic.Field(None, description="their field that holds the date")

    @pydantic.field_validator("bands")
    @classmethod
    def _known(cls, bands: tuple[str, ...] | None) -> tuple[str, ...] | None:
        named = [band for band in bands or () if band]
        if unknown := sorted(set(named) - set(COMMON)):
            raise ValueError(f"unknown band names {', '.join(unknown)}; known are {', '.join(COMMON)}")
        if len(set(named)) != len(named):
            raise ValueError("a band is named twice")
        return bands

    @pydantic.model_validator(mode="after")
    def _one_time(self) -> "SceneNote":
        if self.date and self.datetime:
            raise ValueError("give date or datetime, not both")
        return self

    @property
    def when(self) -> dt.datetime | None:
        """Acquisition time, UTC; noon where only the date is known."""
        if self.datetime:
            return self.datetime.astimezone(dt.UTC)
        return noon(self.date) if self.date else None


class _SceneNotes(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    scenes: tuple[SceneNote, ...] = pydantic.Field(description="one entry per file or folder, each with its `file`")


@dataclass(frozen=True)
class Notes:
    """The notes at hand: those of a sidecar given from elsewhere come before those lying beside the imagery."""

    given: tuple[SceneNote, ...] = ()
    origin: Path | None = None
    sole: Path | None = None
    """The only source, to which a note without `file` applies."""

    def about(self, path: Path) -> tuple[SceneNote, str] | None:
        """The note on a file or folder and where it was found; None when there is none.

        Raises:
            UnreadableImageError: if a sidecar beside it is not valid.
        """
        if self.origin is not None:
            for note in self.given:
                if _speaks_of(note, path, self.sole):
                    return note, f"sidecar {self.origin.name}"
        beside = path / SIDECAR_NAME if path.is_dir() else path.with_name(path.name + SIDECAR_SUFFIX)
        if beside.is_file():
            notes = read_sidecar(beside)
            if len(notes) == 1:
                return notes[0], f"sidecar {beside.name}"
        if not path.is_dir() and (shared := path.parent / SIDECAR_NAME).is_file():
            for note in read_sidecar(shared):
                if _speaks_of(note, path, None):
                    return note, f"sidecar {shared.name}"
        return None


def _speaks_of(note: SceneNote, path: Path, sole: Path | None) -> bool:
    if note.file is None:
        return sole is not None and path == sole
    wanted = Path(note.file).parts
    return bool(wanted) and path.parts[-len(wanted) :] == wanted


def read_sidecar(path: Path) -> tuple[SceneNote, ...]:
    """The notes in a sidecar: one scene, or ``{"scenes": [...]}``.

    Raises:
        UnreadableImageError: if it is missing, not JSON, too large, or holds keys or values nobody knows.
    """
    try:
        if path.stat().st_size > SIDECAR_MAX_BYTES:
            raise UnreadableImageError(f"{path} is too large to be a sidecar; {HOW_TO}.")
        content = from_json(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableImageError(f"The sidecar {path} can not be read ({error.strerror}).") from error
    except ValueError as error:
        raise UnreadableImageError(f"The sidecar {path} is not JSON ({error}); {HOW_TO}.") from error
    try:
        if isinstance(content, dict) and "scenes" in content:
            return _SceneNotes.model_validate_json(json.dumps(content)).scenes
        return (SceneNote.model_validate_json(json.dumps(content)),)
    except pydantic.ValidationError as error:
        raise UnreadableImageError(f"The sidecar {path} is not valid: {_in_words(error)}.") from error


def _in_words(error: pydantic.ValidationError) -> str:
    parts = []
    for item in error.errors():
        where = ".".join(str(step) for step in item["loc"]) or "it"
        what = "unknown key" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}")
    return "; ".join(parts)


def require_note(found: tuple[SceneNote, str] | None, path: Path) -> tuple[SceneNote, str]:
    """The note, or the sentence that says what to write.

    Raises:
        ImageryError: if there is none.
    """
    if found is None:
        raise ImageryError(
            f"{path.name} does not say its date, level and bands: {HOW_TO} as {path.name}{SIDECAR_SUFFIX} beside it, "
            f'or in a file given with --sidecar (there with "file": "{path.name}").'
        )
    return found
