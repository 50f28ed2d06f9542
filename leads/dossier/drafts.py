"""Drafts that a person finishes: 线索审查表, 检察建议书, 勘验附图, 回头看报告.

What the imagery can not say is left open as 【待填：…】: nothing about a person, a duty or a finding of fact is filled
in by a program.
"""

from collections.abc import Callable, Mapping

from leads.dossier import facts
from leads.dossier.law import considered
from leads.dossier.model import DossierInput, Plate
from leads.dossier.overdue import explained, is_overdue
from leads.dossier.page import Block, Facts, Paper, Para, Pictures, Section, Table
from leads.dossier.papers import classification, corners, grounds
from leads.dossier.plates import TRUE, picture, shows, stretch_of, survey_plate
from leads.dossier.words import NOT_SURVEYED, beijing, chinese
from leads.exports.corners import corner_table
from leads.exports.text import one_line
from leads.fields import NOTE
from leads.series.innocent import VERDICTS_ZH


def _blank(what: str) -> str:
    return f"【待填：{what}】"


def _paper(case: DossierInput, title: str, sections: tuple[Section, ...]) -> Paper:
    return Paper(
        title, f"监测编号 {one_line(case.id)}（草稿，由影像线索生成，须人工核改）", classification(case),
        f"{title}草稿　{one_line(case.id, 60)}　{NOTE}", sections, case.made.isoformat(),
    )  # fmt: skip


def review_form(case: DossierInput) -> Paper:
    """线索审查表."""
    where = facts.said(case, "place", _blank("坐落"))
    rows = (
        ("线索来源", "卫星影像自动监测（卫巡）"),
        ("监测编号", one_line(case.id)),
        ("接收时间", beijing(case.made)),
        ("涉及领域", _blank("生态环境和资源保护 / 国有土地 / 其他")),
        ("坐落与坐标", f"{where}　{facts.said(case, 'dms')}"),
        ("影像判读的变化", f"{facts.said(case, 'model_zh')}：{facts.said(case, 'change_zh')}"),
        ("变化区间", _interval(case)),
        ("监测面积（机器）", _machine_area(case)),
        ("占用图层", facts.said(case, "layers", "未提供或未相交")),
        ("许可（图层所示）", facts.said(case, "licences", "所给图层中未见许可")),
        ("权利人（图层所载）", facts.said(case, "holder", "图层未载明")),
        (
            "已知图斑与处罚",
            "　".join(
                dict.fromkeys((facts.said(case, "known_st", "未比对"), facts.said(case, "known_note", "")))
            ).strip(),
        ),
        ("对照的规则", _rules_line(case)),
        ("监管部门", facts.said(case, "regulator", _blank("负有监督管理职责的行政机关"))),
        ("行为人", _blank("姓名或名称；影像不能回答")),
    )
    checks = tuple((one.name_zh, VERDICTS_ZH[one.verdict], "□ 已查明　□ 待查") for one in explained(case))
    opinion = Facts(
        (
            ("现场核查", _blank("时间、人员、所见；照片编号")),
            ("核查面积", _blank("勘测定界面积与单位")),
            ("审查意见", "□ 属实，建议初步调查　□ 不属实（原因：　　　　）　□ 待核查　□ 已知，转有关台账"),
            ("承办人 / 日期", _blank("签名、日期")),
            ("部门负责人 / 日期", _blank("签名、日期")),
        ),
        form=True,
    )
    blocks: tuple[Block, ...] = (Facts(rows),)
    return _paper(
        case,
        "公益诉讼线索审查表",
        (
            Section("线索情况", blocks),
            Section("须查明的其他解释", (Table(("解释", "影像检验", "核查"), checks, (3, 3, 4)),) if checks else ()),
            Section("审查（机器结果不得单独作为认定依据）", (opinion,)),
        ),
    )


def recommendation(case: DossierInput) -> Paper:
    """检察建议书: the facts that imagery can state are filled in, everything else is open."""
    office, addressee = _blank("人民检察院"), facts.said(case, "regulator", "")
    to = addressee if addressee and not addressee.startswith("不详") else _blank("被建议的行政机关")
    text = (
        Para(office, "centre"),
        Para(_blank("文号：×检行公建〔20××〕×号"), "right"),
        Para(f"{to}："),
        Para(f"本院在履行公益诉讼检察职责中发现，{_where(case)}存在地表变化线索。现函告如下：", "quote"),
        Para("一、初步查明的情况"),
        Para(
            f"{_happened(case)}，机器监测面积 {_machine_area(case)}。以上为影像线索，{NOT_SURVEYED}。",
            "quote",
        ),
        Para(f"经实地核查：{_blank('现场核查与勘测定界结果，含面积、地类、用途、行为人')}", "quote"),
        Para(f"许可与处罚情况：{facts.said(case, 'licences', '所给图层中未见许可')}；"
             f"{facts.said(case, 'known_note', '未见已知图斑或处罚记录')}。"
             f"{_blank('以行政机关档案核实')}", "quote"),
        Para("二、法律依据与履职情况"),
        Para(f"可能适用的规定（按变化区间列出，须由承办人核对原文）：{_rules_line(case)}。", "quote"),
        Para(_blank("行政机关的法定职责及未依法履职的事实与依据"), "quote"),
        Para("三、建议内容"),
        Para(_blank("督促依法查处、恢复原状或植被、完善监管等具体建议"), "quote"),
        Para(f"请自收到本建议书之日起{_blank('二个月；情况紧急的十五日')}内依法履职并书面回复本院。", "quote"),
        Para(f"{office}\n{_blank('年　月　日（印章）')}", "right"),
        Para("附件：1. 公益诉讼卫星影像线索材料；2. 勘验附图与界址点坐标表。"),
    )  # fmt: skip
    return _paper(case, "检察建议书", (Section("", text),))


