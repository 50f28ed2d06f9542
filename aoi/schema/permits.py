"""Permits and approvals: what someone was allowed to do, where, from when, until when."""

# ruff: noqa: RUF009 – a column is declared by a call that gives a dataclasses.field

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from aoi.schema.column import Choice, Record, area, before, choice, day, months, number, text

PROJECTS = (
    Choice("energy", "能源", "Energy", words=("能源", "电", "油", "气", "煤", "光伏", "风力", "输变电", "矿")),
    Choice("transport", "交通", "Transport", words=("交通", "公路", "铁路", "高速", "机场", "桥", "隧道", "道路")),
    Choice("water", "水利", "Water works", words=("水利", "水库", "引水", "河道治理", "灌区", "堤防")),
    Choice("other", "其他", "Other", words=("其他", "其它")),
)
"""What is being built: of the first three kinds temporary land may be used for four years, not two."""

GROUNDS = (
    Choice("cropland", "耕地", "Cropland", words=("耕地", "农田", "旱地", "水浇地", "水田")),
    Choice("forest", "林地", "Forest land", words=("林", "林地")),
    Choice("grassland", "草原", "Grassland", words=("草", "草原", "草地")),
    Choice("other", "其他", "Other", words=("其他", "其它", "未利用", "建设用地", "工矿", "裸", "沙", "交通")),
)

FOREST_CATEGORIES = (
    Choice("public_welfare", "公益林", "Public-welfare forest", ("11", "12", "1"), ("公益",)),
    Choice("commercial", "商品林", "Commercial forest", ("21", "22", "2"), ("商品",)),
)
"""Codes of 森林（林地）类别: 11 and 12 important and general 公益林地, 21 and 22 the same of 商品林地."""

FOREST_USES = (
    Choice("permanent", "永久使用", "Permanent use", ("长期使用", "1"), ("永久", "长期")),
    Choice("temporary", "临时使用", "Temporary use", ("2",), ("临时",)),
    Choice("forestry", "直接为林业生产服务", "Works that serve forestry", ("3",), ("林业生产", "修筑")),
)

GRASSLAND_USES = (
    Choice("permanent", "征收征用使用", "Taken or used for good", ("永久", "1"), ("征", "永久", "长期")),
    Choice("temporary", "临时占用", "Temporary use", ("2",), ("临时",)),
    Choice("grazing_works", "直接为草原保护和畜牧业生产服务", "Works that serve grazing", ("3",), ("畜牧业", "修筑")),
)

CUTTINGS = (
    Choice("clear", "皆伐", "Clear cutting", ("1",), ("皆伐",)),
    Choice("gradual", "渐伐", "Shelterwood cutting", ("2",), ("渐伐",)),
    Choice("selective", "择伐", "Selective cutting", ("3",), ("择伐",)),
    Choice("tending", "抚育采伐", "Tending and thinning", ("4", "间伐", "透光伐", "疏伐", "生长伐"), ("抚育", "间伐")),
    Choice("renewal", "更新采伐", "Renewal cutting", ("5",), ("更新",)),
    Choice("improvement", "低产低效林改造", "Improvement of poor stands", ("6",), ("改造",)),
    Choice("other", "其他采伐", "Other cutting", ("7", "9"), ("其他", "清理", "散生", "盗伐")),
)

_LICENCE = ("批准文号", "批文号", "批准文件号", "批复文号", "文号", "批准编号", "pzwh", "pfwh", "license", "number")
_NAME = ("项目名称", "建设项目名称", "工程名称", "名称", "xmmc", "gcmc", "mc", "name_zh")
_HOLDER = ("用地单位", "申请人", "申请单位", "使用单位", "建设单位", "权利人", "业主", "yddw", "sqr", "jsdw", "qlr")
_APPROVED = ("批准日期", "批准时间", "批复日期", "批复时间", "发证日期", "审批日期", "pzrq", "pfrq", "fzrq", "pzsj")
_EXPIRES = ("到期日期", "到期时间", "截止日期", "有效期至", "有效期止", "期满日期", "使用期限至", "终止日期",
            "dqrq", "dqsj", "yxqz", "jzrq", "valid_to")  # fmt: skip
_AREA = ("面积", "用地面积", "批准面积", "使用面积", "占地面积", "ydmj", "pzmj", "mj", "area")
_ID = ("标识码", "地块编号", "图斑编号", "序号", "bsm", "dkbh", "tbbh")
_AUTHORITY = ("批准机关", "审批机关", "发证机关", "批准单位", "pzjg", "spjg", "fzjg")


