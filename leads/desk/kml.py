"""Leads as KML for phones: in WGS 84, and shifted to GCJ-02 for the maps that want it, each labelled for what it is."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring  # builds only

import shapely
from shapely.geometry.base import BaseGeometry

from leads.area import mu
from leads.attributes import centre
from leads.desk.gcj02 import STATED_ERROR_M, shape_to_gcj02
from leads.fields import NOTE
from leads.staging import staged
from leads.store.records import LeadRecord

WGS84_FILE = "leads_WGS84.kml"
GCJ02_FILE = "leads_GCJ02_phone_maps_only_仅供手机地图.kml"

_WGS84 = "坐标系：WGS 84（与 CGCS2000 相差不到 1 米）。Coordinates: WGS 84, within a metre of CGCS2000."
_GCJ02 = (
    "坐标系：GCJ-02（火星坐标），仅供在手机地图上找路，较真实位置偏移数百米，不得用于测量、取证或上图；"
    f"由公开的近似公式换算，误差约 {STATED_ERROR_M} 米以内。"
    "Coordinates: GCJ-02, shifted by hundreds of metres, only for finding the way on a Chinese phone map, never for a "
    f"record; by the published approximation, good to about {STATED_ERROR_M} m."
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can not hold, whatever it is escaped to."""


def write_kml(path: Path, leads: Sequence[LeadRecord], classification: str, gcj02: bool = False) -> None:
    """Writes outlines and centres of leads.

    Args:
        path: the ``.kml``; its name should say GCJ-02 where it is.
        leads: in the order in which they are listed.
        classification: how widely it may be shown; said in the description.
        gcj02: shift every vertex, for Chinese phone maps.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    root = Element("kml", {"xmlns": "http://www.opengis.net/kml/2.2"})
    document = SubElement(root, "Document")
    _text(document, "name", f"卫巡线索 Weixun leads · {'GCJ-02 仅供手机地图 phone maps only' if gcj02 else 'WGS 84'}")
    _text(document, "description", f"{_GCJ02 if gcj02 else _WGS84} {NOTE}。分级 Classification: {classification}")
    style = SubElement(document, "Style", {"id": "lead"})
    line = SubElement(style, "LineStyle")
    _text(line, "color", "ff00e1ff")  # alpha, blue, green, red
    _text(line, "width", "3")
    _text(SubElement(style, "PolyStyle"), "fill", "0")
    for lead in leads:
        _placemark(document, lead, gcj02)
    with staged(path) as temporary:
        temporary.write_bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _placemark(document: Element, lead: LeadRecord, gcj02: bool) -> None:
    mark = SubElement(document, "Placemark")
    _text(mark, "name", f"{lead.id}{'（GCJ-02）' if gcj02 else ''}")
    model = str(lead.attributes.get("model_zh") or lead.detector)
    said = (
        f"{model} · {lead.change_zh or lead.change} · {mu(lead.area_m2):.1f} 亩 · {lead.place} · "
        f"{lead.last_before} → {lead.first_seen} · {lead.remark} · {_GCJ02 if gcj02 else _WGS84}"
    )
    _text(mark, "description", said)
    _text(mark, "styleUrl", "#lead")
    shape = shape_to_gcj02(lead.geometry) if gcj02 else lead.geometry
    both = SubElement(mark, "MultiGeometry")
    _text(SubElement(both, "Point"), "coordinates", "{:.7f},{:.7f}".format(*centre(shape)))
    for part in shapely.get_parts(shape):
        _polygon(both, part)


def _polygon(parent: Element, polygon: BaseGeometry) -> None:
    made = SubElement(parent, "Polygon")
    rings = [("outerBoundaryIs", polygon.exterior), *(("innerBoundaryIs", ring) for ring in polygon.interiors)]
    for tag, ring in rings:
        points = " ".join(f"{x:.7f},{y:.7f}" for x, y, *_ in ring.coords)
        _text(SubElement(SubElement(made, tag), "LinearRing"), "coordinates", points)


def _text(parent: Element, tag: str, text: str) -> None:
    """An element with a text; KML readers show a description as HTML, so what could be markup is taken as text."""
    plain = _NOT_XML.sub("", text)
    if tag == "description":
        plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    SubElement(parent, tag).text = plain
