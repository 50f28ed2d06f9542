"""A city of the OSCD change set: ``imgs_1``, ``imgs_2`` and ``dates.txt``.

File names carry the date of processing for half of the cities, so only ``dates.txt`` or a sidecar is believed.
Daudt et al., "Urban change detection for multispectral Earth observation using CNNs", IGARSS 2018.
"""

import datetime as dt
import re
from pathlib import Path

from imagery.errors import InconsistentSceneError
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.names import noon, parse_band_file
from imagery.sidecar import Notes, SceneNote

EPOCHS = {"imgs_1": "date_1", "imgs_2": "date_2"}


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The two scenes of a city folder, or the one of an epoch folder inside it; None for anything else."""
    if not path.is_dir():
        return None
    if path.name in EPOCHS:
        return (_epoch(path, notes),)
    if not any((path / epoch).is_dir() for epoch in EPOCHS):
        return None
    return tuple(
        _epoch(path / epoch, notes) if (path / epoch).is_dir() else Refusal(path / epoch, _missing(path, epoch))
        for epoch in EPOCHS
    )


def _missing(city: Path, epoch: str) -> str:
    return f"{city.name} has no folder {epoch}: a pair needs imgs_1 and imgs_2."


def _epoch(folder: Path, notes: Notes) -> Candidate | Refusal:
    city = folder.parent
    found = notes.about(folder)
    note, source = found if found else (SceneNote.model_validate({}), "dates.txt")
    try:
        when = note.when
        if when is None:
            when, source = noon(_listed(city / "dates.txt", EPOCHS[folder.name])), "dates.txt"
    except InconsistentSceneError as error:
        return Refusal(folder, str(error))
    bands: dict[str, BandFile] = {}
    for file in sorted(folder.iterdir()):
        if (name := parse_band_file(file.name)) and file.is_file():
            bands.setdefault(name.band, BandFile(name.band, file))
    if not bands:
        return Refusal(folder, f"{city.name}/{folder.name} holds no band files such as *_B04.tif.")
    return Candidate(
        place=folder,
        stem=f"oscd_{city.name}",
        when=when,
        date_source=source,
        bands=tuple(bands.values()),
        sensor=note.sensor or "sentinel-2",
        level=note.level or "L1C",
        note=note,
        properties={"layout": "oscd", "product": bands[min(bands)].path.stem.rsplit("_", 1)[0]},
    )


def _listed(file: Path, key: str) -> dt.date:
    if not file.is_file():
        raise InconsistentSceneError(
            f"{file} is missing, and file names may carry the date of processing: "
            "write it with the lines date_1: YYYYMMDD and date_2: YYYYMMDD."
        )
    with file.open("rb") as stream:
        text = stream.read(10_000).decode("utf-8", errors="replace")
    match = re.search(rf"^\s*{key}\s*[:=]\s*(\d{{4}})-?(\d{{2}})-?(\d{{2}})\s*$", text, re.MULTILINE)
    if match is None:
        raise InconsistentSceneError(f"{file} gives no {key}; write a line {key}: YYYYMMDD.")
    try:
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError as error:
        raise InconsistentSceneError(f"{file} gives a {key} that is no date ({match[0].strip()}).") from error
