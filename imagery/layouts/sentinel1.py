"""Sentinel-1 backscatter on the ground: GeoTIFFs of VV and VH from the common makers, or with a sidecar.

Whether values are power, amplitude or decibels is read from the product's name, from the unit in the file, or from
the sidecar, and never guessed from the values.
"""

import datetime as dt
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from imagery.backscatter import PROPERTY
from imagery.errors import ImageryError
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.levels import Scaling
from imagery.names import date_in_name
from imagery.raster import driver_of
from imagery.sidecar import Notes, SceneNote

_FILE = re.compile(r"^(?P<stem>.*?)(?:^|[_.-])(?P<pol>VV|VH)(?P<rest>_db|\.rtc)?\.tiff?$", re.IGNORECASE)
_RADAR = re.compile(r"(?<![A-Z0-9])S1[A-D](?![A-Z0-9])|sentinel-?1|sigma0|gamma0|iw-v[vh]\.rtc", re.IGNORECASE)

_HYP3 = re.compile(
    r"^S1[A-D]_[A-Z0-9]{2}_\d{8}T\d{6}_[DS][VH][PRO]_RTC\d\d_[GS]_[gs](?P<scale>[pad])[uw][nf][ec][dm]", re.IGNORECASE
)
_OPERA = re.compile(r"^OPERA_L2_RTC-S1_", re.IGNORECASE)
_SCALES = {"p": "linear", "a": "amplitude", "d": "dB"}
_UNITS = {
    "db": "dB", "decibel": "dB", "decibels": "dB", "power": "linear", "linear": "linear", "linear power": "linear",
    "amplitude": "amplitude",
}  # fmt: skip

HOW_TO = (
    'write a sidecar scene.json such as {"datetime": "2025-06-12T22:05:00Z", "level": "RTC", "backscatter": "dB"} '
    '("linear", "dB" or "amplitude")'
)


@dataclass(frozen=True)
class _Maker:
    """What the names of a maker's files say."""

    says: Callable[[str, str], str | None]
    """From stem and rest of a file's name to what its values are."""

    nodata: float | None
    reason: str


_MAKERS = (
    _Maker(
        lambda stem, rest: _SCALES[match["scale"].lower()] if (match := _HYP3.match(stem)) else None,
        0.0,
        "ASF HyP3 RTC, by its name",
    ),
    _Maker(lambda stem, rest: "linear" if _OPERA.match(stem) else None, None, "OPERA RTC-S1: power"),
    _Maker(lambda stem, rest: "linear" if rest == ".rtc" else None, -32768.0, "Planetary Computer RTC: power"),
    _Maker(lambda stem, rest: "dB" if rest == "_db" else None, None, "SNAP band in dB, by its name"),
)


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of a folder of VV and VH files; None for anything else."""
    if not path.is_dir():
        return None
    groups: dict[str, list[tuple[Path, re.Match[str]]]] = {}
    for file in sorted(path.iterdir()):
        if (match := _FILE.match(file.name)) and file.is_file():
            groups.setdefault(match["stem"], []).append((file, match))
    alone = len(groups) == 1
    found = {stem: _note(path, stem, notes, alone) for stem in groups}
    known = [stem for stem, files in groups.items() if found[stem] or _is_radar(path, files)]
    if not known:
        return None
    return tuple(_scene(path, stem, groups[stem], found[stem], alone) for stem in known)


def _note(folder: Path, stem: str, notes: Notes, alone: bool) -> tuple[SceneNote, str] | None:
    found = notes.about(folder) if alone else None
    found = notes.about(folder / stem) if found is None and stem else found
    # a note on optical bands in the same folder does not speak of these
    return None if found is not None and found[0].level in ("L1C", "L2A", "SR") else found


def _is_radar(folder: Path, files: list[tuple[Path, re.Match[str]]]) -> bool:
    return any(_RADAR.search(name) for name in (files[0][0].name, folder.name, folder.parent.name))


def _scene(
    folder: Path, stem: str, files: list[tuple[Path, re.Match[str]]], found: tuple[SceneNote, str] | None, alone: bool
) -> Candidate | Refusal:
    note, source = found if found else (SceneNote.model_validate({}), "")
    when = note.when
    names = (stem, folder.name, folder.parent.name)
    if when is None:
        when, source = _taken(names), "name"
    if when is None:
        return Refusal(folder, f"{folder.name} does not say when it was acquired: {HOW_TO}.")
    kinds: dict[str, tuple[str, Scaling]] = {}
    for file, match in files:
        said = (note.backscatter, "sidecar", None) if note.backscatter else _said(file, match)
        if said is None:
            return Refusal(folder, f"{file.name} does not say whether it is power, amplitude or dB: {HOW_TO}.")
        kinds[match["pol"].lower()] = (said[0], Scaling(1.0, 0.0, said[2], f"backscatter in {said[0]}: {said[1]}"))
    if len({kind for kind, _ in kinds.values()}) > 1:
        return Refusal(folder, f"{folder.name} holds {stem or 'one scene'} in two scales; keep the files of one.")
    kind = next(iter(kinds.values()))[0]
    return Candidate(
        place=folder,
        stem=next((name for name in names if date_in_name(name)), folder.name if alone else f"{folder.name}_{stem}"),
        when=when,
        date_source=source,
        bands=tuple(BandFile(match["pol"].lower(), file) for file, match in files),
        sensor=note.sensor or "sentinel-1",
        level=note.level or "RTC",
        note=note,
        properties={"layout": "Sentinel-1", "product": note.product or stem or folder.name, PROPERTY: kind},
        scaling={name: scaling for name, (_, scaling) in kinds.items()},
    )


def _taken(names: tuple[str, ...]) -> dt.datetime | None:
    return next((when for name in names if (when := date_in_name(name))), None)


def _said(file: Path, match: re.Match[str]) -> tuple[str, str, float | None] | None:
    """What a file's values are, who says so, and the value that means not observed; None where nobody says."""
    stem, rest = match["stem"], (match["rest"] or "").lower()
    for maker in _MAKERS:
        if kind := maker.says(stem, rest):
            return kind, maker.reason, maker.nodata
    unit = _unit(file)
    return (_UNITS[unit], "unit in the file", None) if unit in _UNITS else None


def _unit(file: Path) -> str:
    """Unit of the first band, as the file says; empty when it does not, or is no raster."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(file, driver=driver_of(file)) as source:
                return str(source.units[0] or source.tags(1).get("units") or source.tags().get("units") or "").lower()
    except (ImageryError, RasterioError):
        return ""  # `assemble` opens it next and says what is wrong
