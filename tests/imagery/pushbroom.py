"""A satellite that draws the ground line by line, its exact geometry, and rational polynomials fitted to it.

Written from the geometry alone, without a line of the code under test: what it renders is the truth that orthorectified
images are held against. Two bands are the ground's own easting and northing, so that every pixel of a result says
where it was taken.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from scipy import ndimage

ECEF = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)
ORBIT_M = 645_000.0
LON, LAT, MEAN_M = 119.7, 49.3, 640.0
EPSG = 32650
UTM = pyproj.Transformer.from_crs(4326, EPSG, always_xy=True)
STEPS_PER_M = 5
"""Coordinate bands count fifths of a metre from `ORIGIN`."""


def origin():
    east, north = UTM.transform(LON, LAT)
    return round(east) - 6000, round(north) - 6000


def hills(lon, lat):
    """Metres above the ellipsoid: slopes up to 50 %."""
    east = (lon - LON) * 111_320 * np.cos(np.radians(LAT))
    north = (lat - LAT) * 110_574
    broad = 130 * np.sin(2 * np.pi * east / 1900) * np.cos(2 * np.pi * north / 2300)
    return MEAN_M + broad + 25 * np.sin(2 * np.pi * (east + north) / 1100)


def flat(lon, lat):
    return np.full(np.shape(lon), MEAN_M)


def unit(vector):
    return vector / np.linalg.norm(vector)


@dataclass(frozen=True)
class Camera:
    """Rows and columns are counted from the outer corner of the first pixel."""

    rows: int = 300
    cols: int = 280
    gsd_m: float = 8.0
    roll_deg: float = 22.0
    pitch_deg: float = 4.0
    heading_deg: float = 192.0

    @cached_property
    def _middle(self):
        """Position and axes as the middle of the ground is drawn, and the roll and pitch that look there."""
        centre = np.array(ECEF.transform(LON, LAT, MEAN_M))
        up = unit(centre)
        north = unit(np.array([0, 0, 1.0]) - up[2] * up)
        heading = np.radians(self.heading_deg)
        ahead = np.cos(heading) * north + np.sin(heading) * np.cross(north, up)
        lean = np.tan(np.radians([self.roll_deg, self.pitch_deg]))
        place = centre + ORBIT_M * (up - lean[0] * np.cross(ahead, up) - lean[1] * ahead)
        radial = unit(place)
        along = unit(ahead - (ahead @ radial) * radial)
        sight = unit(centre - place)
        roll = np.arctan2(sight @ np.cross(along, radial), -sight @ radial)
        return place, radial, along, roll, np.arcsin(sight @ along), np.linalg.norm(centre - place)

    def _frame(self, row):
        """Position, and the camera's along, side and look directions, of each row."""
        place, radial, along, roll, pitch, _ = self._middle
        since = np.asarray(row, float) - self.rows / 2
        angle = (since * self.gsd_m / 6_378_137.0)[..., None]  # along the orbit
        radial, along = np.cos(angle) * radial + np.sin(angle) * along, np.cos(angle) * along - np.sin(angle) * radial
        across = np.cross(along, radial)
        roll = (roll + 2e-6 * since)[..., None]  # the satellite turns slowly while it looks
        down = across * np.sin(roll) - radial * np.cos(roll)
        side = across * np.cos(roll) + radial * np.sin(roll)
        look = down * np.cos(pitch) + along * np.sin(pitch)
        return np.linalg.norm(place) * radial, along * np.cos(pitch) - down * np.sin(pitch), side, look

    @property
    def _ifov(self):
        return self.gsd_m / self._middle[-1]

    def image(self, lon, lat, height):
        """Row and column of ground points, to 1e-9 of a pixel."""
        point = np.stack(ECEF.transform(lon, lat, height), axis=-1)
        row = np.full(np.shape(lon), self.rows / 2)

        def off(row):
            place, ahead, side, look = self._frame(row)
            view = point - place
            depth = (view * look).sum(-1)
            return (view * ahead).sum(-1) / depth, (view * side).sum(-1) / depth

        for _ in range(8):
            here, slope = off(row)[0], (off(row + 1)[0] - off(row - 1)[0]) / 2
            row = row - here / slope
        return row, self.cols / 2 + off(row)[1] / self._ifov

    def ground(self, row, col, surface):
        """Longitude, latitude and height at which the rays of image places meet a surface."""
        place, _, side, look = self._frame(row)
        ray = look + side * ((np.asarray(col) - self.cols / 2) * self._ifov)[..., None]
        ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
        steep = -(ray * place).sum(-1) / np.linalg.norm(place, axis=-1)
        far = np.full(np.shape(row), self._middle[-1])
        for _ in range(30):
            lon, lat, height = ECEF.transform(*np.moveaxis(place + ray * far[..., None], -1, 0), direction="INVERSE")
            gap = height - surface(lon, lat)
            if np.abs(gap).max() < 1e-2:
                return lon, lat, height
            far = far + gap / steep
        raise AssertionError(f"a ray misses the ground by {np.abs(gap).max()} m")

    def picture(self, surface):
        """(4, rows, cols) uint16: easting and northing in steps from the origin, and two textures."""
        row, col = np.meshgrid(np.arange(self.rows) + 0.5, np.arange(self.cols) + 0.5, indexing="ij")
        lon, lat, _ = self.ground(row, col, surface)
        east, north = UTM.transform(lon, lat)
        left, bottom = origin()
        textures = [
            500 + 150 * np.sin(east / 60) * np.cos(north / 75) + 100 * (((east // 200) + (north // 200)) % 2),
            900 + 200 * np.sin(north / 110),
        ]
        bands = [(east - left) * STEPS_PER_M, (north - bottom) * STEPS_PER_M, *textures]
        return np.round(np.stack(bands)).astype(np.uint16)


def terms(x, y, z):
    one = np.ones_like(x)
    return np.stack(
        [
            one, x, y, z, x * y, x * z, y * z, x**2, y**2, z**2,
            x * y * z, x**3, x * y**2, x * z**2, x**2 * y, y**3, y * z**2, x**2 * z, y**2 * z, z**3,
        ],
        axis=-1,
    )  # fmt: skip


def fitted(camera, low=MEAN_M - 250, high=MEAN_M + 250):
    """Rational polynomials by least squares over ground and heights; also their largest residual in pixels."""
    row, col = (a.ravel() for a in np.meshgrid(*(np.linspace(-10, n + 10, 17) for n in (camera.rows, camera.cols))))
    lon, lat, height, lines, samples = [], [], [], [], []
    for level in np.linspace(low, high, 7):
        at = camera.ground(row, col, lambda lon, lat, level=level: np.full(np.shape(lon), level))
        there = camera.image(*at)
        for store, values in zip((lon, lat, height, lines, samples), (*at, *there), strict=True):
            store.append(values)
    lon, lat, height, lines, samples = map(np.concatenate, (lon, lat, height, lines, samples))
    ground = [(a, (a.max() + a.min()) / 2, np.ptp(a) / 2) for a in (lon, lat, height)]
    basis = terms(*((a - off) / scale for a, off, scale in ground))
    told = {}
    for name, values, size in (("line", lines - 0.5, camera.rows), ("samp", samples - 0.5, camera.cols)):
        off, scale = size / 2 - 0.5, size / 2
        target = (values - off) / scale
        system = np.concatenate([basis, -target[:, None] * basis[:, 1:]], axis=1)
        ridge = 1e-7 * np.eye(39)
        best = np.linalg.solve(system.T @ system + ridge, system.T @ target)
        num, den = best[:20], np.concatenate([[1.0], best[20:]])
        told[name] = (off, scale, num, den, np.abs((basis @ num) / (basis @ den) * scale + off - values).max())
    return ground, told, max(told["line"][4], told["samp"][4])


def rpb_text(camera, satellite="GF1"):
    ground, told, worst = fitted(camera)
    assert worst < 0.02, worst
    (_, lon_off, lon_scale), (_, lat_off, lat_scale), (_, height_off, height_scale) = ground
    scalars = {
        "errBias": 1.0, "errRand": 0.0, "lineOffset": told["line"][0], "sampOffset": told["samp"][0],
        "latOffset": lat_off, "longOffset": lon_off, "heightOffset": height_off, "lineScale": told["line"][1],
        "sampScale": told["samp"][1], "latScale": lat_scale, "longScale": lon_scale, "heightScale": height_scale,
    }  # fmt: skip
    text = f'satId = "{satellite}";\nbandId = "MSS1";\nSpecId = "RPC00B";\nBEGIN_GROUP = IMAGE\n'
    text += "".join(f"\t{key} = {float(value)!r};\n" for key, value in scalars.items())
    for name, part, index in (
        ("lineNum", "line", 2),
        ("lineDen", "line", 3),
        ("sampNum", "samp", 2),
        ("sampDen", "samp", 3),
    ):
        text += f"\t{name}Coef = (\n\t\t\t" + ",\n\t\t\t".join(f"{c:+.15E}" for c in told[part][index]) + ");\n"
    return text + "END_GROUP = IMAGE\nEND;\n"


def write_raw(path: Path, picture) -> Path:
    """As it comes from the ground station: no georeference."""
    count, height, width = picture.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": picture.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as target:
            target.write(picture)
    return path


def write_dem(
    path: Path, surface, above_geoid_m: float = 0.0, step_deg: float = 1 / 3600, reach_deg: float = 0.08
) -> Path:
    """Heights on a grid of degrees, as they are published."""
    size = round(2 * reach_deg / step_deg)
    affine = Affine(step_deg, 0, LON - reach_deg, 0, -step_deg, LAT + reach_deg)
    cols, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    lon, lat = affine * (cols, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": size, "width": size, "count": 1, "dtype": "float32", "nodata": -9999.0}
    with rasterio.open(path, "w", crs="EPSG:4326", transform=affine, compress="deflate", **profile) as target:
        target.write((surface(lon, lat) - above_geoid_m).astype(np.float32), 1)
    return path


def misplaced_m(path: Path):
    """How far off, in metres east and north, each pixel of an orthorectified picture lies; NaN where it is empty."""
    with rasterio.open(path) as source:
        assert source.crs.to_epsg() == EPSG
        east, north = (np.where(band > 0, band.astype(float), np.nan) for band in source.read([1, 2]))
        cols, rows = np.meshgrid(np.arange(source.width) + 0.5, np.arange(source.height) + 0.5)
        x, y = source.transform * (cols, rows)
    left, bottom = origin()
    return np.stack([east / STEPS_PER_M + left - x, north / STEPS_PER_M + bottom - y])


def off_px(file: Path, gsd_m: float = 8.0):
    """How far off each pixel lies, without the image's own edge, where a kernel has half its neighbours."""
    errors = np.hypot(*misplaced_m(file)) / gsd_m
    return errors[ndimage.binary_erosion(np.isfinite(errors), iterations=3)]
