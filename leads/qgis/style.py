"""How leads and coverage look: outlines by model, haloed labels, hatching where nothing was seen."""

import zlib
from collections.abc import Sequence
from xml.etree.ElementTree import Element, tostring

from leads.fields import FIELDS, Field
from leads.qgis.elements import Colour, element, hatch, line, rgba, rule_renderer, symbol
from leads.qgis.form import form

COVERAGE_FIELDS: tuple[Field, ...] = (
    Field("block", "text", "网格块", "Block"),
    Field("role", "text", "时相", "Date", choices=(("before", "前时相", "before"), ("after", "后时相", "after"))),
    Field("date", "date", "日期", "Day"),
    Field("observed", "real", "已观测比例（0–1）", "Share observed (0–1)"),
    Field("cloudy", "real", "云及阴影比例（0–1）", "Share under cloud or shadow (0–1)"),
    Field("snow", "real", "冰雪比例（0–1）", "Share under snow or ice (0–1)"),
    Field("no_scene", "real", "无影像比例（0–1）", "Share without imagery (0–1)"),
    Field("best", "real", "各日中最高观测比例（0–1）", "Best share observed on any day (0–1)"),
    Field("failed", "text", "失败原因", "Why it failed"),
)
"""Every column of the coverage layer, in order."""

Model = tuple[str, str]
"""A model's id and its Chinese name."""

_COLOURS: dict[str, Colour] = {
    "temporary_land": (255, 150, 40, 255),
    "forest_encroachment": (190, 255, 70, 255),
    "black_soil": (255, 110, 210, 255),
    "river_protection": (80, 210, 255, 255),
    "grassland": (255, 225, 70, 255),
    "hulun_lake": (140, 180, 255, 255),
    "wetland": (70, 255, 210, 255),
    "mine": (255, 80, 70, 255),
    "land_disturbance": (255, 255, 255, 255),
}
_OTHERS: tuple[Colour, ...] = ((210, 150, 255, 255), (255, 190, 190, 255), (170, 255, 170, 255), (255, 220, 160, 255))
_CASING: Colour = (15, 15, 15, 190)
"""Under each outline, so that it reads over bright and dark ground alike."""

