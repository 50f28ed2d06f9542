"""The first parts of a dossier: what the lead is, when the conduct lies, and its three areas."""

import datetime as dt
from collections.abc import Sequence

from leads.area import mu
from leads.attributes import Value
from leads.dossier.model import DossierInput
from leads.dossier.overdue import is_overdue
from leads.dossier.page import Box, Boxes, Facts, Para, Section, Table
from leads.dossier.words import NOT_SURVEYED, area, beijing, chinese
from leads.exports.text import one_line, plain
from leads.fields import FIELDS
from leads.series.model import Break
from leads.store.records import OutlineKind, OutlineRecord

RUN_LETTERS = 12
"""Of a run's id, which is a number in hexadecimal: enough to find it by."""

_CHOICES = {field.name: {stored: zh for stored, zh, _ in field.choices} for field in FIELDS}


def said(case: DossierInput, name: str, blank: str = "–") -> str:
    """A value of the row for people."""
    value: Value = case.values.get(name)
    if value is None or value == "":
        return blank
    return _CHOICES.get(name, {}).get(str(value)) or chinese(value) or blank


def number(case: DossierInput, name: str) -> float | None:
    """A figure of the row; None where it has none."""
    value = case.values.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def basics(case: DossierInput) -> Section:
    """What it is, where, and what people said of it."""
    rows = [
        ("监测编号", one_line(case.id)),
        ("模型", f"{said(case, 'model_zh')}（{said(case, 'model')}）"),
        ("变化类型（影像判读）", said(case, "change_zh")),
        ("坐落", said(case, "place", "未提供行政界线，坐落不详")),
        ("中心坐标（CGCS2000）", f"{said(case, 'dms')}（{said(case, 'lon')}，{said(case, 'lat')}）"),
        ("影像分级", said(case, "grade")),
        ("得分", _score(case)),
        ("监管部门", said(case, "regulator")),
        ("审核", _review(case)),
        *((one_line(label, 60), plain(text)) for label, text in case.extra.items()),
    ]
    intro = Para(
        "本材料由卫星影像自动比对生成，所载为线索，不是对事实或违法的认定，不能单独作为处罚依据，须经实地核查"
        "（自然资发〔2023〕258号）。面积与坐标" + NOT_SURVEYED + "。",
        "warn",
    )
    history = [
        (beijing(one.at.astimezone(dt.UTC)), _status(one.status), plain(one.reason and _reason(one.reason)),
         plain(one.reviewer, 60), plain(one.remark))
        for one in case.reviews
    ]  # fmt: skip
    reviews = (
        (Table(("时间（北京）", "状态", "原因", "审核人", "备注"), tuple(history), (4, 2, 2, 2, 5)),) if history else ()
    )
    return Section("基本情况", (intro, Facts(tuple(rows)), *reviews))


def _score(case: DossierInput) -> str:
    if is_overdue(case):
        return "不适用（由图层所载期限与期限之后的历次影像得出）"
    return f"平均 {said(case, 'conf')}，最高 {said(case, 'conf_max')}（0–1，未校准，不是概率）"


def _status(stored: str) -> str:
    return _CHOICES["status"].get(stored, plain(stored, 60))


def _reason(stored: str) -> str:
    return _CHOICES["reason"].get(stored, plain(stored, 60))


def _review(case: DossierInput) -> str:
    told = ["尚未审核" if case.values.get("status") == "new" else said(case, "status")]
    for name, label in (("reason", "原因"), ("reviewer", "审核人"), ("remark", "备注")):
        if (text := said(case, name, "")) != "":
            told.append(f"{label}：{text}")
    return "；".join(told)


def conduct(case: DossierInput) -> Section:
    """When the conduct may have happened, by the looks and by the series."""
    blocks: list[Para | Table] = []
    if case.conduct is not None:
        first, last = case.conduct
        # the row of a lead in the store tells the days of the night that saw it last
        days = sorted({one.day.isoformat() for one in case.observations if one.seen})
        seen = (
            f"可见日期：{'；'.join(days) or said(case, 'seen_dates', str(last))}；"
            f"清晰观测 {said(case, 'looks')} 次，{said(case, 'grade')}。"
        )
        blocks.append(Para((_undone(first, last) if is_overdue(case) else _done(first, last)) + seen))
    else:
        blocks.append(Para("记录中没有完整的前后日期，变化区间不详。", "warn"))
    if case.history is not None and case.history.found is not None:
        blocks.append(Para(break_sentence(case.history.found, case.conduct)))
    if case.observations:
        rows = tuple(
            (one.day.isoformat(), "可见" if one.seen else "清晰但未见", f"{one.clear:.0%}",
             f"{mu(one.area_m2):,.2f}" if one.seen else "–", plain(one.run_id)[:RUN_LETTERS])
            for one in sorted(case.observations, key=lambda one: one.day)
        )  # fmt: skip
        blocks.append(Table(("日期", "观测", "已观测比例", "面积（亩）", "来源批次"), rows, (3, 3, 3, 3, 4)))
    return Section("行为可能发生的区间", tuple(blocks))


