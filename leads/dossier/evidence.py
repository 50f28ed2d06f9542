"""The parts of a dossier about what was seen: images, years, series, innocent explanations, and what is not known."""

import re
from collections.abc import Iterator

from leads.dossier.facts import number, said
from leads.dossier.model import DossierInput, Plate, SceneNote
from leads.dossier.overdue import explained, is_overdue
from leads.dossier.page import Block, Para, Picture, Pictures, Section, Table
from leads.dossier.plates import FALSE, TRUE, Colours, picture, shows, stretch_of, year_picture
from leads.dossier.words import LEVELS, beijing, chinese, satellite
from leads.exports.text import one_line, plain
from leads.series.indices import BY_NAME
from leads.series.innocent import VERDICTS_ZH
from leads.series.plot import CONDUCT_ZH, plot, shown_index

_NOT_GIVEN = re.compile(r"\bw(?:as|ere) not given\b|\bno banner boundaries were given\b")

LONG_DAYS = 183
"""An interval of the conduct longer than this is named among what is not known."""


def images(case: DossierInput) -> Section:
    """Before and after in true and false colour, and what each image is."""
    blocks: list[Block] = []
    for colours in (TRUE, FALSE):
        blocks += _pair(case, colours)
    if not blocks:
        blocks.append(
            Para("本材料生成时没有可读的影像：请以 --archive 指明影像档案，或保留扫描结果的 imagery 文件夹。", "warn")
        )
    else:
        blocks.append(
            Para(
                "前后影像按同一拉伸显示，像元不作平滑或锐化；黄线为线索轮廓，灰色斜纹为未观测（云、阴影、雪或无数据），"
                "比例尺与指北针为真实比例与真北方向。",
                "note",
            )
        )
    if case.scenes:
        blocks.append(
            Table(
                ("用途", "卫星", "成像时间（北京）", "产品编号", "级别与处理基线"),
                tuple(map(_scene, case.scenes)),
                (2, 4, 4, 6, 4),
                small=True,
            )
        )
        blocks.append(
            Para(
                f"处理：按产品参数换算反射率，云、云影、雪、饱和像元剔除，重采样到 {case.gsd_m:g} 米网格，"
                "不同传感器按波段响应归一；前时相逐像元取变化前最近的清晰观测，后时相为单日影像。",
                "note",
            )
        )
    return Section("变化前后影像", tuple(blocks))


def _pair(case: DossierInput, colours: Colours) -> Iterator[Block]:
    plates = [plate for plate in case.plates if shows(plate, colours)]
    if not plates:
        if case.plates:
            yield Para(f"影像缺少{colours.zh}所需波段。", "note")
        return
    stretch = stretch_of(plates, colours)
    yield Pictures(tuple(picture(plate, case.geometry, colours, stretch, case.id) for plate in plates))


def _scene(scene: SceneNote) -> tuple[str, ...]:
    level = LEVELS.get(scene.level, plain(scene.level, 40) or "不详")
    baseline = f"，基线 {plain(scene.baseline, 20)}" if scene.baseline else ""
    product = one_line(scene.product, 120)
    name = one_line(scene.id, 120)
    # our own archive writes a product's id in small letters
    shown = f"{product}（{name}）" if product and product.casefold() != name.casefold() else product or name
    return (
        scene.role_zh or "同期",
        satellite(scene.sensor),
        beijing(scene.taken, scene.time_known),
        shown,
        f"{level}{baseline}",
    )


def years(case: DossierInput) -> Section | None:
    """One image a year of one season, with the same stretch; None where there are none."""
    shown = [plate for plate in case.years if shows(plate, TRUE)]
    if not shown:
        return None
    stretch = stretch_of(shown, TRUE)
    pictures = tuple(year_picture(plate, case.geometry, stretch, case.id) for plate in shown)
    note = Para(
        f"每年一景，取与首次可见日期季节最近的清晰观测（{_span(shown)}），同一拉伸。缺少的年份为该季节没有清晰观测。",
        "note",
    )
    return Section("历年影像", (Pictures(pictures, 3), note))


def _span(plates: list[Plate]) -> str:
    days = sorted(f"{plate.day:%m-%d}" for plate in plates)
    return f"{days[0]} 至 {days[-1]}" if days[0] != days[-1] else days[0]


