"""A folder with one file per band: Sentinel-2 (``*_B04.tif``, ``B04.tif``, ``*_B04_(Raw).tiff``) or Landsat.

A class or quality file beside the bands (``SCL``, ``QA_PIXEL``, ``pixel_qa``) becomes the scene's mask.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.names import FileName, date_in_name, noon, parse_band_file
from imagery.sidecar import HOW_TO, Notes, SceneNote


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of a folder of band files (one per common stem of the names); None for anything else."""
    if not path.is_dir():
        return None
    groups: dict[str, list[tuple[Path, FileName]]] = {}
    for file in sorted(path.iterdir()):
        if (name := parse_band_file(file.name)) and file.is_file():
            groups.setdefault(name.stem, []).append((file, name))
    if not groups:
        return None
    return tuple(_group(path, stem, files, notes, len(groups) == 1) for stem, files in groups.items())


def _group(
    folder: Path, stem: str, files: list[tuple[Path, FileName]], notes: Notes, alone: bool
) -> Candidate | Refusal:
    found = notes.about(folder) if alone else None
    if found is None and stem:
        found = notes.about(folder / stem)
    note, source = found if found else (SceneNote.model_validate({}), "")
    names = [stem, folder.name]
    when = note.when
    if when is None:
        when, source = _dated(folder, names)
    if when is None:
        return Refusal(folder, f"{folder.name} does not say when it was acquired: {HOW_TO} as scene.json in it.")
    bands: dict[str, BandFile] = {}
    for file, name in files:
        bands.setdefault(name.band, BandFile(name.band, file))
    sensor = note.sensor or files[0][1].sensor
    level = note.level or _level(sensor, " ".join([*names, folder.parent.name]), "scl" in bands)
    if not level:
        return Refusal(folder, f'{folder.name} does not say its level: {HOW_TO} with "level": "L1C" or "L2A".')
    collection = files[0][1].collection
    if collection == "raw":
        bands["valid"] = BandFile("valid", files[0][0], 2)
    return Candidate(
        place=folder,
        stem=stem if sensor.startswith("landsat") else folder.name if alone else f"{folder.name}_{stem}",
        when=when,
        date_source=source,
        bands=tuple(bands.values()),
        sensor=sensor,
        level=level,
        collection=collection,
        note=note,
        properties={"layout": "band folder", "product": note.product or stem or folder.name},
    )


def _dated(folder: Path, names: list[str]) -> tuple[dt.datetime | None, str]:
    """From ``dates.txt`` with one date, else from the first name that carries one."""
    listed = folder / "dates.txt"
    if listed.is_file():
        with listed.open("rb") as stream:
            text = stream.read(10_000).decode("utf-8", errors="replace")
        if match := re.search(r"^\s*date\s*[:=]\s*(\d{4})-?(\d{2})-?(\d{2})\s*$", text, re.MULTILINE):
            when = date_in_name("".join(match.groups()))
            return when, "dates.txt"
    return next(_from_names(names), (None, ""))


def _from_names(names: list[str]) -> Iterator[tuple[dt.datetime, str]]:
    for source, name in zip(("file name", "folder name"), names, strict=True):
        if when := date_in_name(name):
            # a browser export spans the whole day: its 00:00 is not the overpass
            yield (noon(when.date()) if when.hour == 0 else when), source


def _level(sensor: str, names: str, has_classes: bool) -> str:
    if sensor.startswith("landsat"):
        return "SR"
    if match := re.search(r"(?:MSI)?(L1C|L2A)", names):
        return match[1]
    return "L2A" if has_classes else ""
