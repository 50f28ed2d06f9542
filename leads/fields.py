"""The flat attributes of a lead: names, types, aliases and choices, in the order in which they are shown.

Field names are ASCII and at most ten bytes, so that a Shapefile keeps them; people read the aliases.
"""

from dataclasses import dataclass
from typing import Literal

from aoi.classification import Classification

FieldType = Literal["text", "real", "integer", "date"]


@dataclass(frozen=True)
class Field:
    """One column of a lead."""

    name: str
    """ASCII, at most ten bytes."""

    type: FieldType
    """A ``date`` is an ISO string in a record."""

    zh: str
    en: str
    editable: bool = False
    """True where an analyst writes; everything else is the machine's."""

    choices: tuple[tuple[str, str, str], ...] = ()
    """(stored value, Chinese, English); empty where any value goes. An integer is written as its digits."""

    hidden: bool = False
    """True where it is for our own use, and no form or table shows it."""


STATUS: tuple[tuple[str, str, str], ...] = (
    ("new", "新", "new"),
    ("confirmed", "属实", "confirmed"),
    ("rejected", "不属实", "rejected"),
    ("field_check", "待核查", "to be checked in the field"),
    ("known", "已知", "known already"),
)
"""Review states."""

REASONS: tuple[tuple[str, str, str], ...] = (
    ("cloud", "云或阴影", "cloud or shadow"),
    ("season", "季节物候", "season"),
    ("mowing", "打草收割", "mowing or harvest"),
    ("water", "水位变化", "water level"),
    ("fire", "过火", "fire"),
    ("permitted", "已批准", "permitted"),
    ("restoration", "复垦修复", "restoration"),
    ("duplicate", "重复", "duplicate"),
    ("other", "其他", "other"),
)
"""Why a lead was rejected."""

GRADES: tuple[tuple[str, str, str], ...] = (
    ("provisional", "初步（一次观测）", "provisional (one look)"),
    ("confirmed", "复现（两次以上观测）", "confirmed (two or more looks)"),
)
"""What the imagery alone supports; a person's verdict is the review status."""

RULE_STATES: tuple[tuple[str, str, str], ...] = (
    ("below", "低于起点", "below the threshold"),
    ("straddles", "跨越起点", "straddles the threshold"),
    ("above", "高于起点", "above the threshold"),
    ("use", "无面积起点，看用途", "no threshold, by use"),
    ("clock", "看许可期限", "by the permit's dates"),
    ("no_layer", "未提供图层", "layer not given"),
    ("undecided", "影像无法判定", "not decidable from imagery"),
    ("none", "未比对规则", "no rule compared"),
)
"""What imagery can say of the rules considered: the weightiest state of all."""

KNOWN_STATES: tuple[tuple[str, str, str], ...] = (
    ("new", "新增", "new"),
    ("known", "已知整改中", "known, being put right"),
    ("unrestored", "罚而未复", "penalised, not restored"),
    ("unknown", "未提供已知图斑", "known patches not given"),
)
"""Against known patches and penalties."""

COVERS: tuple[tuple[str, str, str], ...] = (
    ("yes", "有", "yes"),
    ("no", "无", "no"),
    ("partly", "部分", "partly"),
    ("unknown", "不详", "unknown"),
)
"""A mine's answers."""

CLASSIFICATIONS: tuple[tuple[str, str, str], ...] = tuple((one.value, one.value, one.en) for one in Classification)
"""How widely a lead may be shown: as the strictest of the layers it was crossed with."""

YES_NO: tuple[tuple[str, str, str], ...] = (("0", "否", "no"), ("1", "是", "yes"))
"""For integer fields that say yes or no."""

NOTE = "线索，非测绘成果、非鉴定意见"
"""Carried by every lead: it can not ground a penalty without a field check (自然资发〔2023〕258号)."""


