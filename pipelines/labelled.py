"""The labelled real pairs that a score is measured on: where their images and labels lie, and on which grid.

Labels are for measuring only; nothing shipped is trained on them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from detectors.core.types import BoolArray
from imagery.scene import BANDS
from pipelines.errors import BadInputError
from pipelines.warp import blaming, open_raster, read_grid

OSCD_CHANGE = 2
"""OSCD's value for change; 1 is no change. (Daudt et al., IGARSS 2018.)"""

TAIZHOU_SIDECAR = {
    "scenes": [
        {"file": file, "bands": list(BANDS), "date": date, "level": "DN", "sensor": "landsat-7"}
        for file, date in (("2000TM", "2000-03-17"), ("2003TM", "2003-02-06"))
    ]
}


@dataclass(frozen=True)
class LabelledPair:
    """Two images of one place, and what changed between them."""

    name: str
    group: str
    """Pairs of one group are of one kind: their pixels are pooled."""

    sources: tuple[Path, ...]
    """What is indexed into an archive."""

    sidecar: Mapping[str, Any] | None
    """What the files do not say themselves."""

    geobox: GeoBox
    """The labels' grid."""

    changed: Path
    unchanged: Path | None
    """A second raster of the pixels known not to have changed; None where the first says both."""

    change_value: int

    def read_truth(self) -> tuple[BoolArray, BoolArray]:
        """(H, W) changed, and ignore: True where nobody labelled."""
        changed = _read(self.changed) == self.change_value
        if self.unchanged is None:
            return changed, np.zeros_like(changed)
        return changed, ~changed & (_read(self.unchanged) != self.change_value)


def find_pairs(real: Path, names: Sequence[str] | None = None) -> tuple[LabelledPair, ...]:
    """The labelled pairs under a folder of real imagery, in alphabetical order within their group.

    Args:
        real: holds ``oscd/`` and ``landsat_taizhou/``, or one of them.
        names: only these; None means all.

    Raises:
        BadInputError: if there is none, or none of a name asked for.
    """
    pairs = (*_oscd(real / "oscd"), *_taizhou(real / "landsat_taizhou"))
    if not pairs:
        raise BadInputError(
            f"{real} holds no labelled pair; expected are oscd/images and oscd/labels, or landsat_taizhou."
        )
    known = {pair.name: pair for pair in pairs}
    if unknown := [name for name in names or () if name not in known]:
        raise BadInputError(f"{real} has no labelled pair {unknown[0]!r}; it has {', '.join(known)}.")
    return tuple(pair for pair in pairs if not names or pair.name in names)


def _oscd(folder: Path) -> tuple[LabelledPair, ...]:
    found = []
    for label in sorted(folder.glob("labels/*/cm/*-cm.tif")):
        city = label.parent.parent.name
        blues = sorted((folder / "images" / city / "imgs_1").glob("*_B02.tif"))
        if len(blues) != 1:
            raise BadInputError(
                f"{label} is a label, but {folder / 'images' / city / 'imgs_1'} has no single *_B02.tif."
            )
        geobox = _stretched(read_grid(blues[0]), read_grid(label))
        sources = (folder / "images" / city,)
        found.append(LabelledPair(city, "oscd", sources, None, geobox, label, None, OSCD_CHANGE))
    return tuple(found)


def _stretched(image: GeoBox, label: GeoBox) -> GeoBox:
    """The grid of a label without georeference: it covers the image's box, though a few pixels may be missing."""
    rows, cols = label.shape
    scale = Affine.scale(image.shape[1] / cols, image.shape[0] / rows)
    return GeoBox((rows, cols), image.affine @ scale, image.crs)


def _taizhou(folder: Path) -> tuple[LabelledPair, ...]:
    changed, unchanged = folder / "change.bmp", folder / "unchanged.bmp"
    if not changed.is_file():
        return ()
    sources = (folder / "2000TM", folder / "2003TM")
    geobox = read_grid(sources[0])
    return (LabelledPair("taizhou", "landsat", sources, TAIZHOU_SIDECAR, geobox, changed, unchanged, 255),)


def _read(path: Path) -> NDArray[np.uint8]:
    with open_raster(path, "label") as source, blaming(path, "label"):
        values: NDArray[np.uint8] = source.read(1)
    return values
