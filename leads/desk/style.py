"""How the layers of an inbox look: machine's outline, analyst's outline, AOI, statutory layers, unobserved ground."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from leads.desk.columns import AOI_FIELDS, INBOX_FIELDS, OUTLINE_FIELDS, STATUTORY_FIELDS
from leads.fields import FIELDS, Field
from leads.qgis.elements import Colour, element, hatch, line, rule_renderer, symbol, symbol_layer
from leads.qgis.form import form
from leads.qgis.style import Model, leads_style

_TIP = """<b>[% "rank" %]. [% "lead_id" %]</b> [% "model_zh" %] · [% "change_zh" %]<br>
[% format_number("area_mu", 1) %] 亩 mu · [% "date_bef" %] → [% "seen_first" %]"""

NEXT_NAME = "lpad(\"rank\", 3, '0') || ' · ' || coalesce(\"model_zh\", \"model\", '') || ' · ' || \"lead_id\""
"""What the list beside the form shows of a lead; it begins with the rank, so that the list's order is the inbox's."""

TEAM_NAME = (
    "lpad(round(1000 - coalesce(\"priority\", 0)), 5, '0') || ' · ' || coalesce(\"model_zh\", \"model\", '') "
    "|| ' · ' || \"lead_id\""
)
"""The same where there is no rank: the higher the priority, the smaller the number in front."""

MACHINE_FIELDS: tuple[Field, ...] = tuple(
    replace(field, editable=False)
    for field in FIELDS
    if field.name in ("lead_id", "model", "grade", "status", "area_mu")
)
"""Every column of a team's layer of machine outlines."""

MODELS: tuple[Model, ...] = (
    ("black_soil", "破坏黑土地"),
    ("forest_encroachment", "林地侵占"),
    ("grassland", "草原破坏监督"),
    ("hulun_lake", "呼伦湖保护监督"),
    ("land_disturbance", "地表扰动"),
    ("mine", "矿场监督"),
    ("river_protection", "河道保护"),
    ("temporary_land", "临时用地未复垦"),
    ("wetland", "湿地保护监督"),
)
"""For the legend of a desk whose leads come and go; a model that is not among them is drawn white."""

_MACHINE_TIP = '<b>[% "lead_id" %]</b> [% "model" %] · [% format_number("area_mu", 1) %] 亩 mu'

_BESIDE_DEG = 0.05
"""A part that touches no lead belongs to the nearest one within so much."""

_ANALYST: Colour = (0, 255, 255, 255)
_CASING: Colour = (15, 15, 15, 190)
_GREY: Colour = (110, 110, 110, 255)
_LAWS: tuple[Colour, ...] = (
    (120, 220, 120, 255),
    (120, 170, 255, 255),
    (255, 170, 120, 255),
    (220, 150, 255, 255),
    (255, 240, 150, 255),
    (150, 240, 230, 255),
)


def inbox_style(models: Sequence[Model], fields: Sequence[Field] = INBOX_FIELDS) -> list[Element]:
    """The layer of leads: as in a result, in the order of their rank."""
    return _ordered(leads_style(models, fields, _TIP), '"rank"', NEXT_NAME)


def team_style(fields: Sequence[Field]) -> list[Element]:
    """The leads of a team, to be judged and redrawn: the analyst's outline, the highest priority first."""
    drawn = symbol("0", line(_ANALYST, 0.5, "dash"))
    style = [rule_renderer([("ELSE", "审核 review", drawn)]), *form(fields), element("previewExpression", text="")]
    return _ordered(style, '-coalesce("priority", 0)', TEAM_NAME)


def machine_style() -> list[Element]:
    """The machine's outlines of a team's leads, coloured by model as everywhere."""
    return [part for part in leads_style(MODELS, MACHINE_FIELDS, _MACHINE_TIP) if part.tag != "previewExpression"]


def _ordered(style: list[Element], sort: str, name: str) -> list[Element]:
    for part in style:
        if part.tag == "attributetableconfig":
            part.set("sortExpression", sort)
            part.set("sortOrder", "0")
        if part.tag == "previewExpression":
            part.text = name
    return style


def outlines_style(leads_id: str = "") -> list[Element]:
    """The analyst's outlines; a part that is drawn anew finds by itself whose it is.

    Args:
        leads_id: id of the project's layer of leads; empty where the layer is opened alone.
    """
    drawn = symbol("0", line(_ANALYST, 0.5, "dash"))  # without casing, so that the colour of the model shows between
    style = [rule_renderer([("ELSE", "人工勾绘 analyst's outline", drawn)]), *form(OUTLINE_FIELDS)]
    style.append(element("previewExpression", text='"lead_id"'))
    if leads_id:
        defaults = (
            element(
                "default",
                {
                    "field": name,
                    "expression": f"coalesce(array_first(overlay_intersects('{leads_id}', \"{name}\")), "
                    f"array_first(overlay_nearest('{leads_id}', \"{name}\", max_distance:={_BESIDE_DEG})))",
                    "applyOnUpdate": "0",
                },
            )
            for name in ("lead_id", "base_version")
        )
        style.append(element("defaults", {}, *defaults))
    return style


def aoi_style() -> list[Element]:
    """The edge of what was patrolled."""
    edge = symbol("0", line(_CASING, 0.9), line((255, 255, 255, 200), 0.35, "dot"))
    return [rule_renderer([("ELSE", "巡查区 AOI", edge)]), *form(AOI_FIELDS)]


def ground_style() -> list[Element]:
    """Grey under an image, so that where it has no pixels the other date does not show through."""
    plain = {"color": ",".join(map(str, _GREY)), "style": "solid", "outline_style": "no"}
    fill = symbol("0", symbol_layer("SimpleFill", plain))
    return [rule_renderer([("ELSE", "未观测 not observed", fill)]), *form(AOI_FIELDS)]


def statutory_style(kind: str) -> list[Element]:
    """A statutory layer: always the same colour for a kind."""
    colour = _LAWS[zlib.crc32(kind.encode()) % len(_LAWS)]
    thin: Colour = (*colour[:3], 140)
    shape = symbol("0", hatch(thin, 60, 3.0, 0.2, "@0@0"), line(_CASING, 0.7), line(colour, 0.35))
    return [rule_renderer([("ELSE", kind, shape)]), *form(STATUTORY_FIELDS)]
