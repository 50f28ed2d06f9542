"""The figures that a model's grounds rest on, by names that people read."""

import json
from collections.abc import Mapping

from aoi.kinds import KIND_NAMES
from leads.attributes import Value
from leads.exports.text import one_line, plain

NAMES: Mapping[str, str] = {
    "bare_at_sowing": "播种期裸地占比",
    "bare_looks": "变化后裸露的观测占比或次数",
    "bare_looks_before": "变化前裸露的观测次数",
    "below_high_water": "位于多年高水位线以下的占比",
    "bloom_dates": "见水华的日期数",
    "channel_passed": "河槽经过的占比",
    "clear_dates": "清晰日期数",
    "compensation": "此消彼长程度（淤与冲之比）",
    "days_overdue": "逾期天数",
    "dry_before": "变化前无水的占比",
    "dug": "挖损的占比",
    "elongation": "狭长度（长宽比）",
    "gained": "新增水面占比",
    "lacking": "缺失的植被覆盖（0 同周边，1 裸露）",
    "lacking_before": "变化前缺失的植被覆盖",
    "largest_step": "单年最大变化",
    "looks": "所依观测次数",
    "lost": "失去水面占比",
    "made_m2": "填占面积（平方米）",
    "made_share": "填占面积占比",
    "may_lacking": "五月缺失的植被覆盖",
    "nbr_before": "变化前盛夏 NBR",
    "nbr_fall": "NBR 较周边净降",
    "nbr_fall_last": "最近两期 NBR 净降",
    "ndmi_basin": "周边湿度（NDMI）偏低",
    "ndmi_deficit": "湿度（NDMI）净偏低",
    "ndmi_own": "图斑湿度（NDMI）偏低",
    "ndvi": "变化后 NDVI",
    "ndvi_gap": "最近夏季 NDVI 较周边",
    "ndvi_gap_before": "变化前 NDVI 较周边",
    "ndvi_gap_year_before": "上一夏季 NDVI 较周边",
    "ndvi_ring": "周边 NDVI",
    "ndvi_summer": "夏季 NDVI",
    "open_m2": "未恢复面积（平方米）",
    "open_share": "未恢复面积占比",
    "red_log": "红光增亮（对数）",
    "retreat_elsewhere": "周边水面同期退缩占比",
    "rooted": "有根植被占比",
    "seen_share": "已观测占比",
    "stand": "作物覆盖占比",
    "straightness": "边界平直程度",
    "swir16_log": "短波红外增亮（对数）",
    "swir_red": "短波红外与红光之比",
    "swir_red_before": "变化前短波红外与红光之比",
    "tall_m2": "高秆作物面积（平方米）",
    "water_after": "变化后水面占比",
    "water_before": "变化前水面占比",
    "years_bare_in_may": "五月裸露的年数",
}
"""What the shipped models measure; docs/design/models.md says how. A model of another house keeps its own names."""

_BESIDE = {"pair": "前后影像比对", "survey": "逐年合成影像"}
"""What else showed a site, as `pipelines.samesite` puts it before a name."""


def measures(text: Value) -> str:
    """A lead's figures in one line; what is not JSON as it stands."""
    try:
        told = json.loads(str(text or "{}"))
    except ValueError:
        return plain(text)
    if not isinstance(told, dict):
        return plain(text)
    return "；".join(f"{_name(str(name))} {_figure(value)}" for name, value in told.items())


def _name(name: str) -> str:
    origin, _, own = name.rpartition(".")
    said = NAMES.get(own) or one_line(own, 60)
    if not origin:
        return said
    kind = _BESIDE.get(origin) or (f"{KIND_NAMES[origin][0]}图层" if origin in KIND_NAMES else one_line(origin, 60))
    return f"{kind}所见{said}"


def _figure(value: object) -> str:
    if value is None:
        return "未测得"
    # all figures are written with four decimals or fewer; counts and areas read better without
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else plain(value)
