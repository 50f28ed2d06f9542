"""A raw image laid onto the ground: its rational polynomials, the heights under it, and GDAL's warper."""

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.rpc import RPC
from rasterio.warp import reproject
from shapely.geometry import MultiPoint, Polygon

from imagery.atomic import whole
from imagery.dem import Terrain
from imagery.errors import ArchiveError, InconsistentSceneError, UnreadableImageError
from imagery.projection import transformer
from imagery.raster import driver_of
from imagery.rpc import Coordinates, RationalModel

EDGE_POINTS = 17
MAX_PIXELS = 2_000_000_000
THREADS = 2
EXACT = 0.0
"""No approximation between pixels: a linear one, checked at three places of a line, overlooks the hills between, by up
to 0.75 pixels in our tests. Rasterio heeds this only when the model is handed over as well."""

ALIKE = 0.95
"""An image not finer than this part of the grid's pixel is interpolated, a finer one averaged."""

COG = {"compress": "deflate", "predictor": "yes", "overviews": "none", "bigtiff": "if_safer"}

TAG = "WEIXUN_MADE_FROM"
"""TIFF tag with the hashes of all that an ortho image was made from."""


@dataclass(frozen=True)
class Raw:
    """An image as the camera saw it."""

    path: Path
    shape: tuple[int, int]
    """Rows and columns."""

    model: RationalModel
    indexes: tuple[int, ...]
    """Raster bands wanted."""

    nodata: float = 0.0


@dataclass(frozen=True)
class Heights:
    """How high the ground is taken to be."""

    terrain: Terrain | None
    """None: the model's mean height everywhere."""

    geoid_m: float = 0.0
    """Added to the terrain's heights to count from the ellipsoid, as the model does."""


def outline(raw: Raw, low_m: float, high_m: float) -> Polygon:
    """Ground that the image may show when it lies between two heights, in EPSG:4326."""
    row, col = _edge(raw.shape)
    places = [np.stack(raw.model.ground(row, col, np.array(height))) for height in (low_m, high_m)]
    return MultiPoint(np.concatenate(places, axis=1).T).convex_hull


def footprint_of(raw: Raw, heights: Heights) -> Polygon:
    """The ground that the image shows, in EPSG:4326: its edge at the height that the ground has there."""
    row, col = _edge(raw.shape)
    height = np.full(row.shape, raw.model.height_off)
    for _ in range(5):  # a ray meets the ground by trial: it is steep
        lon, lat = raw.model.ground(row, col, height)
        if heights.terrain is None:
            break
        found = _height_at(heights.terrain, lon, lat) + heights.geoid_m
        height = np.where(np.isfinite(found), found, height)
    polygon = Polygon(np.column_stack([lon, lat]).round(9))
    if not polygon.is_valid:
        raise InconsistentSceneError(f"{raw.path}: its RPC folds the edge of the image over itself.")
    return shapely.geometry.polygon.orient(polygon)


def _edge(shape: tuple[int, int]) -> tuple[Coordinates, Coordinates]:
    height, width = shape
    along = np.linspace(0, 1, EDGE_POINTS)[:-1]
    zero, one = np.zeros_like(along), np.ones_like(along)
    return (
        np.concatenate([zero, along, one, 1 - along]) * height,
        np.concatenate([along, one, 1 - along, zero]) * width,
    )


def _height_at(terrain: Terrain, lon: Coordinates, lat: Coordinates) -> Coordinates:
    x, y = transformer("EPSG:4326", str(terrain.geobox.crs)).transform(lon, lat)
    cols, rows = ~terrain.geobox.affine * (np.asarray(x), np.asarray(y))
    high, wide = terrain.heights.shape
    inside = (rows >= 0) & (cols >= 0) & (rows < high) & (cols < wide)
    rows, cols = np.where(inside, rows, 0).astype(int), np.where(inside, cols, 0).astype(int)
    return np.where(inside, terrain.heights[rows, cols], np.nan).astype(np.float64)


