"""What works on this machine."""

import importlib
import os
from dataclasses import dataclass

DRIVERS = {"GTiff": True, "COG": True, "GPKG": True, "ENVI": False, "JP2OpenJPEG": False}
"""GDAL drivers, and whether nothing works without them."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    ok: bool
    needed: bool
    said: str


def examine() -> tuple[Check, ...]:
    """Look at everything a scan or a patrol may need."""
    return (*_drivers(), _vectors(), _cloud_mask(), _gpu(), _home(), *_sources(), _detectors(), _weights(), _fonts())


def _drivers() -> tuple[Check, ...]:
    import rasterio
    from rasterio.drivers import raster_driver_extensions

    with rasterio.Env() as env:
        known = env.drivers()
    version = f"GDAL {rasterio.__gdal_version__}, {len(raster_driver_extensions())} raster suffixes"
    drivers = (
        Check(f"driver {name}", name in known, needed, known.get(name, "not built into this GDAL"))
        for name, needed in DRIVERS.items()
    )
    return (Check("GDAL", True, True, version), *drivers)


def _vectors() -> Check:
    import pyogrio

    wanted = {"GPKG", "GeoJSON", "ESRI Shapefile"}
    missing = wanted - set(pyogrio.list_drivers())
    return Check(
        "vector drivers", not missing, True, f"missing {sorted(missing)}" if missing else ", ".join(sorted(wanted))
    )


def _cloud_mask() -> Check:
    try:
        importlib.import_module("s2cloudless")
    except ImportError as error:
        return Check("s2cloudless", False, False, f"Sentinel-2 L1C without SCL has no cloud mask: {error}")
    return Check("s2cloudless", True, False, "cloud mask for Sentinel-2 L1C")


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("GPU", True, False, torch.cuda.get_device_name())
    return Check("GPU", False, False, f"none; the CPU is used ({os.cpu_count()} cores)")


def _home() -> Check:
    from pipelines.home import home

    place = home()
    nearest = next(parent for parent in (place, *place.absolute().parents) if parent.exists())
    writable = os.access(nearest, os.W_OK)
    return Check("state folder", writable, True, f"{place} ({'writable' if writable else 'read-only'})")


def _sources() -> tuple[Check, ...]:
    from pipelines.errors import BadInputError
    from pipelines.home import home
    from pipelines.sources import FILE, configured, readiness

    try:
        known = configured(home()).named
    except BadInputError as error:
        return (Check(FILE, False, True, str(error)),)
    found = ((name, readiness(name, config, home())) for name, config in known.items())
    return tuple(Check(f"source {name}", ready, False, said) for name, (ready, said) in found)


def _detectors() -> Check:
    from detectors.core.registry import all_detectors

    return Check("detectors", True, True, ", ".join(all_detectors()))


def _weights() -> Check:
    from pipelines.home import home
    from weights.store import State, verify

    verdicts = verify(home())
    wrong = [verdict for verdict in verdicts if not verdict.ok]
    if wrong:
        # A stray file is never loaded, so it stops nothing.
        needed = any(verdict.state in (State.CHANGED, State.MISSING, State.BROKEN) for verdict in wrong)
        return Check("weights", False, needed, "; ".join(verdict.said for verdict in wrong))
    names = sorted({verdict.name for verdict in verdicts if verdict.name is not None})
    if not names:
        return Check("weights", False, False, "none: the training-free score is used")
    return Check("weights", True, False, f"{', '.join(names)}: verified")


def _fonts() -> Check:
    from leads.quicklook import has_chinese_font

    found = has_chinese_font()
    said = (
        "captions of quicklooks are Chinese and English" if found else "none: captions of quicklooks are English only"
    )
    return Check("Chinese font", found, False, said)
