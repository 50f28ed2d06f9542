"""A folder with one file per band: Sentinel-2 (``*_B04.tif``, ``B04.tif``, ``*_B04_(Raw).tiff``) or Landsat.

A class or quality file beside the bands (``SCL``, ``QA_PIXEL``, ``pixel_qa``) becomes the scene's mask.
"""

import re
from pathlib import Path

from imagery.layouts import landsat
from imagery.layouts.dated import dated
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.layouts.tree import Tree
from imagery.names import FileName, parse_band_file
from imagery.sidecar import HOW_TO, Notes, SceneNote

_Files = list[tuple[Path, FileName]]


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of a folder of band files (one per common stem of the names); None for anything else."""
    if not path.is_dir():
        return None
    groups: dict[str, _Files] = {}
    for file in sorted(path.iterdir()):
        if (name := parse_band_file(file.name)) and file.is_file():
            groups.setdefault(name.stem, []).append((file, name))
    if not groups:
        return None
    return tuple(_group(path, stem, files, notes, len(groups) == 1) for stem, files in groups.items())


def _group(folder: Path, stem: str, files: _Files, notes: Notes, alone: bool) -> Candidate | Refusal:
    found = notes.about(folder) if alone else None
    if found is None and stem:
        found = notes.about(folder / stem)
    if files[0][1].sensor.startswith("landsat"):
        return landsat.candidate(Tree.of(folder, depth=0), stem, files, found)
    note, source = found if found else (SceneNote.model_validate({}), "")
    names = [stem, folder.name]
    when = note.when
    if when is None:
        when, source = dated(folder, names)
    if when is None:
        return Refusal(folder, f"{folder.name} does not say when it was acquired: {HOW_TO} as scene.json in it.")
    bands: dict[str, BandFile] = {}
    for file, name in files:
        bands.setdefault(name.band, BandFile(name.band, file))
    level = note.level or _level(" ".join([*names, folder.parent.name]), "scl" in bands)
    if not level:
        return Refusal(folder, f'{folder.name} does not say its level: {HOW_TO} with "level": "L1C" or "L2A".')
    collection = files[0][1].collection
    if collection == "raw":
        bands["valid"] = BandFile("valid", files[0][0], 2)
    return Candidate(
        place=folder,
        stem=folder.name if alone else f"{folder.name}_{stem}",
        when=when,
        date_source=source,
        bands=tuple(bands.values()),
        sensor=note.sensor or files[0][1].sensor,
        level=level,
        collection=collection,
        note=note,
        properties={"layout": "band folder", "product": note.product or stem or folder.name},
    )


def _level(names: str, has_classes: bool) -> str:
    if match := re.search(r"(?:MSI)?(L1C|L2A)", names):
        return match[1]
    return "L2A" if has_classes else ""
