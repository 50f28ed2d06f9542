"""Landsat surface reflectance, collection 1 or 2: its band files in a folder or in the ``.tar`` they come in."""

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic_core import from_json

from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.layouts.dated import dated
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.layouts.tree import ARCHIVES, Tree
from imagery.levels import Scaling
from imagery.names import FileName, landsat_band, parse_band_file
from imagery.sidecar import HOW_TO, Notes, SceneNote
from imagery.sun import AZIMUTH, ELEVATION

MAX_BYTES = 4 << 20
"""A real metadata file has 20 kB."""

_PACKED_TWICE = re.compile(r"^L[COTEM]0?[4-9].*\.(tar\.gz|tgz)$", re.IGNORECASE)

Metadata = Mapping[tuple[str, str], str]
"""Values by group and key: keys such as ``REFLECTANCE_MULT_BAND_4`` mean other things in other groups."""


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scenes of a tar or zip of Landsat band files; None for anything else."""
    if path.is_dir() or not path.is_file():
        return None
    if _PACKED_TWICE.match(path.name):
        return (Refusal(path, f"{path.name} can not be read in place; unpack it and name the folder."),)
    if path.suffix.lower() not in ARCHIVES:
        return None
    try:
        tree = Tree.of(path)
    except UnreadableImageError as error:
        return (Refusal(path, str(error)),)
    groups: dict[str, list[tuple[Path, FileName]]] = {}
    for member in tree.names:
        name = parse_band_file(PurePosixPath(member).name)
        if name and name.sensor.startswith("landsat"):
            groups.setdefault(name.stem, []).append((tree.path(member), name))
    if not groups:
        return None
    found = notes.about(path) if len(groups) == 1 else None
    return tuple(candidate(tree, stem, files, found) for stem, files in groups.items())


def candidate(
    tree: Tree, stem: str, files: Sequence[tuple[Path, FileName]], found: tuple[SceneNote, str] | None
) -> Candidate | Refusal:
    """One scene of Landsat.

    Args:
        tree: the folder or archive it lies in; its metadata file (``*_MTL.json``, ``.xml`` or ``.txt``) is used where
            there is one.
        stem: what its files share.
        files: its bands and masks, with what their names say.
        found: the note on it and where that was.
    """
    note, source = found if found else (SceneNote.model_validate({}), "")
    place, sensor, collection = tree.root, files[0][1].sensor, files[0][1].collection
    try:
        said = _metadata(tree, stem)
        _agrees(said, stem, sensor)
        when = note.when
        if when is None:
            when, source = _taken(said), "MTL"
        scaling = {band: scale for _, name in files for band in [name.band] if (scale := _scale(said, sensor, band))}
    except (UnreadableImageError, InconsistentSceneError) as error:
        return Refusal(place, str(error))
    if when is None:
        when, source = dated(place, [stem, place.name])
    if when is None:
        return Refusal(place, f"{place.name} does not say when it was acquired: {HOW_TO} as scene.json in it.")
    bands: dict[str, BandFile] = {}
    for file, name in files:
        bands.setdefault(name.band, BandFile(name.band, file))
    cloud = _number(said, "IMAGE_ATTRIBUTES", "CLOUD_COVER")
    if note.cloud_pct is None and cloud is not None and 0 <= cloud <= 100:
        note = note.model_copy(update={"cloud_pct": cloud})
    return Candidate(
        place=place,
        stem=stem,
        when=when,
        date_source=source,
        bands=tuple(bands.values()),
        sensor=note.sensor or sensor,
        level=note.level or "SR",
        collection=collection,
        note=note,
        properties={"layout": "Landsat", "product": note.product or stem, **_sun(said)},
        scaling=scaling,
    )


def _metadata(tree: Tree, stem: str) -> Metadata:
    """What the metadata file says; empty where there is none."""
    for suffix, read in ((".json", _json), (".xml", _xml), (".txt", _text)):
        for name in tree.names:
            if PurePosixPath(name).name.lower() == f"{stem}_MTL{suffix}".lower():
                return read(tree.read(name, MAX_BYTES), str(tree.path(name)))
    return {}


def _json(content: bytes, name: str) -> Metadata:
    try:
        groups = from_json(content)["LANDSAT_METADATA_FILE"]
        return {(group, key): str(value) for group, keys in groups.items() for key, value in keys.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableImageError(f"{name} is no metadata of Landsat ({type(error).__name__}).") from error


def _xml(content: bytes, name: str) -> Metadata:
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise UnreadableImageError(f"{name} is not XML that can be trusted ({type(error).__name__}).") from error
    return {(group.tag, item.tag): (item.text or "").strip() for group in root for item in group}


def _text(content: bytes, name: str) -> Metadata:
    found: dict[tuple[str, str], str] = {}
    group = ""
    for line in content.decode("utf-8", errors="replace").splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            group = value
        elif value and key != "END_GROUP":
            found[group, key] = value.strip('"')
    if not found:
        raise UnreadableImageError(f"{name} is no metadata of Landsat.")
    return found


_IMAGE_GROUPS = ("IMAGE_ATTRIBUTES", "PRODUCT_METADATA")
"""Of collection 2 and of collection 1."""


def _said(said: Metadata, key: str) -> str:
    return next((said[group, key] for group in _IMAGE_GROUPS if (group, key) in said), "")


def _agrees(said: Metadata, stem: str, sensor: str) -> None:
    spacecraft = _said(said, "SPACECRAFT_ID")
    if spacecraft and spacecraft.lower().replace("_", "-") != sensor:
        raise InconsistentSceneError(f"{stem} contradicts itself: its metadata say {spacecraft}.")
    product = said.get(("PRODUCT_CONTENTS", "LANDSAT_PRODUCT_ID"), "")
    if product and product.lower() != stem.lower():
        raise InconsistentSceneError(f"{stem} contradicts itself: its metadata speak of {product}.")


def _taken(said: Metadata) -> dt.datetime | None:
    day, clock = _said(said, "DATE_ACQUIRED"), _said(said, "SCENE_CENTER_TIME").rstrip("Z")
    if not day:
        return None
    try:
        # hundred-nanoseconds are more than a datetime holds
        when = dt.datetime.fromisoformat(f"{day}T{clock[:15] or '12:00:00'}")
    except ValueError as error:
        raise UnreadableImageError(f"The metadata give a time that is none ({day[:20]} {clock[:20]}).") from error
    return when.replace(tzinfo=dt.UTC)


def _scale(said: Metadata, sensor: str, band: str) -> Scaling | None:
    """Of level 2 only: level 1 files carry the scale of reflectance at the top of the atmosphere."""
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"
    number = landsat_band(sensor, band)
    scale = _number(said, group, f"REFLECTANCE_MULT_BAND_{number}")
    offset = _number(said, group, f"REFLECTANCE_ADD_BAND_{number}")
    if scale is None or offset is None:
        return None
    if not (1e-6 < scale < 1e-3 and abs(offset) < 1):
        raise UnreadableImageError(f"The metadata give band {number} a scale that can not be ({scale:g}, {offset:g}).")
    return Scaling(scale, offset, 0.0, "Landsat collection 2 level 2, by its metadata")


def _number(said: Metadata, group: str, key: str) -> float | None:
    try:
        number = float(said.get((group, key), ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _sun(said: Metadata) -> dict[str, str]:
    azimuth, elevation = (_number(said, "IMAGE_ATTRIBUTES", key) for key in ("SUN_AZIMUTH", "SUN_ELEVATION"))
    if azimuth is None or elevation is None:
        return {}
    return {AZIMUTH: f"{azimuth % 360:.2f}", ELEVATION: f"{elevation:.2f}"}
