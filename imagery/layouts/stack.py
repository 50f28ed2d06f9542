"""A multi-band GeoTIFF or ENVI file; its sidecar says date, level and which band is which."""

from pathlib import Path

from imagery.errors import ImageryError
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.raster import RASTER_SUFFIXES, envi_header
from imagery.sidecar import HOW_TO, Notes, require_note


def is_raster(path: Path) -> bool:
    """Whether a file looks like a raster by its name: a known suffix, or an ENVI header beside it."""
    if path.suffix.lower() in RASTER_SUFFIXES:
        return True
    return path.suffix.lower() not in (".hdr", ".json", ".txt", ".xml") and envi_header(path) is not None


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scene of one file with a note on it; a raster without one is refused with what to write."""
    if not path.is_file() or not is_raster(path):
        return None
    try:
        note, source = require_note(notes.about(path), path)
    except ImageryError as error:
        return (Refusal(path, str(error)),)
    if note.when is None or note.level is None or not note.bands:
        return (Refusal(path, f"The {source} on {path.name} must give date, level and bands: {HOW_TO}."),)
    return (
        Candidate(
            place=path,
            stem=path.stem,
            when=note.when,
            date_source=source,
            bands=tuple(BandFile(name, path, index) for index, name in enumerate(note.bands, 1) if name),
            sensor=note.sensor or "unknown",
            level=note.level,
            note=note,
            properties={"layout": "stack", "product": note.product or path.name},
        ),
    )
