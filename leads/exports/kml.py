"""Leads as KML: WGS 84 degrees for a globe or a phone. Viewers show descriptions as HTML, so they are escaped twice."""

import html
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml  # writes only; nothing that others wrote is parsed here

import shapely
from shapely.geometry.base import BaseGeometry

from leads.exports.row import Row
from leads.exports.text import one_line, plain
from leads.exports.tuban import COLUMNS
from leads.fields import NOTE
from leads.staging import staged

_LINE = "ff3ce1ff"
"""aabbggrr: the yellow of the quicklooks."""


def write_kml(path: Path, rows: Iterable[Row], title: str, classification: str) -> int:
    """Write leads and return how many.

    Args:
        path: appears only when it is whole.
        rows: leads.
        title: of the document.
        classification: stands in its name and in each lead.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    count = 0
    with staged(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        said = f"{one_line(title, 200)} · {classification} · {NOTE} · WGS 84"
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n')
        file.write(f"<name>{html.escape(said)}</name>\n{_STYLE}\n")
        for row in rows:
            file.write(Xml.tostring(_placemark(row), encoding="unicode") + "\n")
            count += 1
        file.write("</Document></kml>\n")
    return count


_STYLE = (
    f'<Style id="lead"><LineStyle><color>{_LINE}</color><width>2</width></LineStyle>'
    "<PolyStyle><color>203ce1ff</color></PolyStyle></Style>"
)


def _placemark(row: Row) -> Xml.Element:
    mark = Xml.Element("Placemark")
    Xml.SubElement(mark, "name").text = one_line(row.id, 100)
    Xml.SubElement(mark, "styleUrl").text = "#lead"
    told = [(column.zh, plain(column.value(row), 2000)) for column in COLUMNS]
    lines = "<br/>".join(f"{html.escape(zh)}：{html.escape(text)}" for zh, text in told if text)
    Xml.SubElement(mark, "description").text = lines
    data = Xml.SubElement(mark, "ExtendedData")
    for column in COLUMNS:
        entry = Xml.SubElement(data, "Data", name=column.name)
        Xml.SubElement(entry, "displayName").text = column.zh
        Xml.SubElement(entry, "value").text = html.escape(plain(column.value(row), 2000))
    mark.append(_ground(row.geometry))
    return mark


def _ground(geometry: BaseGeometry) -> Xml.Element:
    parts = [_polygon(part) for part in shapely.get_parts(shapely.force_2d(geometry))]
    if len(parts) == 1:
        return parts[0]
    several = Xml.Element("MultiGeometry")
    several.extend(parts)
    return several


def _polygon(part: BaseGeometry) -> Xml.Element:
    polygon = Xml.Element("Polygon")
    turned = shapely.geometry.polygon.orient(part)
    for name, rings in (("outerBoundaryIs", [turned.exterior]), ("innerBoundaryIs", turned.interiors)):
        for ring in rings:
            line = Xml.SubElement(Xml.SubElement(polygon, name), "LinearRing")
            Xml.SubElement(line, "coordinates").text = " ".join(_corners(ring))
    return polygon


def _corners(ring: BaseGeometry) -> Iterator[str]:
    for lon, lat in ring.coords:
        yield f"{lon:.8f},{lat:.8f},0"
