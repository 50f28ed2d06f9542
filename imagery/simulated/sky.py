"""Between ground and sensor: sun, clouds and their shadows, haze, the date's own gain and displacement."""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from imagery.simulated.found import Puff
from imagery.simulated.frame import Frame, Grid, Window
from imagery.simulated.noise import FloatArray, fractal, smoothstep
from imagery.simulated.spec import SteppeSpec

UTC_HOURS_AT_GREENWICH = 10.65
"""Mean solar time of the overpass: Sentinel-2 crosses at 10:30 at the node, a little later this far north."""

ORBIT = math.radians(13)
"""By how much the track leans from north to east at this latitude, and so the stripes along it."""

_CLOUD = np.array([0.60, 0.59, 0.60, 0.65, 0.47, 0.36], np.float32)
_HAZE = np.array([0.40, 0.37, 0.35, 0.38, 0.26, 0.20], np.float32)
_VEIL = np.array([1.25, 1.1, 1.0, 0.85, 0.45, 0.35], np.float32)
"""How much of the haze's thickness each band sees: it thins with wavelength."""

_STEEP, _OPAQUE = np.float32(1.9), np.float32(1.6)

_SHADE = np.array([0.70, 0.78, 0.84, 0.96, 1.02, 1.04], np.float32)
"""Depth of shadow by band: the blue sky still lights it."""


@dataclass(frozen=True)
class Look:
    """One acquisition date: the same for every zone."""

    date: dt.date
    index: int
    time: dt.datetime
    """UTC, aware."""

    limit: float
    """Above it the cloud field is cloud."""

    shift_px: tuple[float, float]
    """Displacement of the image, pixels east and south."""

    shade_m: tuple[float, float]
    """From a cloud to its shadow, ground metres east and north."""

    gain: FloatArray
    """(6,) factor, and …"""

    offset: FloatArray
    """(6,) … addend left over from the atmospheric correction."""

    wetness: float = 0.0
    """How wet bare soil is, 0–1."""


@dataclass(frozen=True)
class Veil:
    """The air over one window on one date, (H, W) arrays of 0–1."""

    cloud: FloatArray
    """Opacity of all clouds."""

    known: FloatArray
    """Opacity of the clouds that a scene classification can see."""

    shadow: FloatArray
    known_shadow: FloatArray
    haze: FloatArray
    missed: FloatArray
    """Above 0.5 where the classification overlooks what is there."""

    tilt: FloatArray
    """Smooth relative gain, from the view angle."""


