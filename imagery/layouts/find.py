"""From a source that a user names to the scenes it holds."""

from collections.abc import Callable, Iterator
from pathlib import Path

from imagery.errors import ImageryError
from imagery.layouts import band_folder, dom, gaofen, hls, landsat, oscd, safe, sentinel1, stack
from imagery.layouts.model import Candidate, Refusal
from imagery.sidecar import Notes

MAX_DEPTH = 6
MAX_ENTRIES = 200_000

Recogniser = Callable[[Path, Notes], tuple[Candidate | Refusal, ...] | None]


def _band_files(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """Of one folder the scenes of all kinds that come as one file per band: they may lie side by side."""
    kinds = (hls.recognise, band_folder.recognise, sentinel1.recognise)
    return tuple(scene for kind in kinds for scene in kind(path, notes) or ()) or None


LAYOUTS: tuple[Recogniser, ...] = (
    oscd.recognise,
    safe.recognise,
    landsat.recognise,
    _band_files,
    gaofen.recognise,
    dom.recognise,
    stack.recognise,
)

KNOWN = (
    "a city folder with imgs_1, imgs_2 and dates.txt; a Sentinel-2 product (*.SAFE or its .zip); a folder with one "
    "file per band of Sentinel-2, Landsat (or its .tar), HLS or Sentinel-1 (*_B04.tif, SCL.tif, *_SR_B4.TIF, *_VV.tif);"
    " Gaofen or ZY-3 images with their .xml and .rpb, or as .tar.gz; a mosaic beside its seam-line polygons; "
    "a multi-band GeoTIFF or ENVI file with a sidecar"
)


def find(source: Path, notes: Notes) -> Iterator[Candidate | Refusal]:
    """The scenes of a file or folder; a folder that is none itself is walked.

    A source that holds nothing known yields one refusal that says which layouts are known.
    """
    if not source.exists():
        yield Refusal(source, f"{source} does not exist.")
        return
    seen = False
    try:
        for found in _walk(source, notes, MAX_DEPTH):
            seen = True
            yield found
    except OSError as error:
        seen = True
        yield Refusal(source, f"{source} can not be listed ({error.strerror}).")
    if not seen:
        yield Refusal(source, f"{source} holds no layout that is known: {KNOWN}.")


def _walk(path: Path, notes: Notes, depth: int) -> Iterator[Candidate | Refusal]:
    try:
        for recognise in LAYOUTS:
            if (found := recognise(path, notes)) is not None:
                yield from found
                return
    except ImageryError as error:
        yield Refusal(path, str(error))
        return
    if not path.is_dir():
        return
    if depth == 0:
        yield Refusal(path, f"{path} lies more than {MAX_DEPTH} folders deep; name it as a source itself.")
        return
    children = sorted(child for child in path.iterdir() if not child.name.startswith("."))
    if len(children) > MAX_ENTRIES:
        yield Refusal(path, f"{path} has more than {MAX_ENTRIES:,} entries; name the scenes as sources.")
        return
    for child in children:
        if not (child.is_dir() and child.is_symlink()):
            yield from _walk(child, notes, depth - 1)
