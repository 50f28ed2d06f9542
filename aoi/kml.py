"""KML, read without GDAL: no DTD, no entity, no link is followed."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from shapely.geometry import GeometryCollection, LineString, Point
from shapely.geometry.base import BaseGeometry

from aoi.errors import UnreadableVectorError
from aoi.features import Feature, Position, Problem, RingError, VectorFile, finite, label_of, polygons
from aoi.geojson import read_text

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding=["']([A-Za-z0-9_.-]+)["']""")
_CHINESE = ("gbk", "gb2312", "gb18030")


def read_kml(path: Path, name: Path | None = None) -> VectorFile:
    """The placemarks of a KML file; its coordinates are always longitude, latitude in WGS 84.

    Args:
        path: of the KML.
        name: how messages call it, where it was unpacked from another file.

    Raises:
        UnreadableVectorError: if it is not KML, or tries to reach outside itself.
    """
    called = name or path
    root = _parse(read_text(path, "KML"), called)
    if _tag(root) not in ("kml", "Document", "Folder", "Placemark"):
        raise UnreadableVectorError(f"{called}: XML, but not KML (its root is <{_tag(root)[:40]}>)")
    marks = [element for element in root.iter() if _tag(element) == "Placemark"]
    if not marks and any(_tag(element) == "NetworkLink" for element in root.iter()):
        raise UnreadableVectorError(f"{called}: holds only a link to another place; save the polygon itself as KML")
    return VectorFile(called, tuple(_feature(number, mark) for number, mark in enumerate(marks, start=1)))


def _parse(raw: bytes, name: Path) -> Element:
    if not raw.strip():
        raise UnreadableVectorError(f"{name}: the file is empty (0 features); it must be KML with a polygon")
    declared = _DECLARED.match(raw[:200])
    try:
        # Python's parser knows no multi-byte encoding but UTF-8 and UTF-16, and offices still write GBK.
        chinese = declared is not None and declared[1].decode().casefold() in _CHINESE
        root: Element = fromstring(raw.decode("gb18030") if chinese else raw, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnreadableVectorError(
            f"{name}: refused, because it declares a DTD or an entity, which KML does not need and attacks use"
        ) from error
    except ParseError as error:
        raise UnreadableVectorError(f"{name}: not XML ({error}); it may be truncated") from error
    except (LookupError, ValueError) as error:
        raise UnreadableVectorError(f"{name}: its text encoding can not be read; save it again as UTF-8") from error
    return root


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if _tag(child) == tag)


def _feature(number: int, mark: Element) -> Feature:
    properties = _properties(mark)
    label = label_of(number, properties)
    try:
        found = [geometry for child in mark for geometry in _geometries(child, 0)]
    except RingError as error:
        return Feature(label, None, properties, Problem(label, "error", *error.args))
    if len(found) > 1:
        return Feature(label, GeometryCollection(found), properties)
    return Feature(label, found[0] if found else None, properties)


def _properties(mark: Element) -> dict[str, str]:
    told = {}
    for element in mark.iter():
        tag, key = _tag(element), element.get("name")
        if tag == "SimpleData" and key:
            told[key] = (element.text or "").strip()
        elif tag == "Data" and key:
            told[key] = "".join((value.text or "").strip() for value in _children(element, "value"))
    for name in _children(mark, "name"):
        told["name"] = (name.text or "").strip()
    return {key: value for key, value in told.items() if value}


def _geometries(element: Element, depth: int) -> Iterator[BaseGeometry]:
    tag = _tag(element)
    if tag == "Polygon":
        outer = [ring for side in _children(element, "outerBoundaryIs") for ring in _rings(side)]
        holes = [ring for side in _children(element, "innerBoundaryIs") for ring in _rings(side)]
        if len(outer) != 1:
            raise RingError(f"a polygon has {len(outer)} outer rings", f"多边形有 {len(outer)} 个外环")
        yield polygons([[*outer, *holes]])
    elif tag == "MultiGeometry" and depth < 8:
        for child in element:
            yield from _geometries(child, depth + 1)
    elif tag == "Point":
        yield Point()
    elif tag in ("LineString", "LinearRing", "Track", "MultiTrack"):
        yield LineString()


def _rings(side: Element) -> Iterator[list[Position]]:
    for ring in _children(side, "LinearRing"):
        texts = [element.text or "" for element in _children(ring, "coordinates")]
        yield [_position(word) for text in texts for word in text.split()]


def _position(word: str) -> Position:
    numbers = word.split(",")
    try:
        return finite(float(numbers[0]), float(numbers[1]))
    except (IndexError, ValueError) as error:
        if isinstance(error, RingError):
            raise
        raise RingError(
            f"{word[:40]!r} is not a longitude, a comma and a latitude", f"{word[:40]!r} 不是“经度,纬度”"
        ) from error
