"""Where the Sun stood when a scene was taken."""

import datetime as dt
import math
from dataclasses import dataclass

from imagery.scene import Scene

AZIMUTH, ELEVATION = "sun_azimuth_deg", "sun_elevation_deg"
"""Properties of a scene whose product says it."""

_EPOCH = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Sun:
    """A direction in the sky."""

    azimuth_deg: float
    """Clockwise from north."""

    elevation_deg: float
    """Above the horizon."""


def sun_of(scene: Scene) -> Sun | None:
    """As the scene's product says, else as its time and place say; None where only its date is known, or at night."""
    said = (scene.properties.get(AZIMUTH, ""), scene.properties.get(ELEVATION, ""))
    if all(said):
        sun = Sun(float(said[0]), float(said[1]))
    elif scene.datetime.time() == dt.time(12):
        return None  # noon UTC stands for an unknown time
    else:
        centre = scene.geometry.centroid
        sun = sun_at(scene.datetime, float(centre.x), float(centre.y))
    return sun if sun.elevation_deg > 5 else None


def sun_at(when: dt.datetime, lon: float, lat: float) -> Sun:
    """The Sun at a time and place, to about 0.05° (Astronomical Almanac, low-precision formulas, 1950–2050).

    Args:
        when: aware.
        lon: degrees east.
        lat: degrees north.
    """
    days = (when - _EPOCH).total_seconds() / 86_400
    mean = math.radians((357.528 + 0.9856003 * days) % 360)
    longitude = math.radians(
        (280.460 + 0.9856474 * days + 1.915 * math.sin(mean) + 0.020 * math.sin(2 * mean)) % 360
    )  # fmt: skip
    tilt = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    sidereal = math.radians((280.46062 + 360.98564737 * days + lon) % 360)
    hour = sidereal - ascension
    north = math.radians(lat)
    up = math.sin(north) * math.sin(declination) + math.cos(north) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    ahead = math.cos(north) * math.sin(declination) - math.sin(north) * math.cos(declination) * math.cos(hour)
    return Sun(math.degrees(math.atan2(east, ahead)) % 360, math.degrees(math.asin(max(-1.0, min(1.0, up)))))
