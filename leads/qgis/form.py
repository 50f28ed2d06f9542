"""The review form: aliases, widgets, what may be written and what must be."""

from collections.abc import Collection, Sequence
from xml.etree.ElementTree import Element

from leads.fields import Field
from leads.qgis.elements import element, option_map

Config = dict[str, str | bool | float | Element]

NULL = "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"
"""What QGIS stores in a value map for "no value"."""

REASON_NEEDED = "coalesce(\"status\", '') <> 'rejected' OR coalesce(\"reason\", '') <> ''"
REASON_NEEDED_TEXT = "不属实须选择原因 A rejected lead needs a reason"
REVIEWER_WANTED = "coalesce(\"status\", 'new') = 'new' OR coalesce(\"reviewer\", '') <> ''"
REVIEWER_WANTED_TEXT = "请填写审核人 Please give the reviewer's name"

_LONG = (
    "remark", "layers", "layers_no", "conflict", "licences", "seen_dates", "rule", "rule_state", "rule_note",
    "known_note", "permit_st", "mine_note",
)  # fmt: skip
"""Texts that want several lines."""

_SUMMARY = (
    "lead_id", "model_zh", "change_zh", "grade", "conf", "date_bef", "seen_first", "looks",
    "area_mu", "mu_lo", "mu_hi", "place", "dms", "rule_flag", "known_st", "classif", "note",
)  # fmt: skip
"""What an analyst reads first, beside the boxes to fill in."""

_LAW = (
    ("对照规则 Rules", ("rule_flag", "rule_state", "rule_note", "rule")),
    ("占用图层 Layers", ("layers", "layers_no", "conflict", "licences", "holder")),
    ("已知图斑 Known patches", ("known_st", "known_id", "known_note", "regulator")),
    ("许可期限 Permits", ("permit_st",)),
    ("矿场三项 A mine's three answers", ("mine_lic", "mine_land", "mine_rest", "mine_note")),
)
"""Where it stands beside the law, on a tab of its own, the short answers of the first among it; what is left over is
on the third."""


def form(fields: Sequence[Field]) -> list[Element]:
    """All that a layer's style says of its fields: widgets, aliases, constraints, layout, attribute table."""
    names = ["fid", *(field.name for field in fields)]
    widgets = [_widget_of("fid", "Hidden", {}), *(_widget(field) for field in fields)]
    aliases = [("fid", "序号 No."), *((field.name, f"{field.zh} {field.en}") for field in fields)]
    editable = {field.name for field in fields if field.editable}
    return [
        element("fieldConfiguration", {}, *widgets),
        element(
            "aliases",
            {},
            *(
                element("alias", {"index": str(index), "field": name, "name": alias})
                for index, (name, alias) in enumerate(aliases)
            ),
        ),
        *_constraints(names),
        _table(names, {"fid", *(field.name for field in fields if field.hidden)}),
        element("editform", {"tolerant": "1"}),
        element("featformsuppress", text="0"),
        element("editorlayout", text="tablayout"),
        _layout(fields),
        element(
            "editable",
            {},
            *(element("field", {"name": name, "editable": str(int(name in editable))}) for name in names),
        ),
        # Names in two languages are long: above the box they leave it its width.
        element("labelOnTop", {}, *(element("field", {"name": name, "labelOnTop": "1"}) for name in names)),
    ]


def _widget(field: Field) -> Element:
    if field.hidden:
        return _widget_of(field.name, "Hidden", {})
    if field.choices:
        pairs = [(f"{zh} {en}", value) for value, zh, en in field.choices]
        if field.name == "reason":
            pairs.insert(0, ("—", NULL))
        options = [option_map({name: value}) for name, value in pairs]
        return _widget_of(field.name, "ValueMap", {"map": element("Option", {"type": "List"}, *options)})
    if field.type == "date":
        shown: Config = {"display_format": "yyyy-MM-dd", "field_format": "yyyy-MM-dd", "calendar_popup": True}
        return _widget_of(field.name, "DateTime", {**shown, "allow_null": True})
    if field.type == "real" and field.editable:
        span: Config = {"AllowNull": True, "Min": 0.0, "Max": 1e12, "Step": 1.0, "Precision": "1", "Style": "SpinBox"}
        return _widget_of(field.name, "Range", span)
    return _widget_of(field.name, "TextEdit", {"IsMultiline": field.name in _LONG, "UseHtml": False})


def _widget_of(name: str, kind: str, config: Config) -> Element:
    widget = element("editWidget", {"type": kind}, element("config", {}, option_map(config)))
    return element("field", {"name": name, "configurationFlags": "None"}, widget)


def _constraints(names: Sequence[str]) -> list[Element]:
    """A status is needed; a rejection needs its reason; a reviewer is asked for, not forced."""
    expressions = {
        "reason": (REASON_NEEDED, REASON_NEEDED_TEXT, "1"),
        "reviewer": (REVIEWER_WANTED, REVIEWER_WANTED_TEXT, "2"),
    }
    strengths, rules = [], []
    for name in names:
        expression, text, strength = expressions.get(name, ("", "", "0"))
        needed = name == "status"
        kinds = 4 if expression else int(needed)
        strengths.append(
            element(
                "constraint",
                {
                    "field": name,
                    "constraints": str(kinds),
                    "notnull_strength": str(int(needed)),
                    "unique_strength": "0",
                    "exp_strength": strength,
                },
            )
        )
        rules.append(element("constraint", {"field": name, "exp": expression, "desc": text}))
    return [element("constraints", {}, *strengths), element("constraintExpressions", {}, *rules)]


def _table(names: Sequence[str], hidden: Collection[str]) -> Element:
    columns = [
        element("column", {"type": "field", "name": name, "hidden": str(int(name in hidden)), "width": "-1"})
        for name in names
    ]
    return element("attributetableconfig", {"actionWidgetStyle": "dropDown"}, element("columns", {}, *columns))


def _layout(fields: Sequence[Field]) -> Element:
    """Three tabs: what is filled in beside what is read first, where it stands beside the law, everything else."""
    index = {field.name: number for number, field in enumerate(fields, 1) if not field.hidden}
    filled = [field.name for field in fields if field.editable]
    summary = [name for name in _SUMMARY if name in index and name not in filled]
    law = [(title, [name for name in names if name in index]) for title, names in _LAW]
    rest = [name for name in index if name not in (*filled, *summary, *(name for _, names in law for name in names))]
    if not filled:
        return element("attributeEditorForm", {}, _container("全部属性 All attributes", list(index), index))
    first = _container("审核 Review", [], index)
    first.append(_container("请填写 To fill in", filled, index, group=True))
    first.append(_container("线索要点 The lead in short", summary, index, group=True))
    second = _container("对照法规 Beside the law", [], index)
    second.extend(_container(title, names, index, group=True) for title, names in law if names)
    return element("attributeEditorForm", {}, first, second, _container("其余属性 Other attributes", rest, index))


def _container(name: str, names: Sequence[str], index: dict[str, int], group: bool = False) -> Element:
    shown = {"name": name, "showLabel": "1", "columnCount": "1", "groupBox": str(int(group))}
    fields = [element("attributeEditorField", {"name": n, "index": str(index[n]), "showLabel": "1"}) for n in names]
    return element("attributeEditorContainer", {**shown, "visibilityExpressionEnabled": "0"}, *fields)