FIELDS: tuple[Field, ...] = (
    Field("lead_id", "text", "监测编号", "Lead id"),
    Field("status", "text", "审核状态", "Review status", editable=True, choices=STATUS),
    Field("reason", "text", "不属实原因", "Reason for rejection", editable=True, choices=REASONS),
    Field("reviewer", "text", "审核人", "Reviewer", editable=True),
    Field("remark", "text", "备注", "Remark", editable=True),
    Field("model", "text", "模型代码", "Model id"),
    Field("model_zh", "text", "模型", "Model (Chinese)"),
    Field("change", "text", "变化类型（英文）", "Change"),
    Field("change_zh", "text", "变化类型", "Change (Chinese)"),
    Field("grade", "text", "影像分级", "Grade by imagery", choices=GRADES),
    Field("conf", "real", "平均得分（0–1，未校准）", "Mean score (0–1, not calibrated)"),
    Field("conf_max", "real", "最高得分（0–1，未校准）", "Highest score (0–1, not calibrated)"),
    Field("date_bef", "date", "前时相（变化前末次清晰）", "Last clear day before"),
    Field("date_aft", "date", "后时相（末次可见）", "Latest day seen"),
    Field("seen_first", "date", "首次发现日期", "First seen"),
    Field("seen_dates", "text", "可见日期", "Days seen"),
    Field("looks", "integer", "清晰观测次数", "Clear looks"),
    Field("area_m2", "real", "监测面积（平方米，非测绘成果）", "Area (m², not a survey)"),
    Field("area_lo", "real", "面积下限（平方米）", "Area, low end (m²)"),
    Field("area_hi", "real", "面积上限（平方米）", "Area, high end (m²)"),
    Field("area_mu", "real", "监测面积（亩，非测绘成果）", "Area (mu, not a survey)"),
    Field("mu_lo", "real", "面积下限（亩）", "Area, low end (mu)"),
    Field("mu_hi", "real", "面积上限（亩）", "Area, high end (mu)"),
    Field("area_anl", "real", "人工勾绘面积（平方米，非测绘成果）", "Analyst's area (m², not a survey)", editable=True),
    Field("area_srv", "real", "勘测定界面积（平方米，另行提供）", "Surveyed area (m², given by others)", editable=True),
    Field("clipped", "integer", "是否触及观测边缘", "Touches the edge of what was seen", choices=YES_NO),
    Field("place", "text", "坐落", "Place"),
    Field("lon", "real", "中心经度（度，CGCS2000）", "Longitude of the centre (°)"),
    Field("lat", "real", "中心纬度（度，CGCS2000）", "Latitude of the centre (°)"),
    Field("dms", "text", "中心坐标（度分秒）", "Centre (degrees, minutes, seconds)"),
    Field("layers", "text", "占用图层及面积", "Layers crossed, with area"),
    Field("layers_no", "text", "未提供的图层", "Layers wanted but not given"),
    Field("conflict", "text", "图层冲突及面积", "Maps that disagree, with area"),
    Field("licences", "text", "许可证号及期限", "Permits and their dates"),
    Field("holder", "text", "权利人或用地单位（图层所载）", "Holder, as the layers have it"),
    Field("rule", "text", "对照规则", "Rule"),
    Field("rule_flag", "text", "规则比对结果", "Against the rules", choices=RULE_STATES),
    Field("rule_state", "text", "起点比对（线索，非认定）", "Against the thresholds (a lead, no finding of fact)"),
    Field("rule_note", "text", "规则说明", "Remarks on the rules"),
    Field("known_st", "text", "已知图斑比对", "Against known patches", choices=KNOWN_STATES),
    Field("known_id", "text", "已知图斑编号", "Known patch"),
    Field("known_note", "text", "已知图斑说明", "Remarks on the known patch"),
    Field("permit_st", "text", "临时用地期限", "Temporary-land permits"),
    Field("mine_lic", "text", "采矿权覆盖", "Mining right covers it", choices=COVERS),
    Field("mine_land", "text", "用地批准覆盖", "Land approval covers it", choices=COVERS),
    Field("mine_rest", "text", "修复方案覆盖", "Restoration plan covers it", choices=COVERS),
    Field("mine_note", "text", "矿场三项说明", "Remarks on the mine's three answers"),
    Field("regulator", "text", "监管部门", "Regulator"),
    Field("why", "text", "说明依据", "Grounds (Chinese)"),
    Field("why_en", "text", "说明依据（英文）", "Grounds"),
    Field("measures", "text", "依据数值（JSON）", "Measures behind the grounds (JSON)"),
    Field("classif", "text", "分级（随图层）", "Classification, from the layers", choices=CLASSIFICATIONS),
    Field("note", "text", "说明", "Note"),
)
"""Every column, in order; `leads.attributes.record` gives a value (or None) for each."""
