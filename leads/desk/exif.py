"""Where and when a photo was taken, as its EXIF says: hostile input, read with Pillow and bounded in size."""

import datetime as dt
import hashlib
import math
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from leads.errors import LeadsError

MOST_BYTES = 80 << 20
MOST_PIXELS = 250_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")

LOCAL = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")
"""Of a camera that does not say its offset."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    struct.error,
)
"""What Pillow raises at a damaged file or damaged tags; it has no error of its own for them."""


_TOO_MANY = f"像素过多 more than {MOST_PIXELS // 1_000_000} million pixels"


class PhotoError(LeadsError):
    """A file is no photo that can be kept; the message says why."""


@dataclass(frozen=True)
class Photo:
    """A photo from the field."""

    path: Path
    sha256: str
    lon: float | None
    """WGS 84, degrees; None where the photo does not say."""

    lat: float | None
    taken: dt.datetime | None
    """Aware; a camera without an offset is taken to show Beijing time. None where the photo does not say."""


def read_photo(path: Path) -> Photo:
    """Hash, place and time of a photo. Its pixels are not decoded.

    Raises:
        PhotoError: if it is a link, too large, no image, or an image of more than `MOST_PIXELS`.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise PhotoError("不是普通文件 not a plain file")
        size = path.stat().st_size
        if not 0 < size <= MOST_BYTES:
            raise PhotoError(f"文件为空或过大 empty, or larger than {MOST_BYTES >> 20} MB")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PhotoError(f"无法读取 can not be read: {error.strerror}") from error
    tags, gps = _tags(path)
    lon, lat = _place(gps)
    return Photo(path, digest, lon, lat, _moment(tags, gps))


def _tags(path: Path) -> tuple[dict[int, Any], dict[int, Any]]:
    """The EXIF and GPS tags; empty where there are none or they are damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is checked here: size, and damaged tags
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise PhotoError(_TOO_MANY)
                return _read_tags(image)
    except Image.DecompressionBombError as error:
        raise PhotoError(_TOO_MANY) from error
    except _BROKEN as error:
        raise PhotoError("不是可读的照片 not a photo that can be read") from error


def _read_tags(image: Image.Image) -> tuple[dict[int, Any], dict[int, Any]]:
    try:
        exif = image.getexif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}, dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except _BROKEN:
        return {}, {}


def _place(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    lat = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
    lon = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    # Null Island is what a camera without a fix writes.
    if lon is None or lat is None or (lon, lat) == (0.0, 0.0):
        return None, None
    return lon, lat


def _degrees(parts: Any, ref: Any, negative: str, most: float) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return -value if _word(ref).upper().startswith(negative) else value


def _moment(tags: dict[int, Any], gps: dict[int, Any]) -> dt.datetime | None:
    """The satellites' time where there is one, else the camera's clock."""
    day = _word(gps.get(ExifTags.GPS.GPSDateStamp))
    try:
        hour, minute, second = (int(float(part)) for part in gps[ExifTags.GPS.GPSTimeStamp])
        return dt.datetime.strptime(day, "%Y:%m:%d").replace(hour=hour, minute=minute, second=second, tzinfo=dt.UTC)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        pass
    clock = _word(tags.get(ExifTags.Base.DateTimeOriginal)) or _word(tags.get(ExifTags.Base.DateTime))
    offset = _word(tags.get(ExifTags.Base.OffsetTimeOriginal))
    try:
        moment = dt.datetime.strptime(clock[:19], "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    try:
        return dt.datetime.strptime(offset, "%z").replace(
            year=moment.year, month=moment.month, day=moment.day,
            hour=moment.hour, minute=moment.minute, second=moment.second,
        )  # fmt: skip
    except ValueError:
        return moment.replace(tzinfo=LOCAL)


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        value = value[:64].decode("ascii", "ignore")
    return value.strip("\0 ")[:64] if isinstance(value, str) else ""