_BY_GRADE = "if(\"grade\" = 'provisional', 'dash', 'solid')"
_LABEL = (
    "if(coalesce(\"status\", '') = 'rejected', '', "
    "right(\"lead_id\", 8) || coalesce('\\n' || format_number(\"area_mu\", 1) || ' 亩', ''))"
)
_LABEL_SCALE = 250_000
_FONTS = ("Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "DejaVu Sans")

_TIP = """<b>[% "lead_id" %]</b> [% "model_zh" %] · [% "change_zh" %]<br>
[% format_number("area_mu", 1) %] 亩 mu · [% "date_bef" %] → [% "seen_first" %]<br>
<img src="file:///[% regexp_replace(@project_folder, '^/', '') %]/quicklook/[% "lead_id" %]_before.png" width="300">
<img src="file:///[% regexp_replace(@project_folder, '^/', '') %]/quicklook/[% "lead_id" %]_after.png" width="300">"""
_COVERAGE_TIP = """<b>[% "block" %]</b> [% "role" %] [% "date" %]<br>
已观测 observed [% round("observed" * 100) %] % · 云影 cloud, shadow [% round("cloudy" * 100) %] % ·
冰雪 snow, ice [% round("snow" * 100) %] % · 无影像 no imagery [% round("no_scene" * 100) %] %<br>[% "failed" %]"""


def colour_of(model: str) -> Colour:
    """The outline's colour of a model; one that this table does not know always gets the same spare colour."""
    return _COLOURS.get(model) or _OTHERS[zlib.crc32(model.encode()) % len(_OTHERS)]


def leads_style(models: Sequence[Model], fields: Sequence[Field] = FIELDS, tip: str = _TIP) -> list[Element]:
    """Renderer, labels, form and map tip of the layer of leads.

    Args:
        models: those that have leads; the legend shows no others.
        fields: the columns of the layer, for its form.
        tip: what hovering shows, HTML with QGIS expressions.
    """
    rejected = symbol("0", line((30, 30, 30, 150), 0.8), line((200, 200, 200, 255), 0.3, "dot"))
    rules = [("\"status\" = 'rejected'", "不属实 rejected", rejected)]
    for model, name_zh in models:
        where = f"coalesce(\"status\", '') <> 'rejected' AND \"model\" = {_quoted(model)}"
        rules.append((where, f"{name_zh} {model}".strip(), _outline(str(len(rules)), colour_of(model))))
    rules.append(("ELSE", "其他 other", _outline(str(len(rules)), (255, 255, 255, 255))))
    return [
        rule_renderer(rules),
        _labels(),
        *form(fields),
        element("previewExpression", text='"lead_id"'),
        element("mapTip", text=tip),
    ]


def coverage_style() -> list[Element]:
    """Hatching by what was not seen; ground that was seen keeps only a faint edge."""
    clear = '"failed" IS NULL AND "role" = \'{role}\' AND "best" >= {low} AND "best" < {high}'
    grey: Colour = (235, 235, 235, 230)
    rules = [
        (
            '"failed" IS NOT NULL',
            "处理失败 failed",
            symbol("0", hatch((255, 70, 60, 230), 90, 2.5, 0.35, "@0@0"), line((255, 70, 60, 230), 0.3)),
        )
    ]
    for role, name, angle in (("after", "后时相 after", 45), ("before", "前时相 before", 135)):
        for low, high, text, step in (
            (0, 0.5, "大部未观测 mostly not observed", 2.0),
            (0.5, 0.9, "部分未观测 partly not observed", 4.5),
        ):
            number = len(rules)
            shape = symbol(str(number), hatch(grey, angle, step, 0.25, f"@{number}@0"), line(grey, 0.2, "dot"))
            rules.append((clear.format(role=role, low=low, high=high), f"{name}: {text}", shape))
    rules.append(("ELSE", "已观测 observed", symbol(str(len(rules)), line((255, 255, 255, 70), 0.15))))
    return [rule_renderer(rules), *form(COVERAGE_FIELDS), element("mapTip", text=_COVERAGE_TIP)]


def qml(style: Sequence[Element], labels: bool) -> str:
    """A style as the document that QGIS keeps in a GeoPackage's `layer_styles`."""
    head = {
        "version": "3.22.0",
        "styleCategories": "AllStyleCategories",
        "labelsEnabled": str(int(labels)),
        "readOnly": "0",
    }
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + tostring(
        element("qgis", head, *style), encoding="unicode"
    )


def _outline(name: str, colour: Colour) -> Element:
    return symbol(name, line(_CASING, 1.3), line(colour, 0.6, "solid", _BY_GRADE))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _labels() -> Element:
    text = element(
        "text-style",
        {
            "fieldName": _LABEL,
            "isExpression": "1",
            "fontFamily": _FONTS[0],
            "fontSize": "8.5",
            "fontSizeUnit": "Point",
            "fontWeight": "63",
            "textColor": rgba((255, 255, 255, 255)),
            "textOpacity": "1",
            "multilineHeight": "1",
        },
        element("families", {}, *(element("family", {"name": name}) for name in _FONTS[1:])),
        element(
            "text-buffer",
            {
                "bufferDraw": "1",
                "bufferSize": "0.8",
                "bufferSizeUnits": "MM",
                "bufferColor": rgba((10, 10, 10, 255)),
                "bufferOpacity": "0.8",
                "bufferJoinStyle": "128",
                "bufferNoFill": "1",
            },
        ),
    )
    # 8 = outside the polygon: the ground inside is what the analyst wants to see.
    placement = element("placement", {"placement": "8", "polygonPlacementFlags": "2", "dist": "1", "distUnits": "MM"})
    # QGIS calls the denominator scaleMax: from further away there are no labels.
    rendering = element(
        "rendering",
        {"scaleVisibility": "1", "scaleMin": "0", "scaleMax": str(_LABEL_SCALE), "obstacle": "1", "drawLabels": "1"},
    )
    lines = element("text-format", {"multilineAlign": "0"})
    return element("labeling", {"type": "simple"}, element("settings", {}, text, lines, placement, rendering))