def _done(first: dt.date, last: dt.date) -> str:
    return (
        f"行为发生在 {first}（变化前最后一次清晰观测）之后、{last}（首次可见）当日或之前，"
        f"区间长 {(last - first).days} 天。区间之内何时发生，影像不能进一步确定。"
    )


def _undone(first: dt.date, last: dt.date) -> str:
    return (
        f"本线索指到期应恢复而未恢复的持续状态，不指某一日的动土。{first} 为依图层所载期限手续仍属合规"
        f"（或影像未见应恢复而未恢复）的最后一日；自 {last} 起的清晰观测显示该地仍未恢复。"
    )


def break_sentence(found: Break, interval: tuple[dt.date, dt.date] | None) -> str:
    """What the series says of the day, and how it sits with the finding's own interval."""
    text = (
        f"逐期指数序列独立测得突变区间为（{found.last_before}，{found.first_after}]："
        f"依据 {found.looks_before} 次变化前与 {found.looks_after} 次变化后观测的“图斑内减周边”差值，"
        f"其间 {found.between} 次观测介于两者之间；突变幅度 {found.step:+.2f}，单次观测噪声 {found.noise:.2f}。"
    )
    if interval is None:
        return text
    first, last = interval
    if found.first_after <= first:
        return text + "序列早于本线索的变化区间，变化可能更早开始，须逐期核对影像。"
    if found.last_before >= last:
        return text + "序列晚于本线索的变化区间，两者不一致，须逐期核对影像。"
    return text + "与本线索的变化区间相互印证。"


def areas(case: DossierInput) -> Section:
    """The machine's, the analyst's and the surveyed area, apart."""
    low, high, middle = (number(case, name) for name in ("area_lo", "area_hi", "area_m2"))
    machine = Box(
        "监测面积（机器）",
        _figure(middle) if middle is not None else "–",
        (
            f"区间：{mu(low):,.2f}–{mu(high):,.2f} 亩" if low is not None and high is not None else "区间不详",
            f"方法：{case.gsd_m:g} 米像元判读轮廓，CGCS2000 椭球面积；区间来自轮廓上的混合像元",
            *(("图斑触及观测边缘，实际可能更大",) if number(case, "clipped") else ()),
        ),
        NOT_SURVEYED,
    )
    drawn = _latest(case.outlines, OutlineKind.ANALYST)
    typed = number(case, "area_anl")
    analyst = Box(
        "人工勾绘面积（分析员）",
        _figure(drawn.area_m2) if drawn else _figure(typed) if typed is not None else "未勾绘",
        (_drawn_by(drawn),)
        if drawn
        else (("方法：审核表填报",) if typed is not None else ("由分析员在影像上勾绘后填入",)),
        NOT_SURVEYED,
    )
    measured = _latest(case.outlines, OutlineKind.SURVEY)
    given = number(case, "area_srv")
    survey = Box(
        "勘测定界面积（另行提供）",
        _figure(measured.area_m2) if measured else _figure(given) if given is not None else "未提供",
        (_drawn_by(measured),) if measured else ("由有资质的单位实测，本材料仅转录",),
        f"转录部分以勘测定界报告原件为准；本材料{NOT_SURVEYED}",
    )
    note = Para("三个面积来源不同，不得混用；与面积起点比较时看区间，不看中值。1 亩 = 666.67 平方米。", "note")
    return Section("面积", (Boxes((machine, analyst, survey)), note))


def _figure(m2: float) -> str:
    """An area on two lines, so that neither unit is torn from its number."""
    return area(m2).replace("（", "\n（")


def _latest(outlines: Sequence[OutlineRecord], kind: OutlineKind) -> OutlineRecord | None:
    return max((one for one in outlines if one.kind == kind), key=lambda one: (one.version, one.made_at), default=None)


def _drawn_by(outline: OutlineRecord) -> str:
    return (
        f"{one_line(outline.made_by, 60) or '未署名'}，{beijing(outline.made_at)}，第 {outline.version} 版；"
        f"来源：{one_line(outline.source, 80) or '不详'}"
    )
