"""Harmonised Landsat and Sentinel-2 (HLS) v2.0: ``HLS.S30.T50UQV.2025163T030541.v2.0.B04.tif`` and its siblings.

Reflectance at 30 m, view angles made alike, Sentinel-2 fitted to the bands of Landsat 8 by NASA (HLS user guide v2.0).
"""

import datetime as dt
import re
from pathlib import Path

from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.levels import Scaling
from imagery.sidecar import Notes, SceneNote

_FILE = re.compile(
    r"^(?P<stem>HLS\.(?P<kind>[SL]30)\.T\d{2}[A-Z]{3}\.(?P<day>\d{7})T(?P<clock>\d{6})\.v(?P<version>\d\.\d))"
    r"\.(?P<code>B\d\d|B8A|Fmask)\.tif$",
    re.IGNORECASE,
)
_BANDS = {
    "S30": {
        "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2",
        "B07": "rededge3", "B8A": "nir", "B09": "nir09", "B10": "cirrus", "B11": "swir16", "B12": "swir22",
    },
    "L30": {
        "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "nir", "B06": "swir16", "B07": "swir22",
        "B09": "cirrus",
    },
}  # fmt: skip
"""The near infrared that both have is the narrow one: band 8A of Sentinel-2 (B08 of S30 has no sibling in L30)."""

_SCALING = Scaling(1e-4, 0.0, -9999.0, "HLS v2.0 user guide: DN × 0.0001")


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of a folder of HLS band files; None for anything else."""
    if not path.is_dir():
        return None
    groups: dict[str, list[tuple[Path, re.Match[str]]]] = {}
    for file in sorted(path.iterdir()):
        if (match := _FILE.match(file.name)) and file.is_file():
            groups.setdefault(match["stem"], []).append((file, match))
    if not groups:
        return None
    return tuple(_scene(path, stem, files, notes, len(groups) == 1) for stem, files in groups.items())


def _scene(
    folder: Path, stem: str, files: list[tuple[Path, re.Match[str]]], notes: Notes, alone: bool
) -> Candidate | Refusal:
    first = files[0][1]
    kind = first["kind"].upper()
    if not first["version"].startswith("2."):
        return Refusal(folder, f"{stem} is HLS version {first['version']}; version 2 is read.")
    taken = _taken(first["day"], first["clock"])
    if taken is None:
        return Refusal(folder, f"{stem} is dated {first['day']}T{first['clock']}, which is no time.")
    found = (notes.about(folder) if alone else None) or notes.about(folder / stem)
    note, source = found if found else (SceneNote.model_validate({}), "")
    bands: dict[str, BandFile] = {}
    for file, match in files:
        code = match["code"].upper()
        if band := "fmask" if code == "FMASK" else _BANDS[kind].get(code):
            bands[band] = BandFile(band, file)
    return Candidate(
        place=folder,
        stem=stem,
        when=note.when or taken,
        date_source=source if note.when else "file name",
        bands=tuple(bands.values()),
        sensor=f"hls-{kind.lower()}",
        level="SR",
        note=note,
        properties={"layout": "HLS", "product": note.product or stem},
        scaling=dict.fromkeys(bands, _SCALING),
    )


def _taken(day: str, clock: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(f"{day}{clock}", "%Y%j%H%M%S").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
