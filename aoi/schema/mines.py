"""Mining: the right to the mineral, and the plan to put the ground back."""

# ruff: noqa: RUF009 – a column is declared by a call that gives a dataclasses.field

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from aoi.schema.column import Choice, Record, area, before, choice, day, period, text

STAGES = (
    Choice("mining", "采矿权", "Mining right", ("采矿", "采矿许可", "2"), ("采矿", "开采")),
    Choice("exploration", "探矿权", "Exploration right", ("探矿", "勘查", "勘查许可", "1"), ("探矿", "勘查")),
)

STATES = (
    Choice("in_force", "有效", "In force", ("正常", "生产", "在建", "延续", "新立"), ("有效", "在期", "生产")),
    Choice("expired", "过期", "Expired", ("到期", "失效", "自行废止"), ("过期", "到期", "失效", "废止")),
    Choice("cancelled", "注销", "Cancelled", ("吊销", "撤销", "政策性关闭"), ("注销", "吊销", "撤销")),
    Choice("closed", "闭坑", "Closed", ("关闭", "停采"), ("闭坑", "关闭")),
)

_NUMBER = ("采矿许可证号", "许可证号", "许可证编号", "采矿许可证编号", "勘查许可证号", "xkzh", "cxkzh", "license")
_MINE = ("矿山名称", "采矿权名称", "项目名称", "矿区名称", "名称", "ksmc", "ckqmc", "xmmc", "mc", "name_zh")
_OWNER = ("采矿权人", "采矿权人名称", "探矿权人", "权利人", "矿业权人", "cqr", "ckqr", "kyqr", "qlr")


@dataclass(frozen=True, kw_only=True)
class MiningRight(Record):
    """采矿权、探矿权: a right to the mineral, and no approval to use the land above it."""

    kind: ClassVar[str] = "mining_rights"

    licence: str = text("许可证号", "Licence", *_NUMBER, need="must")
    id: str = text("标识码", "Row's own id", "bsm", "序号")
    name: str = text("矿山名称", "Mine", *_MINE)
    holder: str = text("采矿权人", "Holder", *_OWNER, need="should")
    mineral: str = text("开采矿种", "Mineral", "矿种", "开采主矿种", "主矿种", "kckz", "kz", "kczkz")
    stage: str | None = choice("矿业权类型", "Kind of right", "矿权类型", "kyqlx", of=STAGES, open=True)
    state: str | None = choice("状态", "State", "矿权状态", "许可证状态", "zt", of=STATES, open=True)
    valid_from: dt.date | None = day("有效期起", "Valid from", "有效期始", "有效期自", "起始日期", "发证日期", "yxqq",
                                     "yxqs", "qsrq", need="should")  # fmt: skip
    valid_to: dt.date | None = day("有效期止", "Valid to", "有效期至", "到期日期", "截止日期", "终止日期", "yxqz",
                                   "dqrq", "jzrq", need="should", ends=True)  # fmt: skip
    term: str = period("有效期限", "Term of the licence", "有效期", "许可证有效期", "yxqx", "yxq",
                       fills=("valid_from", "valid_to"))  # fmt: skip
    closed: dt.date | None = day("闭坑日期", "Closed on", "注销日期", "关闭日期", "bkrq", "zxrq")
    area_m2: float | None = area("矿区面积", "Area of the licence", "面积", "kqmj", "mj", "area", unit="km2")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A licence that ends before it begins."""
        yield from before(self, "valid_from", "valid_to", ("有效期起", "有效期止"))


@dataclass(frozen=True, kw_only=True)
class RestorationPlan(Record):
    """矿山地质环境保护与土地复垦方案."""

    kind: ClassVar[str] = "restoration_plans"

    licence: str = text("许可证号", "Mining licence", *_NUMBER, need="should")
    id: str = text("方案编号", "Plan's number", "标识码", "备案号", "fabh", "bsm", "序号")
    name: str = text("矿山名称", "Mine", "方案名称", "famc", *_MINE)
    holder: str = text("采矿权人", "Who has to restore", "编制单位", "责任单位", "修复义务人", "zrdw", *_OWNER)
    approved: dt.date | None = day(
        "批准日期", "Approved on", "评审日期", "备案日期", "公告日期", "pzrq", "psrq", "barq"
    )
    valid_from: dt.date | None = day("方案适用年限起", "Plan from", "适用期起", "syqq")
    valid_to: dt.date | None = day("方案适用年限止", "Plan until", "适用期止", "有效期至", "syqz", "yxqz", ends=True)
    restore_by: dt.date | None = day(
        "修复期限", "Restore by", "治理期限", "修复截止日期", "复垦期限", "恢复治理期限", "xfqx", "zlqx", "fkqx",
        need="should", ends=True,
    )  # fmt: skip
    accepted: dt.date | None = day("验收日期", "Restoration accepted on", "修复验收日期", "ysrq")
    area_m2: float | None = area(
        "修复面积", "Area to restore", "治理面积", "复垦面积", "xfmj", "fkmj", "面积", unit="ha"
    )

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A plan that ends before it begins."""
        yield from before(self, "valid_from", "valid_to", ("方案适用年限起", "方案适用年限止"))
