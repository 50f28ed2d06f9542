"""From a candidate to a scene: every file opened, checked against its siblings, scaled and hashed."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from shapely.affinity import translate
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from imagery.backscatter import PROPERTY
from imagery.errors import InconsistentSceneError
from imagery.layouts.model import BandFile, Candidate
from imagery.levels import Scaling, scaling_of
from imagery.names import MASKS
from imagery.packed import is_packed
from imagery.raster import RasterInfo, probe, sha256_of
from imagery.scene import BANDS, RADAR, Asset, Scene
from imagery.sidecar import HOW_TO

MIN_BANDS = 3
"""Fewer harmonised bands than this can not tell a change from a change of light; radar has its own light."""

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
    radar = [band.name for band in candidate.bands if band.name in RADAR]
    if len(harmonised) < MIN_BANDS and not radar:
        raise InconsistentSceneError(
            f"{candidate.place.name} has {len(harmonised)} of the bands {', '.join(BANDS)}; {MIN_BANDS} are needed."
        )
    backscatter = _backscatter(candidate) if radar else {}
    infos = {path: probe(path) for path in dict.fromkeys(band.path for band in candidate.bands)}
    probed = tuple(_Probed(band, infos[band.path]) for band in candidate.bands)
    for item in probed:
        if item.band.index > item.info.count:
            raise InconsistentSceneError(
                f"{item.band.path} has {item.info.count} bands; {item.band.name} can not be number {item.band.index}."
            )
    reference = next(item.info for item in probed if item.band.name == (harmonised or radar)[0])
    for info in infos.values():
        _check_box(info, reference)
    scalings = {item.band.name: _scaling(candidate, item.band.name) for item in probed if item.band.name not in MASKS}
    hashes = {path: sha256_of(path) for path in infos}
    return Scene(
        id=candidate.id,
        sensor=candidate.sensor,
        level=candidate.level,
        datetime=candidate.when,
        geometry=footprint(reference),
        assets={item.band.name: _asset(item, scalings.get(item.band.name), hashes[item.band.path]) for item in probed},
        cloud_pct=candidate.note.cloud_pct,
        baseline=candidate.baseline,
        properties={
            **candidate.properties,
            **backscatter,
            "date_source": candidate.date_source,
            "scaling": scalings[(harmonised or radar)[0]].reason,
            "crs": reference.crs_name,
        },
    )


def _backscatter(candidate: Candidate) -> dict[str, str]:
    said = candidate.note.backscatter or candidate.properties.get(PROPERTY)
    if said:
        return {PROPERTY: said}
    if candidate.level == "DN":
        return {}
    raise InconsistentSceneError(
        f"{candidate.place.name} does not say whether its backscatter is power, amplitude or dB: "
        'add "backscatter": "linear", "dB" or "amplitude" to its sidecar.'
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


def _scaling(candidate: Candidate, band: str) -> Scaling:
    note = candidate.note
    known = candidate.scaling.get(band) or scaling_of(
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


def _asset(item: _Probed, scaling: Scaling | None, sha256: str) -> Asset:
    href = str(item.band.path if is_packed(item.band.path) else item.band.path.resolve())
    if scaling is None:
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