def series(case: DossierInput) -> Section:
    """The plot of the index inside and around, and what was used."""
    history = case.history
    if history is None:
        return Section("指数序列", (Para("未提供影像档案，未作逐期序列分析。", "note"),))
    if not history.samples or case.conduct is None:
        return Section("指数序列", (Para("档案中没有可用的清晰观测，未作逐期序列分析。", "note"),))
    index = BY_NAME[shown_index(history)]
    caption = (
        f"{index.label} {index.zh}：图斑内与周边环带逐期均值（边缘像元按实际占比计），下为差值。"
        f"{len(history.samples)} 次可用观测，{history.passed_over} 天因观测不足未用"
        + (f"，{len(history.unread)} 天影像不可读" if history.unread else "")
    )
    none = "本线索不以突变为依据：所看的是期限之后图斑是否仍与周边不同" if is_overdue(case) else history.why_none[0]
    told = Para(f"未判定突变：{none}。", "note") if history.found is None else Para(
        "突变判定方法：差值只在季节相近（年内相差 30 天以内）的观测之间比较，取分隔最强的日期；"
        "区间两端为最后一次明确如前与首次明确已变的观测。突变后观测中 "
        f"{history.found.stays:.0%} 仍保持变化。",
        "note",
    )  # fmt: skip
    return Section(
        "指数序列", (Pictures((Picture(plot(history, *case.conduct, label=_span_name(case)), caption),), 1), told)
    )


def _span_name(case: DossierInput) -> str:
    return "期限届满至首次可见" if is_overdue(case) else CONDUCT_ZH


def innocent(case: DossierInput, remarks: tuple[str, ...] = ()) -> Section:
    """Innocent explanations and what the imagery shows of each."""
    found = explained(case)
    if not found:
        return Section("无违法情形的可能解释", (Para("变化区间不详，未作检验。", "note"),))
    rows = tuple((one.name_zh, VERDICTS_ZH[one.verdict], one.shown_zh) for one in found)
    blocks: list[Block] = [
        Table(("可能的解释", "检验结果", "影像所示"), rows, (2, 2, 7)),
        Para("“影像不支持”不等于排除；“不能排除”的须在核查中优先查明。", "note"),
    ]
    if remarks:
        blocks.append(Para("模型的时序判断：" + "；".join(remarks)))
    return Section("无违法情形的可能解释", tuple(blocks))


def unknown(case: DossierInput) -> Section:
    """What nobody knows yet, each with who could tell."""
    items = tuple(f"{at}. {text}" for at, text in enumerate(_unknowns(case), 1))
    return Section("尚不清楚的事项", tuple(Para(text) for text in items))


def _unknowns(case: DossierInput) -> Iterator[str]:
    missing, conflict = said(case, "layers_no", ""), said(case, "conflict", "")
    yield "行为人、用途、是否取得口头或未入库的批准：影像不能回答，须实地核查和调阅档案。"
    doubts = (
        (missing, f"未提供的图层：{missing}。据此作出的“不在许可范围内”等判断均不成立。"),
        (conflict, f"图层之间有冲突：{conflict}；以何者为准须由主管部门认定。"),
        (case.values.get("grade") == "provisional", "目前只有一次清晰观测支持，尚未由第二次独立观测复现。"),
        (number(case, "clipped"), "图斑触及观测或扫描边缘，完整范围未知。"),
        (not case.values.get("place"), "坐落与管辖（含森工、农垦、保护区管理机构）未能由图层确定。"),
        ("方量" in chinese(case.values.get("rule_note")), "采挖、堆填方量：影像不能测定，须实测。"),
    )
    yield from (text for doubt, text in doubts if doubt)
    yield from _undated(case)
    if case.run is not None:
        # what was not given is told above, in Chinese
        notes = [note for note in case.run.notes if not _NOT_GIVEN.search(note)]
        yield from (f"本次运行注明：{one_line(note, 300)}" for note in notes[:6])


def _undated(case: DossierInput) -> Iterator[str]:
    """What the dates and the series leave open."""
    overdue = is_overdue(case)
    if overdue:
        yield "期限、是否延期、是否已验收：以图层所载为准，须调阅批准文件与验收记录。"
    elif case.conduct and (days := (case.conduct[1] - case.conduct[0]).days) > LONG_DAYS:
        yield f"变化区间长达 {days} 天，适用的规则版本可能因此不同。"
    if case.history is None:
        yield "未作历年序列分析，季节、干旱、水位、过火等解释未经检验。"
    elif case.history.found is None and not overdue:
        yield f"序列未能给出突变日期：{case.history.why_none[0]}。"
    if case.run is not None and not case.run.reflectance:
        yield "影像为灰度值而非反射率，指数与地表类型不可靠。"
