"""What a Gaofen or ZY-3 product says of itself: by its name, and in its XML.

Names are ``GF1_PMS1_E114.6_N22.7_20181006_L1A0003680028-MSS1.tiff`` and the like; the XML has the root
``ProductMetaData`` and flat elements.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.names import date_in_name, noon

MAX_XML_BYTES = 4_000_000
MAX_TEXT = 200

FOUR = ("blue", "green", "red", "nir")
EIGHT = (*FOUR, "rededge1", "rededge2", "coastal", "yellow")
"""GF-6 WFV: 450–520, 520–590, 630–690, 770–890, 690–730, 730–770, 400–450 and 590–630 nm."""

_SENSORS = {
    ("GF1", "PMS"): ("gaofen-1", 8.0), ("GF1", "WFV"): ("gaofen-1", 16.0), ("GF1B", "PMS"): ("gaofen-1b", 8.0),
    ("GF1C", "PMS"): ("gaofen-1c", 8.0), ("GF1D", "PMS"): ("gaofen-1d", 8.0), ("GF2", "PMS"): ("gaofen-2", 4.0),
    ("GF6", "PMS"): ("gaofen-6", 8.0), ("GF6", "WFV"): ("gaofen-6", 16.0), ("ZY3", "MUX"): ("ziyuan-3", 6.0),
    ("ZY3", "PMS"): ("ziyuan-3", 6.0), ("ZY3", "MSS"): ("ziyuan-3", 6.0),
}  # fmt: skip
"""By satellite and camera: STAC platform, and the pixel size of its multispectral bands in metres."""

_NAME = re.compile(
    r"(?P<stem>(?P<satellite>GF1[BCD]?|GF2|GF6|ZY-?3(?:-?0?[123])?)_(?P<camera>PMS|WFV|MUX|MSS|NAD|FWD|BWD|TLC|PAN)"
    r"(?P<unit>[1-4]?)_(?P<lon>[EW]\d{1,3}(?:\.\d+)?)_(?P<lat>[NS]\d{1,2}(?:\.\d+)?)_(?P<date>\d{8})_"
    r"L(?P<level>\d[A-Z])(?P<id>\d{3,16})(?:-(?P<part>[A-Z]{3}\d?|\d))?)(?P<suffix>\.tiff?|\.tar\.gz|\.tgz)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Product:
    """One image of a product, as its name describes it."""

    stem: str
    """The name without its suffix."""

    satellite: str
    camera: str
    unit: str
    lon: float
    lat: float
    """Centre, to a tenth of a degree."""

    date: dt.date
    level: str
    """``1A`` is as the camera saw it; from ``2A`` on it lies on the ground."""

    number: str
    part: str
    """``MSS1``, ``PAN1``, ``MUX``, or the number of a WFV part; empty for many."""

    suffix: str

    @property
    def panchromatic(self) -> bool:
        """Whether this is the one grey band of a product."""
        return self.part.startswith("PAN") or self.camera in ("NAD", "FWD", "BWD", "TLC", "PAN")

    @property
    def known(self) -> tuple[str, float] | None:
        """Platform and pixel size in metres; None for a camera that is not read here."""
        return _SENSORS.get((self.satellite, self.camera))

    @property
    def bands(self) -> tuple[str, ...]:
        """STAC common names in file order."""
        return EIGHT if (self.satellite, self.camera) == ("GF6", "WFV") else FOUR


def parse_name(name: str) -> Product | None:
    """Read the name of an image or a packed product; None when it is not one."""
    match = _NAME.fullmatch(name)
    if match is None or (when := date_in_name(match["date"])) is None:
        return None
    lon, lat = (float(match[key][1:]) * (-1 if match[key][0] in "WSws" else 1) for key in ("lon", "lat"))
    satellite = match["satellite"].upper().replace("-", "")
    return Product(
        stem=match["stem"],
        satellite="ZY3" if satellite.startswith("ZY3") else satellite,
        camera=match["camera"].upper(),
        unit=match["unit"],
        lon=lon,
        lat=lat,
        date=when.date(),
        level=match["level"].upper(),
        number=match["id"],
        part=(match["part"] or "").upper(),
        suffix=match["suffix"].lower(),
    )


def read_xml(path: Path) -> Mapping[str, str]:
    """The elements of a product's XML that have text, by name; of several alike the first.

    Raises:
        UnreadableImageError: if it is too large, damaged or hostile, or the XML of something else.
    """
    try:
        if path.stat().st_size > MAX_XML_BYTES:
            raise UnreadableImageError(f"{path} is too large for the XML of a product ({MAX_XML_BYTES:,} bytes).")
        root = fromstring(_plain(path.read_bytes()))
    except OSError as error:
        raise UnreadableImageError(f"{path} can not be read ({error.strerror}).") from error
    except DefusedXmlException as error:
        raise UnreadableImageError(f"{path} is refused: it defines entities, as no product does.") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise UnreadableImageError(f"{path} is not XML that can be read ({error}).") from error
    if root.tag.rpartition("}")[2] != "ProductMetaData":
        raise UnreadableImageError(f"{path} is not the XML of a Gaofen product: its root is {root.tag[:60]}.")
    told: dict[str, str] = {}
    for element in root.iter():
        text = (element.text or "").strip()
        if text and len(text) <= MAX_TEXT and isinstance(element.tag, str):
            told.setdefault(element.tag.rpartition("}")[2], text)
    return told


def _plain(content: bytes) -> str:
    """Text without its declaration: expat knows no GBK, which some are written in."""
    declared = re.match(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w-]{1,20})["'][^>]{0,200}?\?>""", content)
    if declared is None:
        return content.decode("utf-8-sig")
    codec = declared[1].decode("ascii").casefold()
    return content[declared.end() :].decode("gb18030" if codec in ("gbk", "gb2312") else codec)


def acquired(told: Mapping[str, str], product: Product) -> tuple[dt.datetime, str]:
    """When the image was taken, UTC, and where that comes from.

    The time in the XML does not say whether it is Beijing's or UTC. These satellites pass in the middle of the day, and
    eight hours apart both can not be that: the zone is the one that makes it day. Where neither does, only the date of
    the name is believed.

    Raises:
        InconsistentSceneError: if the XML tells of another day than the name.
    """
    text = told.get("CenterTime") or told.get("StartTime") or ""
    try:
        said = dt.datetime.fromisoformat(text.replace("T", " ").rstrip("Z"))
    except ValueError:
        return noon(product.date), "file name (its XML gives no time)"
    if said.tzinfo is not None:
        return said.astimezone(dt.UTC), "XML, with its zone"
    if abs((said.date() - product.date).days) > 1:
        raise InconsistentSceneError(
            f"{product.stem}: its XML tells of {said.date()}, its name of {product.date}; they are not of one product."
        )
    for zone, hours in (("Beijing time", 8), ("UTC", 0)):
        when = said.replace(tzinfo=dt.UTC) - dt.timedelta(hours=hours)
        if 7.5 <= (when.hour + when.minute / 60 + product.lon / 15) % 24 <= 15.5:
            return when, f"XML, read as {zone}: the other would be no daytime overpass"
    return noon(product.date), "file name (the time in its XML is no daytime overpass in any zone)"
