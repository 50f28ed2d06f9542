"""The dossier as a paper: its parts in the order in which a judge reads them."""

from collections.abc import Iterator

from leads.dossier import evidence, facts
from leads.dossier.law import considered
from leads.dossier.measures import measures
from leads.dossier.model import DossierInput
from leads.dossier.page import Block, Facts, Paper, Para, Section, Table
from leads.dossier.words import NOT_SURVEYED, area, beijing, chinese, parts
from leads.exports.corners import HEADINGS, CornerTable, corner_table
from leads.exports.text import one_line, plain
from leads.fields import FIELDS, NOTE

ROWS_MOST = 400
"""Corners that are printed; the files beside the dossier hold all."""

_SHOWN = frozenset(
    name
    for part in (
        "lead_id status reason reviewer remark model model_zh change change_zh grade conf conf_max date_bef date_aft",
        "seen_first seen_dates looks area_m2 area_lo area_hi area_mu mu_lo mu_hi area_anl area_srv clipped place lon",
        "lat dms layers layers_no conflict licences holder rule rule_flag rule_state rule_note known_st known_id",
        "known_note permit_st mine_lic mine_land mine_rest mine_note regulator classif note why_en measures",
    )
    for name in part.split()
)
"""Fields that have a place of their own; what is added to a lead later is shown among the model's own remarks."""

_WHY = next(field.zh for field in FIELDS if field.name == "why")

_COVERED = {"yes": "在有效范围内", "no": "不在有效范围内", "partly": "部分在有效范围内"}
"""A mine's three answers: of rights, approvals and plans in force on all days of the conduct."""


def dossier(case: DossierInput) -> Paper:
    """All parts of a dossier."""
    table = corner_table(case.geometry, case.zone)
    years = evidence.years(case)
    sections = (
        facts.basics(case),
        facts.conduct(case),
        facts.areas(case),
        evidence.images(case),
        *((years,) if years else ()),
        evidence.series(case),
        grounds(case),
        rules(case),
        evidence.innocent(case, remarks(case)),
        evidence.unknown(case),
        corners(case, table),
        annex(case, table),
    )
    return Paper(
        title="公益诉讼卫星影像线索材料",
        subtitle=f"{one_line(case.id)}　{facts.said(case, 'model_zh', '')}　{facts.said(case, 'change_zh', '')}",
        mark=classification(case),
        foot=f"{one_line(case.id, 60)}　{NOTE}",
        sections=sections,
        made=case.made.isoformat(),
    )


def classification(case: DossierInput) -> str:
    """As it stands at the top of each page."""
    return f"分级：{facts.said(case, 'classif', '敏感')}"


def remarks(case: DossierInput) -> tuple[str, ...]:
    """What a model wrote of a lead's history, in fields that have no place of their own."""
    fields = {field.name: field.zh for field in FIELDS if field.name not in _SHOWN and not field.hidden}
    told = ((zh, plain(case.values.get(name))) for name, zh in fields.items())
    return tuple(text if zh == _WHY else f"{zh}：{text}" for zh, text in told if text)


def grounds(case: DossierInput) -> Section:
    """Layers, permits, known patches and penalties."""
    known, note = facts.said(case, "known_id", ""), facts.said(case, "known_note", "")
    rows = [
        ("占用图层及面积", _lines(case.values.get("layers")) or "未与任何图层相交，或未提供图层"),
        ("未提供的图层", facts.said(case, "layers_no", "无")),
        ("图层冲突", _lines(case.values.get("conflict")) or "未见冲突"),
        ("许可证号及期限", _lines(case.values.get("licences")) or "所给图层中未见许可"),
        ("权利人或用地单位（图层所载）", _lines(case.values.get("holder")) or "图层未载明"),
        ("临时用地期限", _lines(case.values.get("permit_st")) or "不适用或未提供"),
        ("已知图斑比对", facts.said(case, "known_st", "未比对")),
        ("已知图斑与处罚", "，".join(filter(None, ("" if known in note else known, note))) or "–"),
    ]  # fmt: skip
    if case.values.get("mine_note"):
        answers = "；".join(
            f"{label}：{_COVERED.get(str(case.values.get(name)), '不详')}"
            for name, label in (("mine_lic", "采矿权"), ("mine_land", "用地批准"), ("mine_rest", "修复方案"))
        )
        rows += [("矿场三项", answers), ("矿场三项说明", _lines(case.values.get("mine_note")))]
    below = Para(
        "面积为图斑与图层相交部分的椭球面积；〔推算图层〕〔模拟图层〕不是法定图层。采矿许可不等于用地批准，各自单独回答。",
        "note",
    )
    return Section("图层、许可、已知图斑与处罚", (Facts(tuple(rows)), below))