@dataclass(frozen=True, kw_only=True)
class Permit(Record):
    """What all permits say."""

    licence: str = text("批准文号", "Approval number", *_LICENCE, need="must")
    id: str = text("标识码", "Row's own id", *_ID)
    name: str = text("项目名称", "Project", *_NAME)
    holder: str = text("用地单位", "Holder", *_HOLDER, need="should")
    authority: str = text("批准机关", "Authority", *_AUTHORITY)
    approved: dt.date | None = day("批准日期", "Approved on", *_APPROVED, need="should")
    expires: dt.date | None = day("到期日期", "Expires on", *_EXPIRES, need="should", ends=True)
    area_m2: float | None = area("批准面积", "Area approved", *_AREA, unit="ha")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A permit that ends before it begins."""
        yield from before(self, "approved", "expires", ("批准日期", "到期日期"))


@dataclass(frozen=True, kw_only=True)
class TemporaryLandPermit(Permit):
    """临时用地批准: to be given back reclaimed within a year of its end."""

    kind: ClassVar[str] = "temporary_land_permits"

    extended: dt.date | None = day(
        "延期至", "Extended to", "延期到期日期", "续期至", "展期至", "yqz", "yqrq", ends=True
    )
    reclaim_by: dt.date | None = day(
        "复垦期限", "Reclaim by", "复垦截止日期", "复垦截止时间", "复垦到期日", "应复垦日期", "fkqx", "fkjzrq",
        need="should", ends=True,
    )  # fmt: skip
    term_months: int | None = months("使用期限", "Term", "批准期限", "用地期限", "临时用地期限", "syqx", "pzqx")
    project: str | None = choice(
        "项目类型", "Kind of project", "工程类型", "行业", "xmlx", "hylx", of=PROJECTS, open=True
    )
    use: str = text("用途", "Use", "用地用途", "临时用地用途", "土地用途", "yt", "ydyt")
    ground: str | None = choice(
        "占用地类", "Ground used", "地类", "土地类型", "现状地类", "zydl", "dlmc", of=GROUNDS, open=True
    )
    registered: str = text(
        "全国系统备案号", "Number in the national system", "备案号", "系统备案号", "监管系统编号", "babh"
    )
    accepted: dt.date | None = day("复垦验收日期", "Reclamation accepted on", "验收日期", "复垦验收时间", "ysrq")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """Clocks that run backwards."""
        yield from super().contradictions()
        yield from before(self, "expires", "reclaim_by", ("到期日期", "复垦期限"))
        yield from before(self, "expires", "extended", ("到期日期", "延期至"))


@dataclass(frozen=True, kw_only=True)
class HarvestPermit(Permit):
    """林木采伐许可证."""

    kind: ClassVar[str] = "harvest_permits"

    licence: str = text("采伐许可证号", "Cutting licence", "林木采伐许可证号", "许可证号", "证号", "cfzh", "cfxkzh",
                        *_LICENCE, need="must")  # fmt: skip
    valid_from: dt.date | None = day(
        "采伐起始日期", "Cutting from", "采伐开始日期", "有效期起", "有效期自", "cfqsrq", "yxqq"
    )
    expires: dt.date | None = day("采伐截止日期", "Cutting until", "采伐结束日期", "采伐期限至", "cfjzrq", *_EXPIRES,
                                  need="should", ends=True)  # fmt: skip
    cutting: str | None = choice("采伐方式", "Way of cutting", "采伐类型", "cffs", "cflx", of=CUTTINGS, need="should",
                                 open=True)  # fmt: skip
    category: str | None = choice("森林类别", "Forest category", "林种类别", "sen_lin_lb", "sllb", of=FOREST_CATEGORIES)
    area_m2: float | None = area("采伐面积", "Area to cut", "cfmj", *_AREA, unit="ha")
    volume_m3: float | None = number("采伐蓄积", "Volume to cut, m³", "采伐蓄积量", "蓄积", "cfxj", "xj")

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A cutting season that ends before it begins."""
        yield from super().contradictions()
        yield from before(self, "valid_from", "expires", ("采伐起始日期", "采伐截止日期"))


@dataclass(frozen=True, kw_only=True)
class ForestUsePermit(Permit):
    """使用林地审核同意书."""

    kind: ClassVar[str] = "forest_use_permits"

    licence: str = text("审核同意书号", "Consent number", "使用林地审核同意书号", "林资许准", "许可文号", "tyszh",
                        *_LICENCE, need="must")  # fmt: skip
    use: str | None = choice("使用类型", "Kind of use", "使用林地类型", "用地类型", "项目类别", "sylx", of=FOREST_USES,
                             need="should", open=True)  # fmt: skip
    category: str | None = choice("森林类别", "Forest category", "林地类别", "sen_lin_lb", "sllb", of=FOREST_CATEGORIES)
    area_m2: float | None = area("使用林地面积", "Forest land used", "symj", *_AREA, unit="ha")


@dataclass(frozen=True, kw_only=True)
class GrasslandUseApproval(Permit):
    """草原征占用审核审批."""

    kind: ClassVar[str] = "grassland_use_approvals"

    licence: str = text("审核同意书号", "Consent number", "草原征占用审核同意书号", "草原使用许可号", "许可文号",
                        *_LICENCE, need="must")  # fmt: skip
    use: str | None = choice("使用类型", "Kind of use", "征占用类型", "占用类型", "用地类型", "sylx", "zylx",
                             of=GRASSLAND_USES, need="should", open=True)  # fmt: skip
    area_m2: float | None = area("占用草原面积", "Grassland used", "征占用面积", "zymj", *_AREA, unit="ha")


@dataclass(frozen=True, kw_only=True)
class LandApproval(Permit):
    """建设用地批准: for good, so a blank end is no fault."""

    kind: ClassVar[str] = "land_approvals"

    expires: dt.date | None = day("到期日期", "Expires on", *_EXPIRES, ends=True)
    use: str = text("用途", "Use", "批准用途", "土地用途", "规划用途", "yt", "tdyt")
    converted_m2: float | None = area(
        "农用地转用面积", "Farmland, forest and grass converted", "农转用面积", "nzymj", unit="ha"
    )