class Sky:
    """The air over one world."""

    def __init__(self, spec: SteppeSpec, frame: Frame) -> None:
        """Draws each date's sky."""
        self._spec, self._frame = spec, frame
        self.looks = tuple(self._look(index, date) for index, date in enumerate(spec.dates))

    def _look(self, index: int, date: dt.date) -> Look:
        spec = self._spec
        rng = default_rng([spec.seed, 404, index])
        lon, lat = spec.centre
        seconds = int((UTC_HOURS_AT_GREENWICH - lon / 15) * 3600) + int(rng.integers(-60, 60))
        time = dt.datetime.combine(date, dt.time(), dt.UTC) + dt.timedelta(seconds=seconds)
        turn, reach = rng.uniform(0, 2 * np.pi), spec.misregistration_px * np.sqrt(rng.uniform(0.1, 1))
        azimuth, elevation = sun(date, lat)
        length = rng.uniform(900, 1_900) / math.tan(elevation)
        return Look(
            date=date,
            index=index,
            time=time,
            limit=self._limit(index, rng.uniform(*spec.cloud_pct) / 100),
            shift_px=(round(float(reach * np.cos(turn)), 4), round(float(reach * np.sin(turn)), 4)),
            shade_m=(-math.sin(azimuth) * length, -math.cos(azimuth) * length),
            gain=(1 + rng.normal(0, 0.02) + rng.normal(0, 0.008, 6)).astype(np.float32),
            offset=(np.array([3, 2, 1.2, 0.6, 0.3, 0.2]) * rng.normal(0, 0.0012)).astype(np.float32),
            wetness=spec.variety * max(0.0, float(default_rng([spec.seed, 414, index]).uniform(-0.8, 0.9))),
        )

    def veil(self, look: Look, window: Window, coarse: Grid, puffs: Sequence[Puff]) -> Veil:
        """The air over a window.

        Args:
            look: the date.
            window: its grid.
            coarse: ground coordinates of the window's coarse corners.
            puffs: small clouds and haze of that date that nothing flags.
        """
        x, y = coarse
        east, north = look.shade_m
        clouds = self._thickness(look, x, y)
        shades = self._thickness(look, x - east, y - north)
        strays, stray_shades = np.zeros_like(clouds), np.zeros_like(clouds)
        haze = 0.05 * smoothstep(fractal(self._spec.seed, f"haze/{look.index}", x, y, 9_000, 3), 0.0, 2.5)
        for puff in puffs:
            if puff.haze:
                haze += np.float32(puff.thickness) * _dome(puff, x, y)
            elif puff.shade:
                stray_shades += np.float32(puff.thickness) * _dome(puff, x, y)
            else:
                strays += np.float32(puff.thickness) * _dome(puff, x, y)
                stray_shades += np.float32(puff.thickness) * _dome(puff, x - east, y - north)
        missed = smoothstep(fractal(self._spec.seed, f"missed/{look.index}", x, y, 500, 2), 1.0, 1.4)
        angle = (x - 500_000.0) / 60_000.0  # the view angle changes across the track
        spread = window.spread
        return Veil(
            cloud=_opacity(spread(clouds + strays)),
            known=_opacity(spread(clouds)),
            shadow=_opacity(spread(shades + stray_shades)),
            known_shadow=_opacity(spread(shades)),
            haze=spread(haze),
            missed=spread(missed),
            tilt=spread((0.012 * np.sin(angle + look.index)).astype(np.float32) + self._stripes(look, x, y)),
        )

    def _stripes(self, look: Look, x: NDArray[np.float64], y: NDArray[np.float64]) -> FloatArray:
        """Relative gain of bands along the orbit: detectors look at the ground from different sides (BRDF)."""
        if not self._spec.decoys.stripes:
            return np.zeros(np.shape(x), np.float32)
        rng = default_rng([self._spec.seed, 424, look.index])
        height, width_m, phase = rng.uniform(0.01, 0.035), rng.uniform(700, 2_600), rng.uniform(0, 2 * np.pi)
        across = x * math.cos(ORBIT) - y * math.sin(ORBIT)
        return np.asarray(height * np.tanh(4 * np.sin(np.pi * across / width_m + phase)), dtype=np.float32)

    def dimmed(self, look: Look, x: NDArray[np.float64], y: NDArray[np.float64]) -> FloatArray:
        """How much of the ground's signal cloud or shadow takes at places, 0–1."""
        east, north = look.shade_m
        cloud = _opacity(self._thickness(look, x, y))
        return np.maximum(cloud, _opacity(self._thickness(look, x - east, y - north)))

    def _thickness(self, look: Look, x: NDArray[np.float64], y: NDArray[np.float64]) -> FloatArray:
        thickness: FloatArray = np.clip(_STEEP * (self._towers(look.index, x, y) - np.float32(look.limit)), 0, 4)
        return thickness

    def _towers(self, index: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> FloatArray:
        field = fractal(self._spec.seed, f"cloud/{index}", x, y, 1_500, 5, 0.6)
        field += np.float32(0.45) * fractal(self._spec.seed, f"weather/{index}", x, y, 9_000, 2)
        return field

    def _limit(self, index: int, cover: float) -> float:
        """Where the field is cloud, so that a share of the world as asked for is more than a fifth opaque."""
        x, y = self._samples()
        return float(np.quantile(self._towers(index, x, y), 1 - cover)) + math.log(0.8) / float(_OPAQUE * _STEEP)

    def _samples(self) -> Grid:
        west, south, east, north = self._frame.rectangle.bounds
        step = max(60.0, (east - west) / 250)
        x, y = np.meshgrid(np.arange(west, east, step), np.arange(south, north, step))
        return x, y

    def cloudiness(self, look: Look) -> float:
        """Share of the world under cloud that is more than a fifth opaque, per cent."""
        return float((_opacity(self._thickness(look, *self._samples())) > 0.2).mean()) * 100


def sun(date: dt.date, lat_deg: float) -> tuple[float, float]:
    """Azimuth (clockwise from north) and elevation of the sun at the overpass, radians."""
    day = date.timetuple().tm_yday
    declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.25))
    hour, lat = math.radians((UTC_HOURS_AT_GREENWICH - 12) * 15), math.radians(lat_deg)
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    elevation = max(math.asin(up), math.radians(8))
    south = math.atan2(math.sin(hour), math.cos(hour) * math.sin(lat) - math.tan(declination) * math.cos(lat))
    return south + math.pi, elevation


def through(bands: FloatArray, veil: Veil, look: Look) -> None:
    """What the sensor sees of the ground through the air, in place.

    Args:
        bands: (6, H, W) reflectance of the ground 0–1.
        veil: the air.
        look: the date.
    """
    lit = 1 + veil.tilt
    shaded, clouded, hazy = bool(veil.shadow.any()), bool(veil.cloud.any()), bool(veil.haze.any())
    for place, band in enumerate(bands):
        band *= lit * look.gain[place]
        band += look.offset[place]
        if shaded:
            band *= 1 - np.float32(0.66 * _SHADE[place]) * veil.shadow
        if hazy:
            mist = veil.haze * _VEIL[place]
            band += mist * (_HAZE[place] - band)
        if clouded:
            band += veil.cloud * (_CLOUD[place] + np.float32(0.22) * veil.cloud - band)


def _opacity(thickness: FloatArray) -> FloatArray:
    return np.asarray(1 - np.exp(-_OPAQUE * thickness), dtype=np.float32)


def _dome(puff: Puff, x: NDArray[np.float64], y: NDArray[np.float64]) -> FloatArray:
    far = ((x - puff.x) ** 2 + (y - puff.y) ** 2) / puff.radius_m**2
    return np.clip(1 - far, 0, 1).astype(np.float32)