def survey_sheet(case: DossierInput) -> Paper:
    """勘验附图: the newest image with numbered corners, and the corner table."""
    table = corner_table(case.geometry, case.zone)
    plate = _newest(case)
    if plate is None:
        shown: Block = Para("没有可读的影像，附图从略；界址点见下表。", "warn")
    else:
        shown = Pictures((survey_plate(plate, case.geometry, table, case.id),), 1)
    signed = Facts(
        (
            ("勘验时间", _blank("年　月　日　时")),
            ("勘验人", _blank("姓名、单位")),
            ("在场人", _blank("姓名、单位")),
            ("现场所见", _blank("与影像轮廓是否一致；差异处标注")),
        ),
        form=True,
    )
    return _paper(
        case,
        "勘验附图",
        (Section("影像与界址点", (shown,)), corners(case, table), Section("勘验记录", (signed,))),
    )


def look_again(case: DossierInput) -> Paper:
    """回头看报告: before, at its worst, and now; what of it is restored is for a person to say."""
    years = [plate for plate in (*case.plates, *case.years) if shows(plate, TRUE)]
    days = sorted({plate.day: plate for plate in years}.values(), key=lambda plate: plate.day)
    chosen = [*days[:1], *days[-2:]] if len(days) > 3 else days
    stretch = stretch_of(chosen, TRUE) if chosen else []
    pictures = tuple(picture(plate, case.geometry, TRUE, stretch, case.id) for plate in chosen)
    seen = Pictures(pictures, min(3, len(pictures))) if pictures else Para("没有可读的影像。", "warn")
    history = case.history
    if history is not None and is_overdue(case):
        told = next(one.shown_zh for one in explained(case)) + "。指数恢复不等于种植条件、植被覆盖达标。"
    elif history is None or history.found is None:
        told = "没有足够的逐期观测，影像不能判断恢复情况。"
    else:
        told = (
            f"突变（{history.found.last_before} 至 {history.found.first_after}）之后的观测中 {history.found.stays:.0%} "
            f"仍与变化前不同，最近一次可用观测为 {history.samples[-1].day}。指数恢复不等于种植条件、植被覆盖达标。"
        )
    figures = Facts(
        (
            ("原监测面积（机器）", _machine_area(case)),
            ("影像所示恢复情况", told),
            *((one_line(label, 60), one_line(text, 400)) for label, text in case.extra.items()),
            ("建议书 / 处罚决定", _blank("文号、送达日期、期限")),
            *((("行政机关回复", _blank("日期、要点")),) if "行政机关回复" not in case.extra else ()),
            ("现场核实恢复面积（亩）", _blank("勘测定界；与“已回复”分别填写")),
            ("未恢复面积（亩）", _blank("勘测定界")),
            ("结论", "□ 已恢复，建议终结　□ 部分恢复，继续跟进　□ 未恢复，建议起诉或进一步监督"),
        )
    )
    return _paper(
        case,
        "公益诉讼“回头看”报告",
        (Section("影像对照", (seen,)), Section("恢复情况", (figures,)), grounds(case)),
    )


DRAFTS: Mapping[str, Callable[[DossierInput], Paper]] = {
    "线索审查表": review_form,
    "检察建议书": recommendation,
    "勘验附图": survey_sheet,
    "回头看报告": look_again,
}


def _where(case: DossierInput) -> str:
    return facts.said(case, "place", _blank("坐落（旗市区、乡镇苏木、嘎查村）"))


def _happened(case: DossierInput) -> str:
    where = f"{_where(case)}（中心坐标 {facts.said(case, 'dms')}）"
    change = f"“{facts.said(case, 'change_zh')}”"
    if is_overdue(case) and case.conduct:
        return f"图层所载期限届满后，{case.conduct[1]} 起的卫星影像显示{where}仍未恢复，属{change}"
    return f"经卫星影像比对，{_interval(case)}，{where}发生{change}变化"


def _interval(case: DossierInput) -> str:
    if case.conduct is None:
        return _blank("变化区间")
    first, last = case.conduct
    if is_overdue(case):
        return f"{first} 之后应恢复而未恢复（图层所载期限），{last} 首次可见"
    return f"{first} 之后至 {last} 之间"


def _machine_area(case: DossierInput) -> str:
    told = (facts.number(case, name) for name in ("area_mu", "mu_lo", "mu_hi"))
    own, low, high = ("–" if value is None else f"{value:,.2f}" for value in told)
    return f"{own} 亩（区间 {low}–{high} 亩，{NOT_SURVEYED}）"


def _rules_line(case: DossierInput) -> str:
    values = case.values
    found = considered(
        values.get("rule"),
        values.get("rule_state"),
        values.get("rule_note"),
        case.conduct,
        str(values.get("model") or ""),
    )
    blank = _blank("适用的法律、司法解释条款")
    if not found:
        return blank
    if values.get("rule_flag") == "none":
        return chinese(values.get("rule_state")) or blank
    return "；".join(f"{one.document}{one.article if one.article != '–' else ''}" for one in found)


def _newest(case: DossierInput) -> Plate | None:
    seen = [plate for plate in case.plates if shows(plate, TRUE)]
    return max(seen, key=lambda plate: plate.day, default=None)
