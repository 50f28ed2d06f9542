"""A mosaic of several days (8-bit DOM, 3 or 4 bands, no XML) with a seam-line file that dates each of its parts.

Each polygon becomes a scene: its pixels are those of the mosaic in place, and a mask in the archive says which are its.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

import rasterio
import shapely
from rasterio.enums import ColorInterp

from imagery.assemble import assemble
from imagery.errors import InconsistentSceneError
from imagery.layouts.model import BandFile, Candidate, Refusal, Workplace
from imagery.layouts.stack import is_raster
from imagery.names import noon, slug
from imagery.projection import transformer
from imagery.raster import RasterInfo, driver_of, probe
from imagery.scene import Scene
from imagery.seammask import undated_m2, write_mask
from imagery.seams import Seam, Seams, disjoint, read_seams
from imagery.sidecar import HOW_TO, Notes, SceneNote

SEAM_SUFFIXES = (".shp", ".gpkg", ".geojson")
SEAM_WORDS = ("接缝", "镶嵌", "拼接", "seam", "cutline", "footprint", "xqx", "xqm", "jfx", "jfm")
"""One of these in a vector file's name makes it the seam lines of the mosaics beside it."""

WORTH_PX = 10.0
"""Smaller overlaps are how lines are drawn."""

_SEEN = {ColorInterp.red: "red", ColorInterp.green: "green", ColorInterp.blue: "blue", ColorInterp.alpha: "valid"}


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """A scene for each dated part of a mosaic; None for a raster without seam lines, and for anything else."""
    if not path.is_file() or not is_raster(path):
        return None
    found = notes.about(path)
    note, source = found if found else (SceneNote.model_validate({}), "")
    if note.seams is None and note.when is not None:
        return None
    lines = [path.parent / note.seams] if note.seams is not None else _lines_beside(path)
    if not lines:
        return None
    if len(lines) > 1:
        several = ", ".join(line.name for line in lines[:4])
        return (
            Refusal(path, f'{path.name} has several seam-line files ({several}): name one as "seams" in its sidecar.'),
        )
    info = probe(path)
    names, said = _bands(path, info, note, source)
    seams = read_seams(lines[0], note.date_field)
    mosaic = _Mosaic(path, info, names, said, note, seams)
    return mosaic.found()


def _lines_beside(path: Path) -> list[Path]:
    beside = sorted(file for file in path.parent.iterdir() if file.suffix.casefold() in SEAM_SUFFIXES)
    own = [file for file in beside if file.stem.casefold() == path.stem.casefold()]
    return own or [file for file in beside if any(word in file.stem.casefold() for word in SEAM_WORDS)]


def _bands(path: Path, info: RasterInfo, note: SceneNote, source: str) -> tuple[tuple[str, ...], str]:
    """Names of the bands in file order, and who says so.

    Raises:
        InconsistentSceneError: if nobody does.
    """
    if note.bands is not None:
        return note.bands, source
    with rasterio.open(path, driver=driver_of(path)) as image:
        names = tuple(_SEEN.get(colour, "?") for colour in image.colorinterp)
    if {"red", "green", "blue"} <= set(names) and "?" not in names and len(set(names)) == len(names):
        return names, "the file's own colours"
    raise InconsistentSceneError(
        f"{path.name} has {info.count} bands and does not say which is which (red green blue, or blue green red nir?): "
        f"{HOW_TO}, without the date, as {path.name}.weixun.json beside it."
    )


@dataclass(frozen=True)
class _Mosaic:
    """A mosaic and what dates it."""

    path: Path
    info: RasterInfo
    names: tuple[str, ...]
    said: str
    note: SceneNote
    seams: Seams

    def found(self) -> tuple[Candidate | Refusal, ...]:
        line, box = self.seams.path.name, shapely.box(*self.info.bounds)
        kept, shared = self._disjoint
        inside = [part for part in kept if part.geometry.intersects(box)]
        if not inside:
            return (Refusal(self.path, f"No polygon of {line} meets {self.path.name}; are both of the same place?"),)
        faults = [*self.seams.faults, *(f"{line}: {fault}" for fault in shared)]
        undated = undated_m2(self.path, [part.geometry for part in self._placed])
        if undated > 0:
            faults.append(
                f"{self.path.name}: {undated:,.0f} m² with data lie in no dated polygon of {line}: they count as not "
                "observed."
            )
        scenes = [self._candidate(part, inside) for part in inside]
        return (*scenes, *(Refusal(self.seams.path, fault) for fault in faults))

    @cached_property
    def _unit_m2(self) -> float:
        """Square metres of a square unit of its CRS."""
        return self.info.gsd_m**2 / abs(self.info.affine.determinant)

    @cached_property
    def _placed(self) -> list[Seam]:
        """The parts in the mosaic's CRS."""
        move = transformer("EPSG:4326", self.info.crs.to_wkt()).transform
        parts = self.seams.parts
        return [replace(part, geometry=shapely.transform(part.geometry, move, interleaved=False)) for part in parts]

    @cached_property
    def _disjoint(self) -> tuple[tuple[Seam, ...], tuple[str, ...]]:
        """The same without ground that is in two of them."""
        return disjoint(self._placed, self._unit_m2, WORTH_PX * self.info.gsd_m**2)

    def _candidate(self, part: Seam, parts: list[Seam]) -> Candidate:
        stem = slug(self.path.stem)
        if not self.path.stem.isascii():  # Chinese names would all be called the same
            stem = f"{stem}_{sha256(self.path.stem.encode()).hexdigest()[:8]}"
        note = self.note.model_copy(update={"id": f"{self.note.id}_s{part.number:03d}" if self.note.id else None})
        candidate = Candidate(
            place=self.path,
            stem=f"{stem}_s{part.number:03d}",
            when=noon(part.day),
            date_source=f"{self.seams.path.name}, field {self.seams.field}, polygon {part.number}",
            bands=tuple(BandFile(name, self.path, index) for index, name in enumerate(self.names, 1) if name),
            sensor=self.note.sensor or "unknown",
            level=self.note.level or "DN",
            note=note,
            properties={
                "layout": "dom",
                "product": self.note.product or self.path.name,
                "band_order": f"{' '.join(name or '-' for name in self.names)} ({self.said})",
                "seam_lines": self.seams.path.name,
                "seam_overlap_m2": f"{part.overlap_m2:.0f}",
            },
        )
        return replace(candidate, make=partial(self._make, candidate, part, parts))

    def _make(self, candidate: Candidate, part: Seam, parts: list[Seam], workplace: Workplace) -> Scene:
        whole = self._whole
        asset, shown = write_mask(self.info, part, parts, workplace.root, candidate.id)
        return replace(
            whole,
            id=candidate.id,
            datetime=candidate.when,
            geometry=shown,
            assets={**whole.assets, "seam": asset},
            properties={**whole.properties, **candidate.properties, "date_source": candidate.date_source},
        )

    @cached_property
    def _whole(self) -> Scene:
        """The whole mosaic as if it were one scene: looked at and hashed once, however many parts it has."""
        (part, *_), _ = self._disjoint
        return assemble(replace(self._candidate(part, []), make=None))
