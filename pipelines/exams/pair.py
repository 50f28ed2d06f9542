"""Two real images scanned as a user would scan them, and what the scan wrote, laid on the grid of a truth."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyogrio.errors import DataSourceError
from rasterio.features import geometry_mask
from rasterio.warp import Resampling, reproject
from shapely.geometry.base import BaseGeometry

from aoi.errors import AoiError
from aoi.grid import epsg_of, to_crs
from aoi.model import Aoi
from detectors.core.errors import DetectorError
from detectors.core.types import BoolArray, FloatArray, Surface
from imagery.archive import Archive
from imagery.errors import ImageryError
from imagery.providers.local import LocalProvider
from imagery.scene import BANDS, Scene
from leads.errors import LeadsError
from pipelines.errors import PipelineError
from pipelines.progress import Silent
from pipelines.request import Method, ScanRequest
from pipelines.scan import scan
from pipelines.warp import blaming, open_raster, read_scores

METHODS: tuple[Method, ...] = ("auto", "network", "training-free")

DOMAIN_ERRORS = (AoiError, DetectorError, ImageryError, LeadsError, PipelineError)
"""What may go wrong with one pair without ending the exam."""


@dataclass(frozen=True)
class Indexed:
    """Two scenes of an archive: before and after of one place."""

    name: str
    archive: Path
    before: Scene
    after: Scene


def index(name: str, sources: Sequence[Path], sidecar: Mapping[str, Any] | None, folder: Path) -> Indexed:
    """Index two scenes as `weixun archive add` does.

    Args:
        name: what the pair is called in messages.
        sources: files or folders that hold exactly two scenes.
        sidecar: what the files do not say themselves.
        folder: an empty folder, for the archive and the sidecar.

    Raises:
        ImageryError: if there are not two scenes; says why files were refused.
    """
    place, note = folder / "archive", None
    if sidecar is not None:
        note = folder / f"{name}.json"
        note.write_text(json.dumps(sidecar), encoding="utf-8")
    report = Archive.create_or_open(place).add(list(sources), sidecar=note)
    scenes = Archive.open(place).scenes()
    if len(scenes) != 2:
        reasons = " ".join(reason for _, reason in report.refused)
        raise ImageryError(f"{name} has {len(scenes)} scenes, a pair has two. {reasons}".strip())
    before, after = sorted(scenes, key=lambda scene: scene.datetime)
    return Indexed(name, place, before, after)


@dataclass(frozen=True)
class Scanned:
    """The folder that a scan with scores wrote, read on one grid."""

    out: Path
    geobox: GeoBox
    remarks: tuple[str, ...] = ()
    """What the run noted, for instance why ground could not be scored."""

    def scored(self, detector: str) -> FloatArray:
        """As `score`, of a detector that is never out of season.

        Raises:
            PipelineError: if not one pixel was scored; says what the run noted.
        """
        score = self.score(detector)
        if not np.isfinite(score).any():
            raise PipelineError(f"not one pixel was scored: {'; '.join(self.remarks)}")
        return score

    def score(self, detector: str) -> FloatArray:
        """(H, W) score of a detector, NaN = not observed, or out of its season.

        Raises:
            PipelineError: if the scan wrote none.
        """
        return scores_on_grid(sorted((self.out / "scores").glob(f"{detector}_*.tif")), self.geobox)

    def surface(self, role: Literal["before", "after"]) -> NDArray[np.uint8]:
        """(H, W) `Surface` codes, nearest; UNKNOWN = not observed or not told.

        Raises:
            PipelineError: if the scan wrote none.
        """
        files = sorted((self.out / "surfaces").glob(f"{role}_*.tif"))
        if not files:
            raise PipelineError("the scan wrote no surface")
        codes = np.full(self.geobox.shape, Surface.UNKNOWN, np.uint8)
        for file in files:
            part = _nearest(file, self.geobox)
            codes = np.where(codes == Surface.UNKNOWN, part, codes)
        return codes

    def leads(self) -> tuple[tuple[str, str, BoolArray], ...]:
        """For each lead: detector, kind of change (the transition's English name), and (H, W) its pixels.

        Raises:
            PipelineError: if the scan wrote no GeoPackage.
        """
        try:
            frame = pyogrio.read_dataframe(self.out / "leads.gpkg", layer="leads", columns=["model", "change"])
        except DataSourceError as error:
            raise PipelineError(f"the scan wrote no leads ({error})") from error
        epsg = epsg_of(self.geobox)
        return tuple(
            (str(detector), str(change), self._inside(to_crs(ground, 4326, epsg)))
            for detector, change, ground in zip(frame["model"], frame["change"], frame.geometry, strict=True)
        )

    def _inside(self, ground: BaseGeometry) -> BoolArray:
        return np.asarray(geometry_mask([ground], self.geobox.shape, self.geobox.affine, invert=True))


def scan_pair(pair: Indexed, geobox: GeoBox, detectors: Sequence[str], method: Method, out: Path) -> Scanned:
    """Scan the ground of a grid between two scenes, with scores.

    Args:
        pair: the scenes; their archive may hold others.
        geobox: its box is the AOI, and what was found is read on it.
        detectors: ids.
        method: where scores and surfaces come from.
        out: output folder of the scan.

    Raises:
        PipelineError: if nothing was observed or a block failed.
    """
    request = ScanRequest(
        aoi=Aoi(pair.name, pair.name, pair.name, footprint(geobox)),
        source=LocalProvider.open(pair.archive),
        before=(pair.before.solar_day, pair.before.solar_day),
        after=(pair.after.solar_day, pair.after.solar_day),
        out=out,
        detectors=tuple(detectors),
        scores=True,
        quicklooks=False,
        method=method,
    )
    run = scan(request, Silent())
    if run.failed_blocks:
        first = run.failed_blocks[0]
        raise PipelineError(f"{len(run.failed_blocks)} blocks failed; the first, {first.name}: {first.reason}")
    return Scanned(out, geobox, run.notes)


def scores_on_grid(files: Sequence[Path], geobox: GeoBox) -> FloatArray:
    """Score files of one or more zones, warped bilinearly onto one grid.

    Raises:
        BadInputError: if a file is not a raster.
        PipelineError: if there is none.
    """
    if not files:
        raise PipelineError("the scan wrote no score")
    with ExitStack() as stack:
        sources = [stack.enter_context(open_raster(file, "score")) for file in files]
        rows, cols = geobox.shape
        return read_scores(sources, geobox, (slice(0, rows), slice(0, cols)))


def _nearest(file: Path, geobox: GeoBox) -> NDArray[np.uint8]:
    target = np.full(geobox.shape, Surface.UNKNOWN, np.uint8)
    epsg = epsg_of(geobox)
    with open_raster(file, "surface") as source, blaming(file, "surface"):
        reproject(
            rasterio.band(source, 1),
            target,
            dst_transform=geobox.affine,
            dst_crs=f"EPSG:{epsg}",
            dst_nodata=int(Surface.UNKNOWN),
            resampling=Resampling.nearest,
        )
    return target


def read_on_grid(scene: Scene, geobox: GeoBox) -> FloatArray:
    """(C, H, W) DN of a scene that covers the grid's own box, each of its bands stretched to the grid's pixel count.

    Apart from the readers of `imagery` on purpose: the baseline shall not share their mistakes.
    """
    bands = []
    for name in BANDS:
        if name in scene.assets:
            asset = scene.assets[name]
            with open_raster(Path(asset.href), "band") as source, blaming(asset.href, "band"):
                bands.append(source.read(asset.index, out_shape=geobox.shape, resampling=Resampling.bilinear))
    data = np.stack(bands).astype(np.float32)
    data[:, (data == 0).all(axis=0)] = np.nan
    return data


def footprint(geobox: GeoBox) -> BaseGeometry:
    """The outline of a grid in EPSG:4326, its edges followed."""
    outline = geobox.extent.geom
    return to_crs(shapely.segmentize(outline, outline.length / 100), epsg_of(geobox), 4326)
