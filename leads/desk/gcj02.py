"""WGS 84 → GCJ-02, the shifted coordinates of Chinese web and phone maps; for looking a place up, never for a record.

The official transform is secret. This is the published approximation of it, with the constants of eviltransform
(https://github.com/googollee/eviltransform): Krasovsky 1940's ellipsoid and a few sines. On the check points published
there it agrees within a centimetre; how far the maps themselves are off the approximation nobody publishes.
"""

import math

import shapely
from shapely.geometry.base import BaseGeometry

STATED_ERROR_M = 10
"""What a reader is told to expect: far above what the check points show, far below the shift of hundreds of metres."""

_A = 6_378_245.0
_EE = 0.00669342162296594323
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)
"""Outside this box nothing is shifted."""


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """A place in WGS 84 as Chinese phone maps place it, degrees."""
    west, south, east, north = _CHINA
    if not (west <= lon <= east and south <= lat <= north):
        return lon, lat
    east_m, north_m = _shift(lon - 105.0, lat - 35.0)
    sine = math.sin(math.radians(lat))
    scale = 1 - _EE * sine * sine
    root = math.sqrt(scale)
    d_lat = math.degrees(north_m * scale * root / (_A * (1 - _EE)))
    d_lon = math.degrees(east_m * root / (_A * math.cos(math.radians(lat))))
    return lon + d_lon, lat + d_lat


def shape_to_gcj02(shape: BaseGeometry) -> BaseGeometry:
    """A geometry in EPSG:4326 with every vertex shifted."""
    moved: BaseGeometry = shapely.transform(shape, lambda points: [to_gcj02(x, y) for x, y in points])
    return moved


def _shift(x: float, y: float) -> tuple[float, float]:
    """Metres east and north, of a place in degrees from 105° E 35° N."""
    root, product = math.sqrt(abs(x)), x * y
    common = 20.0 * math.sin(6 * math.pi * x) + 20.0 * math.sin(2 * math.pi * x)
    north = common + 20.0 * math.sin(math.pi * y) + 40.0 * math.sin(math.pi * y / 3)
    north += 160.0 * math.sin(math.pi * y / 12) + 320.0 * math.sin(math.pi * y / 30)
    east = common + 20.0 * math.sin(math.pi * x) + 40.0 * math.sin(math.pi * x / 3)
    east += 150.0 * math.sin(math.pi * x / 12) + 300.0 * math.sin(math.pi * x / 30)
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * product + 0.2 * root + north * 2 / 3
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * product + 0.1 * root + east * 2 / 3
    return east_m, north_m
