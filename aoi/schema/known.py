"""What is known already: patches that others found, and what was decided about them."""

# ruff: noqa: RUF009 – a column is declared by a call that gives a dataclasses.field

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from aoi.schema.column import Choice, Record, area, before, choice, day, text
from aoi.schema.permits import GROUNDS

SOURCES = (
    Choice("satellite", "卫片执法", "Satellite enforcement", ("卫片", "土地卫片", "矿产卫片"), ("卫片",)),
    Choice("forest_inspection", "森林督查", "Forest inspection", ("森林",), ("森林", "林草")),
    Choice("grassland_change", "草原变化图斑", "Grassland change", ("草原",), ("草原", "草地")),
    Choice("river_four", "四乱", "River clean-up", ("河湖四乱", "清四乱"), ("四乱", "河湖")),
    Choice("wetland_change", "湿地变化图斑", "Wetland change", ("湿地",), ("湿地",)),
    Choice("environment", "环保督察", "Environmental inspection", ("绿盾",), ("督察", "绿盾")),
    Choice("penalty", "行政处罚", "Penalty", ("处罚",), ("处罚",)),
    Choice("case", "检察案件", "Prosecutor's case", ("公益诉讼",), ("检察", "公益诉讼")),
    Choice("other", "其他", "Other"),
)

STATES = (
    Choice(
        "open",
        "整改中",
        "Being put right",
        ("未整改", "未销号", "待整改", "在办"),
        ("整改中", "未整改", "未销号", "在办", "未恢复", "未完成"),
    ),
    Choice(
        "penalised",
        "已处罚未恢复",
        "Penalised, not restored",
        ("罚而未复", "已处罚"),
        ("处罚", "处罚+未恢复", "处罚+未整改"),
    ),
    Choice(
        "restored",
        "已恢复",
        "Restored",
        ("已整改", "已销号", "已复垦", "完成整改"),
        ("已恢复", "已整改", "销号", "已复垦"),
    ),
    Choice(
        "lawful", "合法", "Lawful", ("实地未变化", "伪变化", "不违法", "已批准"), ("合法", "伪变化", "未变化", "不违法")
    ),
)

PERFORMED = (
    Choice(
        "yes", "已履行", "Performed", ("是", "已执行", "全部履行", "y", "1", "true"), ("已履行", "已执行", "履行完毕")
    ),
    Choice("partly", "部分履行", "Partly performed", ("部分",), ("部分",)),
    Choice("no", "未履行", "Not performed", ("否", "未执行", "n", "0", "false"), ("未履行", "未执行", "拒不", "逾期")),
)

_NUMBER = ("图斑编号", "监测图斑号", "图斑号", "编号", "标识码", "问题编号", "jcbh", "tbbh", "tbh", "bsm", "wtbh")


@dataclass(frozen=True, kw_only=True)
class KnownPatch(Record):
    """A patch that someone found before: 卫片执法, 森林督查, 草原变化图斑, 四乱, penalised ground."""

    kind: ClassVar[str] = "known_patches"

    id: str = text("图斑编号", "Patch number", *_NUMBER, need="must")
    name: str = text("名称", "Name", "项目名称", "问题描述", "坐落", "mc", "zl")
    source: str | None = choice("来源", "Source", "图斑来源", "监测类型", "任务名称", "ly", "tbly", of=SOURCES,
                                need="should", open=True)  # fmt: skip
    state: str | None = choice("整改状态", "State", "状态", "处理状态", "整改情况", "核查结果", "zgzt", "zt", "zgqk",
                               of=STATES, need="should", open=True)  # fmt: skip
    holder: str = text("当事人", "Party", "违法主体", "责任人", "责任单位", "用地单位", "dsr", "zrr")
    found: dt.date | None = day("发现日期", "Found on", "下发日期", "监测日期", "后时相", "fxrq", "xfrq", "hsx")
    deadline: dt.date | None = day("整改期限", "Put right by", "整改截止日期", "整改时限", "限期", "zgqx", ends=True)
    penalty: str = text("处罚决定书号", "Penalty's number", "处罚决定书文号", "处罚文号", "cfwh", "cfjds")
    licence: str = text("批准文号", "Approval number", "批文号", "pzwh")
    area_m2: float | None = area("图斑面积", "Area", "监测面积", "面积", "jcmj", "tbmj", "mj", unit="m2")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A deadline before the patch was found."""
        yield from before(self, "found", "deadline", ("发现日期", "整改期限"))


@dataclass(frozen=True, kw_only=True)
class Penalty(Record):
    """A penalty: whom it names, what for, until when the ground is to be restored, and whether it was."""

    kind: ClassVar[str] = "penalties"
    located: ClassVar[bool] = False

    id: str = text("处罚决定书文号", "Penalty's number", "处罚决定书号", "决定书文号", "处罚文号", "案号", "文号",
                   "cfwh", "cfjdswh", "ah", "number", need="must")  # fmt: skip
    holder: str = text("当事人", "Party", "被处罚人", "违法主体", "违法单位", "dsr", "bcfr", "party", need="should")
    patch: str = text("图斑编号", "Patch number", "涉案图斑编号", "监测图斑号", "图斑号", "jcbh", "tbbh")
    licence: str = text("许可证号", "Licence or approval", "批准文号", "xkzh", "pzwh")
    decided: dt.date | None = day("处罚日期", "Decided on", "处罚决定日期", "决定日期", "处罚时间", "下达日期", "cfrq",
                                  "jdrq", need="must")  # fmt: skip
    offence: str = text("违法行为", "Offence", "违法类型", "案由", "违法事实", "wfxw", "wflx", "ay")
    ground: str | None = choice("占用地类", "Ground", "地类", "违法地类", "zydl", of=GROUNDS, open=True)
    area_m2: float | None = area(
        "违法面积", "Area", "占地面积", "处罚面积", "涉案面积", "面积", "wfmj", "mj", unit="mu"
    )
    deadline: dt.date | None = day("恢复期限", "Restore by", "限期恢复日期", "履行期限", "整改期限", "限期", "hfqx",
                                   "lxqx", need="should", ends=True)  # fmt: skip
    performed: str | None = choice("是否履行", "Performed", "履行情况", "执行情况", "是否执行", "是否恢复", "sflx",
                                   "lxqk", of=PERFORMED, need="should")  # fmt: skip
    performed_on: dt.date | None = day("履行日期", "Performed on", "恢复日期", "执行日期", "结案日期", "lxrq", "jarq")
    place: str = text("坐落", "Place", "违法地点", "地址", "位置", "zl", "wfdd")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A deadline, or performance, before the decision."""
        yield from before(self, "decided", "deadline", ("处罚日期", "恢复期限"))
        yield from before(self, "decided", "performed_on", ("处罚日期", "履行日期"))
