"""图斑 fields: the columns that land offices expect (卫片执法, 变更调查), filled from a lead.

Names are ASCII, at most ten bytes, so that a Shapefile keeps them. JCMJ is in 亩, as in the patches that are handed
down; the same area in m² stands beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from leads.attributes import Value
from leads.exports.row import Row
from leads.exports.text import plain
from leads.fields import FIELDS

BANNERS: Mapping[str, str] = {
    "海拉尔": "150702", "扎赉诺尔": "150703", "阿荣": "150721", "莫力达瓦": "150722", "鄂伦春": "150723",
    "鄂温克": "150724", "陈巴尔虎": "150725", "新巴尔虎左": "150726", "新巴尔虎右": "150727", "满洲里": "150781",
    "牙克石": "150782", "扎兰屯": "150783", "额尔古纳": "150784", "根河": "150785",
}  # fmt: skip
"""Codes of Hulunbuir's banners and cities (GB/T 2260), by how their names begin."""


@dataclass(frozen=True)
class Column:
    """One 图斑 column."""

    name: str
    zh: str
    type: Literal["text", "real", "integer"]
    value: Callable[[Row], Value]


def _of(field: str) -> Callable[[Row], Value]:
    """A field as it is; a chosen value by its Chinese name."""
    choices = {stored: zh for one in FIELDS if one.name == field for stored, zh, _ in one.choices}

    def value(row: Row) -> Value:
        stored = row.values.get(field)
        if stored is None:
            return None
        if choices:
            return choices.get(str(stored), plain(stored, 60))
        return plain(stored) if isinstance(stored, str) else stored

    return value


def _day(field: str) -> Callable[[Row], Value]:
    """A date as eight figures, as QSX and HSX are written."""
    return lambda row: plain(row.values.get(field), 10).replace("-", "") or None


def banner_code(place: str) -> str | None:
    """GB/T 2260 code of a banner, where the place names exactly one."""
    found = {code for name, code in BANNERS.items() if name in place}
    return found.pop() if len(found) == 1 else None


COLUMNS: tuple[Column, ...] = (
    Column("BSM", "标识码", "text", _of("lead_id")),
    Column("JCBH", "监测编号", "text", _of("lead_id")),
    Column("XZQDM", "行政区代码", "text", lambda row: banner_code(str(row.values.get("place") or ""))),
    Column("ZLDWMC", "坐落单位名称", "text", _of("place")),
    Column("JCMX", "监测模型", "text", _of("model_zh")),
    Column("BHLX", "变化类型", "text", _of("change_zh")),
    Column("QSX", "前时相", "text", _day("date_bef")),
    Column("HSX", "后时相", "text", _day("date_aft")),
    Column("SCFX", "首次发现日期", "text", _day("seen_first")),
    Column("JCMJ", "监测面积（亩，非测绘成果）", "real", _of("area_mu")),
    Column("MJXX", "面积下限（亩）", "real", _of("mu_lo")),
    Column("MJSX", "面积上限（亩）", "real", _of("mu_hi")),
    Column("JCMJPFM", "监测面积（平方米，非测绘成果）", "real", _of("area_m2")),
    Column("RGGHMJ", "人工勾绘面积（平方米，非测绘成果）", "real", _of("area_anl")),
    Column("KCDJMJ", "勘测定界面积（平方米，另行提供）", "real", _of("area_srv")),
    Column("ZXJD", "中心经度（度，CGCS2000）", "real", _of("lon")),
    Column("ZXWD", "中心纬度（度，CGCS2000）", "real", _of("lat")),
    Column("ZXDFM", "中心坐标（度分秒）", "text", _of("dms")),
    Column("YXFJ", "影像分级", "text", _of("grade")),
    Column("GCCS", "清晰观测次数", "integer", _of("looks")),
    Column("PJDF", "平均得分（0–1，未校准）", "real", _of("conf")),
    Column("ZYTC", "占用图层及面积", "text", _of("layers")),
    Column("QSTC", "未提供的图层", "text", _of("layers_no")),
    Column("XKZH", "许可证号及期限", "text", _of("licences")),
    Column("DZGZ", "对照规则", "text", _of("rule")),
    Column("QDBD", "起点比对（线索，非认定）", "text", _of("rule_state")),
    Column("YZTB", "已知图斑比对", "text", _of("known_st")),
    Column("YZTBBH", "已知图斑编号", "text", _of("known_id")),
    Column("LSYDQX", "临时用地期限", "text", _of("permit_st")),
    Column("JGBM", "监管部门", "text", _of("regulator")),
    Column("SHZT", "审核状态", "text", _of("status")),
    Column("BSSYY", "不属实原因", "text", _of("reason")),
    Column("SHR", "审核人", "text", _of("reviewer")),
    Column("BZ", "备注", "text", _of("remark")),
    Column("FJ", "分级（随图层）", "text", lambda row: row.classification.value),
    Column("SM", "说明", "text", _of("note")),
)
