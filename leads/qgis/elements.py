"""The parts of QGIS's XML that styles, forms and projects share.

QGIS 3.22 is the oldest version served; it fills in every property that is left out.
"""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement  # builds only: what is read goes through defusedxml

import pyproj

Colour = tuple[int, int, int, int]
"""Red, green, blue, opacity, each 0–255."""


def element(
    tag: str, attributes: Mapping[str, str] | None = None, *children: Element, text: str | None = None
) -> Element:
    """One XML element with its children."""
    made = Element(tag, dict(attributes or {}))
    made.text = text
    made.extend(children)
    return made


def option_map(values: Mapping[str, str | bool | float | Element], name: str = "") -> Element:
    """A map of typed options, as QGIS stores the configuration of widgets."""
    made = Element("Option", {"type": "Map", **({"name": name} if name else {})})
    for key, value in values.items():
        if isinstance(value, Element):
            value.set("name", key)
            made.append(value)
        else:
            made.append(_option(key, value))
    return made


def _option(key: str, value: str | bool | float) -> Element:
    if isinstance(value, bool):
        return element("Option", {"name": key, "type": "bool", "value": str(value).lower()})
    kind = "QString" if isinstance(value, str) else "double"
    return element("Option", {"name": key, "type": kind, "value": str(value)})


def rgba(colour: Colour) -> str:
    """A colour as QGIS writes it."""
    return ",".join(str(part) for part in colour)


def symbol(name: str, *layers: Element, kind: str = "fill") -> Element:
    """A symbol made of symbol layers, the first drawn first."""
    return element("symbol", {"type": kind, "name": name, "alpha": "1", "clip_to_extent": "1"}, *layers)


def line(colour: Colour, width_mm: float, style: str = "solid", style_expression: str = "") -> Element:
    """An outline.

    Args:
        colour: of the line.
        width_mm: on the map.
        style: ``solid``, ``dash``, ``dot``.
        style_expression: a QGIS expression that gives the style of each feature; empty for the same everywhere.
    """
    properties = {
        "line_color": rgba(colour),
        "line_width": f"{width_mm:g}",
        "line_width_unit": "MM",
        "line_style": style,
        "joinstyle": "round",
        "capstyle": "flat",
    }
    made = symbol_layer("SimpleLine", properties)
    if style_expression:
        rule = option_map({"active": True, "expression": style_expression, "type": "3"})
        made.append(
            element(
                "data_defined_properties",
                {},
                option_map({"name": "", "properties": option_map({"outlineStyle": rule}), "type": "collection"}),
            )
        )
    return made


def hatch(colour: Colour, angle_deg: float, distance_mm: float, width_mm: float, place: str) -> Element:
    """A fill of parallel lines.

    Args:
        colour: of the lines.
        angle_deg: from the horizontal, anticlockwise.
        distance_mm: between lines.
        width_mm: of a line.
        place: ``@SYMBOL@LAYER``, the name QGIS wants for the symbol inside: which symbol and which layer this is.
    """
    properties = {
        "angle": f"{angle_deg:g}",
        "color": rgba(colour),
        "distance": f"{distance_mm:g}",
        "distance_unit": "MM",
        "line_width": f"{width_mm:g}",
        "line_width_unit": "MM",
    }
    made = symbol_layer("LinePatternFill", properties)
    made.append(symbol(place, line(colour, width_mm), kind="line"))
    return made


def symbol_layer(kind: str, properties: Mapping[str, str]) -> Element:
    """One layer of a symbol; properties in the form that QGIS before 3.26 reads, and later versions still do."""
    made = Element("layer", {"class": kind, "pass": "0", "enabled": "1", "locked": "0"})
    for key, value in properties.items():
        SubElement(made, "prop", {"k": key, "v": value})
    return made


def rule_renderer(rules: Iterable[tuple[str, str, Element]]) -> Element:
    """A rule-based renderer.

    Args:
        rules: (filter expression or ``ELSE``, label, symbol); symbols are named by their place, from 0.
    """
    listed = list(rules)
    heads = [
        element("rule", {"filter": where, "label": label, "symbol": str(index), "key": f"{{rule-{index}}}"})
        for index, (where, label, _) in enumerate(listed)
    ]
    symbols = element("symbols", {}, *(shape for _, _, shape in listed))
    return element(
        "renderer-v2",
        {"type": "RuleRenderer", "forceraster": "0", "symbollevels": "0", "enableorderby": "0"},
        element("rules", {"key": "{rules}"}, *heads),
        symbols,
    )


def spatial_reference(epsg: int) -> Element:
    """A CRS as projects and layers carry it."""
    crs = pyproj.CRS.from_epsg(epsg)
    values = {
        "wkt": crs.to_wkt("WKT2_2019"),
        "srid": str(epsg),
        "authid": f"EPSG:{epsg}",
        "description": crs.name,
        "ellipsoidacronym": "EPSG:7030",
        "geographicflag": str(crs.is_geographic).lower(),
    }
    return element("spatialrefsys", {}, *(element(tag, text=text) for tag, text in values.items()))