def _lines(text: object) -> str:
    return "\n".join(map(chinese, parts(text)))


def rules(case: DossierInput) -> Section:
    """Rules in force while the conduct may have happened, each with its state."""
    values = case.values
    found = considered(
        values.get("rule"),
        values.get("rule_state"),
        values.get("rule_note"),
        case.conduct,
        str(values.get("model") or ""),
    )
    if not found or values.get("rule_flag") == "none":
        told = chinese(values.get("rule_state")) or "未比对规则"
        return Section("对照的规则", (Para(f"{told}。", "text"),))
    table = Table(
        ("文件与条款", "内容", "施行", "比对结果（线索，非认定）"),
        tuple((f"{one.document}\n{one.article}", one.title, one.in_force, one.state) for one in found),
        (4, 4, 3, 6),
        small=True,
    )
    notes = [f"{one.document}：{one.notes}" for one in found if one.notes]
    sources = [f"{one.document} — {one.source}" for one in found if one.source]
    blocks: list[Block] = [table, *(Para(note, "note") for note in notes)]
    blocks.append(
        Para("规则按行为发生日适用：区间内规则有更替的，新旧一并列出。面积达到起点不等于构成违法或犯罪。", "note")
    )
    blocks.append(Para("规则文本来源：" + "；".join(sources), "note"))
    return Section("对照的规则", tuple(blocks))


def corners(case: DossierInput, table: CornerTable) -> Section:
    """Place and corner table."""
    rows = tuple(table.rows())
    told: list[Block] = [
        Facts(
            (
                ("坐标系", table.crs_zh),
                ("中心坐标", f"{facts.said(case, 'dms')}"),
                ("椭球面积", area(table.area_m2)),
                ("界址点", f"{sum(p.side_m is not None for p in table.points)} 个，{table.rings} 圈"
                 + (f"，其中第 {'、'.join(map(str, table.holes))} 圈为内环（挖除）" if table.holes else "")),
            )
        ),
        Table(HEADINGS, rows[:ROWS_MOST], (2, 2, 4, 4, 3), small=True),
    ]  # fmt: skip
    if len(rows) > ROWS_MOST:
        told.append(Para(f"共 {len(rows)} 行，此处列前 {ROWS_MOST} 行，全部见随附的界址点文件。", "note"))
    told.append(
        Para(f"X 为北坐标，Y 为东坐标（含带号），每圈末行为闭合点。坐标由影像轮廓换算，{NOT_SURVEYED}。"
             "互联网与手机地图多用 GCJ-02 坐标，与此相差数百米。", "note")
    )  # fmt: skip
    return Section("位置与界址点坐标", tuple(told))


def annex(case: DossierInput, table: CornerTable) -> Section:
    """Where everything comes from, with hashes."""
    return Section("附录　来源与校验值", tuple(_annex(case, table)))


def _annex(case: DossierInput, table: CornerTable) -> Iterator[Block]:
    rows = [("材料生成时间（北京）", beijing(case.made)), ("界址点坐标系", f"EPSG:{table.epsg}")]
    if case.run is not None:
        rows += [
            ("程序版本", one_line(case.run.code)),
            ("运行记录 run.json", f"sha256 {case.run.run_sha256 or '不详'}"),
            ("模型权重", one_line(case.run.weights)),
            *((one_line(name, 40), one_line(text, 300)) for name, text in case.run.asked.items()),
            ("使用的图层", "\n".join(map(one_line, case.run.layers)) or "未提供"),
        ]
    if measured := measures(case.values.get("measures")):
        rows.append(("模型判断所依数值", measured))
    yield Facts(tuple(rows))
    bands = tuple(
        (one_line(scene.id, 80), one_line(name, 20), one_line(digest, 80))
        for scene in case.scenes
        for name, digest in sorted(scene.sha256.items())
        if digest
    )
    if bands or case.hashes:
        yield Para("校验方法：对同名文件计算 SHA-256，与下表逐字比对；任何一个字节不同，结果即不同。", "note")
    if bands:
        yield Para("原始影像文件的校验值（SHA-256）：")
        yield Table(("影像", "波段", "SHA-256"), bands, (4, 2, 11), small=True)
    if hashes := tuple((one_line(name, 120), one_line(digest, 80)) for name, digest in case.hashes):
        yield Para("成果文件的校验值（SHA-256）：")
        yield Table(("文件", "SHA-256"), hashes, (5, 11), small=True)
    if not bands and not hashes:
        yield Para("本批次没有记录影像与成果文件的校验值。", "note")