def utm_of(raw: Raw) -> str:
    """The UTM zone of the image's centre, WGS 84."""
    row, col = (np.array(size / 2) for size in raw.shape)
    lon, lat = raw.model.ground(row, col, np.array(raw.model.height_off))
    zone = min(int((float(lon) + 180) // 6) + 1, 60)
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def pixel_size_m(raw: Raw) -> float:
    """Distance on the ground between pixels at the image's centre, the mean of both directions."""
    x, y = _around_centre(raw, [(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    return math.sqrt(abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])))


def parallax(raw: Raw) -> float:
    """Metres that a pixel moves on the ground when the ground is a metre higher: the tangent of the view angle."""
    x, y = _around_centre(raw, [(0, 0, -50), (0, 0, 50)])
    return math.hypot(x[1] - x[0], y[1] - y[0]) / 100


def _around_centre(raw: Raw, steps: list[tuple[float, float, float]]) -> tuple[Coordinates, Coordinates]:
    row, col, height = np.array(steps).T
    lon, lat = raw.model.ground(row + raw.shape[0] / 2, col + raw.shape[1] / 2, height + raw.model.height_off)
    x, y = transformer("EPSG:4326", utm_of(raw)).transform(lon, lat)
    return np.asarray(x), np.asarray(y)


def grid_of(raw: Raw, heights: Heights, gsd_m: float) -> GeoBox:
    """The UTM grid, its pixel edges at multiples of the pixel size, that holds the image.

    Raises:
        InconsistentSceneError: if that would be more than any image holds.
    """
    low = high = raw.model.height_off
    if heights.terrain is not None:
        low, high = (height + heights.geoid_m for height in heights.terrain.range_m)
    crs = utm_of(raw)
    x, y = transformer("EPSG:4326", crs).transform(*np.array(outline(raw, low, high).exterior.coords).T)
    left, right = math.floor(min(x) / gsd_m) * gsd_m, math.ceil(max(x) / gsd_m) * gsd_m
    bottom, top = math.floor(min(y) / gsd_m) * gsd_m, math.ceil(max(y) / gsd_m) * gsd_m
    shape = round((top - bottom) / gsd_m), round((right - left) / gsd_m)
    if shape[0] * shape[1] > MAX_PIXELS:
        raise InconsistentSceneError(f"{raw.path}: its RPC spreads it over {shape[1]} × {shape[0]} pixels of ground.")
    return GeoBox(shape, Affine(gsd_m, 0, left, 0, -gsd_m, top), crs)


def orthorectify(raw: Raw, heights: Heights, grid: GeoBox, file: Path, made_from: str) -> None:
    """Write the image on a ground grid as a COG, whole or not at all; 0 where it shows nothing or no height is known.

    Args:
        raw: the image.
        heights: of the ground under it.
        grid: from `grid_of`.
        file: to write.
        made_from: kept in the file's tags, so that it can be known again.

    Raises:
        UnreadableImageError: if the image can not be read to its end.
        ArchiveError: if the file can not be written.
    """
    profile = {
        "driver": "GTiff", "height": grid.shape[0], "width": grid.shape[1], "count": len(raw.indexes),
        "crs": str(grid.crs), "transform": grid.affine, "nodata": 0, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer",
    }  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".ortho-", dir=file.parent) as name, whole(file) as part:
            room = Path(name)
            options = _relief(raw, heights, room)
            warped = room / "warped.tif"
            with (
                rasterio.open(_with_model(raw, room)) as source,
                rasterio.open(warped, "w", dtype=source.dtypes[0], **profile) as target,
            ):
                target.update_tags(**{TAG: made_from})
                reproject(
                    rasterio.band(source, list(raw.indexes)), rasterio.band(target, list(target.indexes)),
                    rpcs=source.rpcs, src_crs="EPSG:4326", src_nodata=raw.nodata, dst_nodata=0, tolerance=EXACT,
                    resampling=Resampling.cubic, num_threads=THREADS, warp_mem_limit=256, **options,
                    **_kernel(raw, grid),
                )  # fmt: skip
            rasterio.shutil.copy(warped, part, driver="COG", **COG)
    except RasterioError as error:
        raise UnreadableImageError(
            f"{raw.path} can not be laid onto the ground: it is damaged, or the disk is full ({error})."
        ) from error
    except OSError as error:
        raise ArchiveError(f"The ortho image {file} can not be written ({error.strerror or error}).") from error


def made_from(file: Path) -> str:
    """What an ortho image says it was made from; empty when it is missing, damaged, or none of ours."""
    try:
        with rasterio.open(file, driver="GTiff") as source:
            return str(source.tags().get(TAG, ""))
    except RasterioError:
        return ""


def _with_model(raw: Raw, room: Path) -> Path:
    """The image with this model and no other: GDAL reads what lies beside a file by its own rules."""
    file = room / "raw.vrt"
    with rasterio.open(raw.path.resolve(), driver=driver_of(raw.path)) as source:
        rasterio.shutil.copy(source, file, driver="VRT")
    with rasterio.open(file, "r+") as target:
        target.rpcs = _gdal(raw.model)
    return file


def _relief(raw: Raw, heights: Heights, room: Path) -> dict[str, str]:
    """Options of GDAL's RPC transformer; where the terrain is not known the ground is not shown."""
    terrain = heights.terrain
    if terrain is None:
        return {"RPC_HEIGHT": repr(raw.model.height_off)}
    file = room / "heights.tif"
    high, wide = terrain.heights.shape
    profile = {
        "driver": "GTiff", "height": high, "width": wide, "count": 1, "dtype": "float32", "nodata": np.nan,
        "crs": str(terrain.geobox.crs), "transform": terrain.geobox.affine, "tiled": True,
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as target:
        target.write(terrain.heights, 1)
    return {"RPC_DEM": str(file), "RPC_HEIGHT": repr(heights.geoid_m), "RPC_DEMINTERPOLATION": "bilinear"}


def _kernel(raw: Raw, grid: GeoBox) -> dict[str, str]:
    """How GDAL looks for pixels: hills inside a piece of the grid reach further than its edges do.

    The scale is said because GDAL would take it from the size of the piece, margin included, and blur.
    """
    ratio = pixel_size_m(raw) / abs(float(grid.affine.a))
    scale = repr(ratio if ratio < ALIKE else 1.0)
    return {"SAMPLE_GRID": "YES", "SOURCE_EXTRA": "50", "XSCALE": scale, "YSCALE": scale}


def _gdal(model: RationalModel) -> RPC:
    return RPC(
        height_off=model.height_off, height_scale=model.height_scale, lat_off=model.lat_off,
        lat_scale=model.lat_scale, long_off=model.long_off, long_scale=model.long_scale, line_off=model.line_off,
        line_scale=model.line_scale, samp_off=model.samp_off, samp_scale=model.samp_scale,
        line_num_coeff=list(model.line_num), line_den_coeff=list(model.line_den),
        samp_num_coeff=list(model.samp_num), samp_den_coeff=list(model.samp_den),
    )  # fmt: skip
