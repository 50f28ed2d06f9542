"""From a candidate to a scene: every file opened, checked against its siblings, scaled and hashed."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from shapely.affinity import translate
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from imagery.errors import InconsistentSceneError
from imagery.layouts.model import BandFile, Candidate
from imagery.levels import Scaling, scaling_of
from imagery.names import MASKS
from imagery.raster import RasterInfo, probe, sha256_of
from imagery.scene import BANDS, Asset, Scene
from imagery.sidecar import HOW_TO

MIN_BANDS = 3
"""Fewer harmonised bands than this can not tell a change from a change of light."""

BOX_TOLERANCE_M = 120.0
"""Two pixels of 60 m: bands of one product end on their own pixel edges."""


@dataclass(frozen=True)
class _Probed:
    band: BandFile
    info: RasterInfo


def assemble(candidate: Candidate) -> Scene:
    """Open, check and hash all files of a candidate.

    Raises:
        UnreadableImageError: if a file is missing, truncated, hostile or not a raster.
        InconsistentSceneError: if files contradict each other, too few bands are there, or the scaling is unknown.
    """
    harmonised = [band.name for band in candidate.bands if band.name in BANDS]
    if len(harmonised) < MIN_BANDS:
        raise InconsistentSceneError(
            f"{candidate.place.name} has {len(harmonised)} of the bands {', '.join(BANDS)}; {MIN_BANDS} are needed."
        )
    infos = {path: probe(path) for path in dict.fromkeys(band.path for band in candidate.bands)}
    probed = tuple(_Probed(band, infos[band.path]) for band in candidate.bands)
    for item in probed:
        if item.band.index > item.info.count:
            raise InconsistentSceneError(
                f"{item.band.path} has {item.info.count} bands; {item.band.name} can not be number {item.band.index}."
            )
    reference = next(item.info for item in probed if item.band.name == harmonised[0])
    for info in infos.values():
        _check_box(info, reference)
    scaling = _scaling(candidate)
    hashes = {path: sha256_of(path) for path in infos}
    return Scene(
        id=candidate.id,
        sensor=candidate.sensor,
        level=candidate.level,
        datetime=candidate.when,
        geometry=footprint(reference),
        assets={item.band.name: _asset(item, scaling, hashes[item.band.path]) for item in probed},
        cloud_pct=candidate.note.cloud_pct,
        baseline=candidate.baseline,
        properties={
            **candidate.properties,
            "date_source": candidate.date_source,
            "scaling": scaling.reason,
            "crs": reference.crs_name,
        },
    )


def _check_box(info: RasterInfo, reference: RasterInfo) -> None:
    if info.crs != reference.crs:
        raise InconsistentSceneError(
            f"{info.path} is in {info.crs_name}, but {reference.path.name} beside it is in {reference.crs_name}."
        )
    to_m = reference.gsd_m / abs(reference.affine.determinant) ** 0.5
    apart_m = max(abs(mine - other) for mine, other in zip(info.bounds, reference.bounds, strict=True)) * to_m
    if apart_m > BOX_TOLERANCE_M:
        height, width = info.shape
        raise InconsistentSceneError(
            f"{info.path} ({width} × {height} px of {info.gsd_m:g} m) covers another box than {reference.path.name}: "
            f"their edges lie {apart_m:,.0f} m apart; the bands of a scene must cover the same ground."
        )


def _scaling(candidate: Candidate) -> Scaling:
    note = candidate.note
    known = scaling_of(
        candidate.sensor, candidate.level, candidate.baseline, candidate.when.date(), candidate.collection
    )
    if note.scale is None and note.offset is None and known is not None:
        return known if note.nodata is None else Scaling(known.scale, known.offset, note.nodata, known.reason)
    if note.scale is None and known is None:
        raise InconsistentSceneError(
            f"The scaling of {candidate.place.name} ({candidate.level}, sensor {candidate.sensor}) is not known: "
            f'{HOW_TO} with "scale" and "offset" (reflectance = DN * scale + offset).'
        )
    nodata = note.nodata if note.nodata is not None else (known.nodata if known else None)
    scale = note.scale if note.scale is not None else (known.scale if known else 1.0)
    return Scaling(scale, note.offset or 0.0, nodata, "sidecar")


def _asset(item: _Probed, scaling: Scaling, sha256: str) -> Asset:
    href = str(item.band.path.resolve())
    if item.band.name in MASKS:
        return Asset(href, item.band.index, gsd_m=item.info.gsd_m, sha256=sha256)
    nodata = scaling.nodata if scaling.nodata is not None else item.info.nodata
    return Asset(href, item.band.index, scaling.scale, scaling.offset, nodata, item.info.gsd_m, sha256)


def footprint(info: RasterInfo) -> BaseGeometry:
    """The raster's box in EPSG:4326, its edges followed at 21 points each; split where it crosses 180°."""
    height, width = info.shape
    along = np.linspace(0, 1, 21)
    cols = np.concatenate([along * width, np.full(21, width), along[::-1] * width, np.zeros(21)])
    rows = np.concatenate([np.zeros(21), along * height, np.full(21, height), along[::-1] * height])
    x, y = info.places(cols, rows)
    lon, lat = pyproj.Transformer.from_crs(info.crs.to_wkt(), 4326, always_xy=True).transform(x, y)
    lon, lat = np.asarray(lon), np.asarray(lat)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise InconsistentSceneError(f"{info.path} lies outside what its CRS can describe; check its geotransform.")
    if np.ptp(lon) <= 180:
        return shapely.make_valid(Polygon(np.column_stack([lon, lat]).round(9)))
    around = shapely.make_valid(Polygon(np.column_stack([np.where(lon < 0, lon + 360, lon), lat]).round(9)))
    east = around.intersection(box(0, -90, 180, 90))
    west = translate(around.intersection(box(180, -90, 540, 90)), -360)
    return east.union(west)
