"""What the row behind a crossing says, typed: the one place where rules, permits and known patches read columns.

A row holds what the office wrote under its own column names, and the same under ours where they are known
(`aoi.kinds`, `aoi.schema`). A blank is None, never a guess.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aoi.schema.dates import BLANK, DateError, read_day, read_months
from aoi.schema.landclass import LandClass, land_class

_NAMES: Mapping[str, tuple[str, ...]] = {
    "approved": ("approved", "valid_from", "批准日期"),
    "expires": ("expires", "valid_to", "到期日期", "有效期止", "有效期至"),
    "extended": ("extended", "extended_to", "延期至"),
    "reclaim_by": ("reclaim_by", "复垦期限"),
    "accepted": ("accepted", "验收日期", "复垦验收日期"),
    "registered": ("registered", "in_system", "全国系统备案号", "备案号"),
    "project": ("project", "project_kind", "项目类型"),
    "term_months": ("term_months", "使用期限"),
    "ground": ("ground", "land_class", "占用地类", "地类"),
    "category": ("category", "森林类别", "林地类别"),
    "zone": ("zone", "功能分区"),
    "class_code": ("code", "land_class", "dlbm", "DLBM", "地类编码"),
    "class_name": ("class_name", "dlmc", "DLMC", "地类名称"),
    "valid_from": ("valid_from", "approved", "有效期起"),
    "valid_to": ("valid_to", "expires", "有效期止", "有效期至"),
    "closed": ("closed", "闭坑日期"),
    "restore_by": ("restore_by", "reclaim_by", "修复期限"),
    "stage": ("stage", "矿业权类型"),
    "state": ("state", "状态", "整改状态"),
    "found": ("found", "发现日期", "hsx", "HSX"),
    "deadline": ("deadline", "整改期限", "恢复期限"),
    "performed": ("performed", "是否履行"),
    "performed_on": ("performed_on", "履行日期"),
    "penalty": ("penalty", "处罚决定书号"),
    "decided": ("decided", "penalty_date", "处罚日期"),
    "holder": ("holder", "当事人", "用地单位", "采矿权人"),
    "licence": ("licence", "批准文号", "许可证号"),
    "patch": ("patch", "patch_id", "图斑编号"),
    "source": ("source", "来源"),
    "regulator": ("regulator", "authority", "监管部门", "主管部门"),
}
"""What is asked for, and the columns that may hold it, most telling first."""

_YES = frozenset(("yes", "y", "1", "true", "是", "有", "已履行", "已执行", "全部履行"))
_NO = frozenset(("no", "n", "0", "false", "否", "无", "没有", "未履行", "未执行", "未备案", "未入库"))


@dataclass(frozen=True)
class Written:
    """A date as a row has it."""

    date: dt.date | None
    """None where it is blank or can not be read; `aoi.schema.dates.UNLIMITED` for 长期."""

    text: str
    """As written; empty where it is blank."""

    @property
    def unreadable(self) -> bool:
        """True where something is written that is no date."""
        return self.date is None and bool(self.text)


@dataclass(frozen=True)
class Row:
    """The attributes of a feature, asked for by our names."""

    attributes: Mapping[str, str]

    def text(self, what: str) -> str:
        """The first column of that meaning that is not blank; empty where all are."""
        for name in _NAMES[what]:
            value = str(self.attributes.get(name) or "").strip()
            if value.casefold() not in BLANK:
                return value
        return ""

    def date(self, what: str, bound: Literal["first", "last"] = "first") -> Written:
        """A date.

        Args:
            what: its name.
            bound: which day of a month that stands alone.
        """
        text = self.text(what)
        try:
            day = read_day(text, bound)
        except DateError:
            return Written(None, text)
        return Written(day.date if day else None, text)

    def flag(self, what: str) -> bool | None:
        """Yes or no; None where it is blank or neither. What 无 says of a thing is that it is not there."""
        for name in _NAMES[what]:
            value = str(self.attributes.get(name) or "").strip().casefold()
            if value in _YES or value in _NO:
                return value in _YES
        return None

    def months(self, what: str) -> int | None:
        """A length of time in whole months; None where it is blank, none at all, or longer than a century."""
        text = self.text(what)
        try:
            months = int(text) if text.isascii() and text.isdigit() else read_months(text)
        except DateError:
            return None
        return months if months and 0 < months <= 1200 else None

    def land_class(self) -> LandClass | None:
        """The class of the national survey, by its code or else its name; None where there is none."""
        return land_class(self.text("class_code"), self.text("class_name"))
