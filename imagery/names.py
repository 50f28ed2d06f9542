"""What files, folders and bands are called by those who make them."""

import datetime as dt
import re
from dataclasses import dataclass

from imagery.scene import RADAR

SENTINEL2 = {
    "B01": "coastal",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "rededge1",
    "B06": "rededge2",
    "B07": "rededge3",
    "B08": "nir",
    "B8A": "nir08",
    "B09": "nir09",
    "B10": "cirrus",
    "B11": "swir16",
    "B12": "swir22",
}
"""Sentinel-2 band codes → STAC common names."""

MASKS = (
    "scl", "qa_pixel", "pixel_qa", "fmask", "valid", "seam", "cloud_mask", "qa_radsat", "radsat_qa",
    "classi_opaque", "classi_cirrus", "classi_snow",
)  # fmt: skip
"""Assets that are classes or bits, not reflectance; ``valid`` is 0 where there is no data, ``seam``
1 in the part of a mosaic that is the scene's."""

COMMON = (*SENTINEL2.values(), *RADAR, *MASKS)
"""Every asset name a scene may have."""

_OLI = {"1": "coastal", "2": "blue", "3": "green", "4": "red", "5": "nir", "6": "swir16", "7": "swir22"}
_TM = {"1": "blue", "2": "green", "3": "red", "4": "nir", "5": "swir16", "7": "swir22"}

_RASTER = r"\.(?:tif|tiff|jp2)$"
_S2_FILE = re.compile(
    rf"^(?P<stem>.*?)(?:^|_)(?P<code>B(?:0[1-9]|1[0-2]|8A)|SCL)(?P<rest>_\d\dm|_\(Raw\))?{_RASTER}", re.IGNORECASE
)
_LANDSAT_FILE = re.compile(
    r"^(?P<stem>L[COTEM]0?(?P<mission>\d)_?.*?)_"
    rf"(?:SR_B(?P<c2>\d)|sr_band(?P<c1>\d)|(?P<qa>QA_PIXEL|pixel_qa|QA_RADSAT|radsat_qa))(?:_\w+)?{_RASTER}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FileName:
    """What the name of a per-band file says."""

    stem: str
    """What the files of one scene share."""

    band: str
    """STAC common name or mask name."""

    sensor: str
    collection: str = ""
    """``c1`` or ``c2`` for Landsat surface reflectance, ``raw`` for a 16-bit browser export of Sentinel-2."""


def parse_band_file(name: str) -> FileName | None:
    """Read a per-band file name; None when it is not one."""
    if match := _LANDSAT_FILE.match(name):
        mission = match["mission"]
        sensor = f"landsat-{mission}"
        if match["qa"]:
            band = match["qa"].lower()
            return FileName(match["stem"], band, sensor, "c2" if band.startswith("qa_") else "c1")
        number = match["c2"] or match["c1"]
        band = _landsat_bands(sensor).get(number, "")
        return FileName(match["stem"], band, sensor, "c2" if match["c2"] else "c1") if band else None
    if match := _S2_FILE.match(name):
        code = match["code"].upper()
        raw = (match["rest"] or "").lower() == "_(raw)"
        return FileName(match["stem"], SENTINEL2.get(code, code.lower()), "sentinel-2", "raw" if raw else "")
    return None


def _landsat_bands(sensor: str) -> dict[str, str]:
    return _OLI if sensor in ("landsat-8", "landsat-9") else _TM


def landsat_band(sensor: str, band: str) -> str:
    """The number that Landsat gives a band by its common name; empty when it has none."""
    return next((number for number, name in _landsat_bands(sensor).items() if name == band), "")


_STAMP = re.compile(r"(?<!\d)((?:19|20)\d{2})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2}))?(?!\d)")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_](\d{2})[-_](\d{2})(?!\d)")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{2})[-_](\d{2})[-_]((?:19|20)\d{2})(?!\d)")
_PROCESSING = re.compile(r"_OPER_", re.IGNORECASE)


def date_in_name(name: str) -> dt.datetime | None:
    """The acquisition time that a file or folder name carries, UTC; noon where it has a date only.

    Names of the old Sentinel-2 format (``S2A_OPER_…``) carry the time of *processing*, often a year later: None.
    """
    if _PROCESSING.search(name):
        return None
    if match := _STAMP.search(name):
        year, month, day, *clock = match.groups()
        hour, minute, second = (int(part) for part in clock) if clock[0] else (12, 0, 0)
        return _when(int(year), int(month), int(day), hour, minute, second)
    if match := _ISO.search(name):
        return _when(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.search(name):
        return _when(int(match[3]), int(match[2]), int(match[1]))
    return None


def _when(year: int, month: int, day: int, hour: int = 12, minute: int = 0, second: int = 0) -> dt.datetime | None:
    try:
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None


def noon(day: dt.date) -> dt.datetime:
    """A date as a time: noon UTC, which is the same solar day everywhere."""
    return dt.datetime(day.year, day.month, day.day, 12, tzinfo=dt.UTC)


def baseline_in_name(name: str) -> str:
    """The processing baseline in a Sentinel-2 product name (``_N0509_`` → ``05.09``); empty when there is none."""
    match = re.search(r"_N(\d{2})(\d{2})(?:_|$)", name)
    return f"{match[1]}.{match[2]}" if match else ""


def slug(text: str) -> str:
    """Lower-case, ASCII, safe as a file name."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "scene"
