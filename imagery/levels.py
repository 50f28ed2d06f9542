"""From DN to reflectance: what scale and offset a processing level means."""

import datetime as dt
from dataclasses import dataclass

BASELINE_04 = dt.date(2022, 1, 25)
"""From this day Sentinel-2 products carry 1000 DN more (processing baseline 04.00)."""


@dataclass(frozen=True)
class Scaling:
    """Reflectance = DN * scale + offset, and the DN that means not observed."""

    scale: float
    offset: float
    nodata: float | None
    reason: str
    """Where the numbers come from, for the record."""


def scaling_of(sensor: str, level: str, baseline: str, day: dt.date, collection: str = "") -> Scaling | None:
    """The scaling a product of this kind has; None when the level alone does not say.

    Args:
        sensor: ``sentinel-2``, ``landsat-8``, …
        level: ``L1C``, ``L2A``, ``SR``, ``GRD``, ``RTC`` or ``DN``.
        baseline: Sentinel-2 processing baseline such as ``05.09``; empty = unknown, then the date decides.
        day: acquisition date.
        collection: ``c1``, ``c2`` or ``raw`` as in `imagery.names`.
    """
    if level == "DN":
        return Scaling(1.0, 0.0, None, "level DN: values kept as they are")
    if level in ("GRD", "RTC"):
        return Scaling(1.0, 0.0, None, "backscatter: values as they are")
    if collection == "raw":
        return Scaling(1 / 65535, 0.0, 0.0, "16-bit browser export: reflectance × 65535")
    if level in ("L1C", "L2A"):
        if baseline:
            shifted, reason = baseline >= "04.00", f"baseline {baseline}"
        else:
            shifted, reason = day >= BASELINE_04, f"baseline unknown, acquired {day}"
        return Scaling(1e-4, -0.1 if shifted else 0.0, 0.0, f"Sentinel-2 {level}, {reason}")
    if level == "SR" and sensor.startswith("landsat"):
        if collection == "c1":
            return Scaling(1e-4, 0.0, -9999.0, "Landsat collection 1 surface reflectance")
        return Scaling(2.75e-5, -0.2, 0.0, "Landsat collection 2 level 2")
    return None
