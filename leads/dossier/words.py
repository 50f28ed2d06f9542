"""Words of a dossier: satellites, levels, times, and the Chinese half of bilingual columns."""

import datetime as dt
from collections.abc import Mapping

from leads.area import mu
from leads.exports.text import plain
from leads.rules.wording import STATES
from leads.standing import PermitState

BEIJING = dt.timezone(dt.timedelta(hours=8), "北京时间")

NOT_SURVEYED = "非测绘成果、非鉴定意见"

LEVELS: Mapping[str, str] = {
    "L1C": "L1C 大气层顶反射率",
    "L2A": "L2A 地表反射率",
    "SR": "地表反射率",
    "GRD": "GRD 雷达后向散射",
    "RTC": "RTC 雷达后向散射（地形校正）",
    "DN": "DN 原始灰度值（非反射率）",
}

_SATELLITES: tuple[tuple[str, str], ...] = (
    ("sentinel-2", "哨兵二号 Sentinel-2"),
    ("sentinel-1", "哨兵一号 Sentinel-1"),
    ("landsat", "陆地卫星 Landsat"),
    ("hls", "HLS（哨兵二号与陆地卫星融合产品）"),
    ("gf", "高分"),
    ("gaofen", "高分"),
    ("zy", "资源"),
    ("dom", "正射影像图 DOM"),
)

_ENGLISH: tuple[str, ...] = tuple(
    sorted(
        (
            *(en for _, _, en in STATES),
            *(state.value for state in PermitState),
            "no rule compared", "in no permit", "beyond the outline", "beyond, within the outline's doubt",
            "built in term, permanent or not needs a check", "not in the national system",
            "by its name no use of the ground, to be checked",
        ),
        key=lambda text: -len(text),
    )
)  # fmt: skip
"""English halves that `leads.legal` and `leads.rules.wording` write behind the Chinese ones."""


def satellite(sensor: str) -> str:
    """A sensor's name for people."""
    known = next((zh for start, zh in _SATELLITES if sensor.casefold().startswith(start)), "")
    if not known:
        return "不详" if sensor in ("", "unknown") else plain(sensor, 60)
    return known if known.casefold().endswith(sensor.casefold()) else f"{known}（{plain(sensor, 60)}）"


def beijing(moment: dt.datetime, time_known: bool = True) -> str:
    """A moment in Beijing time; only the day where the time is not known."""
    local = moment.astimezone(BEIJING)
    return f"{local:%Y-%m-%d %H:%M:%S}" if time_known else f"{moment:%Y-%m-%d}（影像未注明时刻）"


def chinese(text: object) -> str:
    """A bilingual column without the English half."""
    said = plain(text)
    for english in _ENGLISH:
        said = said.replace(f" {english}", "")
    return said


def area(m2: float) -> str:
    """An area in both units."""
    return f"{m2:,.0f} 平方米（{mu(m2):,.2f} 亩）"


def parts(text: object) -> list[str]:
    """The pieces of a joined column."""
    return [part.strip() for part in plain(text).split("；") if part.strip()]
