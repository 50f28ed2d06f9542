"""What the ground is in law: forest, grass, wetland, farmland, river, reserve; and in the national survey."""

# ruff: noqa: RUF009 – a column is declared by a call that gives a dataclasses.field

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from aoi.schema.column import Choice, Record, area, choice, day, number, text
from aoi.schema.landclass import LandClass, land_class
from aoi.schema.permits import FOREST_CATEGORIES

ORIGINS = (
    Choice("natural", "天然", "Natural", ("10", "11", "12", "13"), ("天然",)),
    Choice("planted", "人工", "Planted", ("20", "21", "22", "23", "24"), ("人工", "飞播", "植苗", "直播")),
)

GRASSLAND_CATEGORIES = (
    Choice("basic", "基本草原", "Basic grassland", ("1", "是"), ("基本草原", "基本草地", "重要放牧场", "割草地")),
    Choice(
        "other",
        "非基本草原",
        "Other grassland",
        ("0", "2", "否", "一般草原", "其他草原"),
        ("非基本", "非基本草原", "非基本草地", "一般", "其他"),
    ),
)

ZONES = (
    Choice("core_protected", "核心保护区", "Core protected zone", ("核心保护",), ("核心保护",)),
    Choice("general_control", "一般控制区", "General control zone", ("一般控制",), ("一般控制",)),
    Choice("core", "核心区", "Core zone", ("核心",), ("核心区",)),
    Choice("buffer", "缓冲区", "Buffer zone", ("缓冲",), ("缓冲",)),
    Choice("experimental", "实验区", "Experimental zone", ("实验", "试验区"), ("实验", "试验")),
)
"""The first two are the scheme in force from 2026-03-15, the other three the one before."""

SCOPES = (
    Choice("management", "管理范围", "Management scope", ("河道管理范围",), ("管理",)),
    Choice("protection", "保护范围", "Protection scope", ("保护区", "水源保护"), ("保护",)),
)

IMPORTANCE = (
    Choice("international", "国际重要湿地", "Internationally important", ("国际重要", "1"), ("国际",)),
    Choice("national", "国家重要湿地", "Nationally important", ("国家重要", "国家级", "2"), ("国家",)),
    Choice(
        "regional",
        "自治区重要湿地",
        "Regionally important",
        ("省级重要湿地", "省级", "自治区级", "3"),
        ("省", "自治区"),
    ),
    Choice("general", "一般湿地", "General", ("一般", "4"), ("一般",)),
)

_ID = ("标识码", "图斑编号", "编号", "bsm", "tbbh", "objectid_1")
_CLASS = ("地类编码", "地类代码", "dlbm", "dldm")
_CLASS_NAME = ("地类名称", "地类", "dlmc")
_PLACE = ("坐落单位名称", "坐落", "村", "zldwmc", "zl")
_AREA = ("图斑面积", "面积", "tbmj", "mj", "mian_ji", "area")
_COUNTY = ("旗县", "县", "xian", "xzqmc")


@dataclass(frozen=True, kw_only=True)
class Parcel(Record):
    """What all maps of the ground say."""

    id: str = text("标识码", "Row's own id", *_ID)
    name: str = text("名称", "Name", "mc", "name_zh")
    place: str = text("坐落", "Place", *_PLACE)
    area_m2: float | None = area("图斑面积", "Area", *_AREA, unit="m2")


@dataclass(frozen=True, kw_only=True)
class SurveyParcel(Parcel):
    """变更调查 DLTB: what the national survey found."""

    kind: ClassVar[str] = "dltb"

    number: str = text("图斑编号", "Parcel number", "tbbh")
    id: str = text("标识码", "Row's own id", "bsm", need="should")
    code: str = text("地类编码", "Land class", *_CLASS, need="must")
    class_name: str = text("地类名称", "Name of the class", *_CLASS_NAME, need="should")
    owner: str = text("权属单位名称", "Owner", "权属单位", "qsdwmc")
    place: str = text("坐落单位名称", "Place", *_PLACE)
    surveyed: str = text("数据年份", "Year of the survey", "年份", "sjnf", "nf")

    @property
    def land_class(self) -> LandClass | None:
        """What the code means; None where there is no such code."""
        return land_class(self.code, self.class_name)

    def contradictions(self) -> Iterator[tuple[str, str, str]]:
        """A code that is none, or another class than the name says."""
        if not self.code:
            return
        found = self.land_class
        if found is None:
            yield ("code", f"{self.code!r} is not a land class", f"“{self.code}”不是地类编码")
        elif self.class_name and self.class_name.removeprefix("可调整") != found.zh.removeprefix("可调整"):
            yield (
                "class_name",
                f"the code {self.code} means {found.zh}, the name says {self.class_name}",
                f"地类编码 {self.code} 为{found.zh}，地类名称却是{self.class_name}",
            )


@dataclass(frozen=True, kw_only=True)
class ForestParcel(Parcel):
    """林地一张图: a sub-compartment (小班); areas in hectares."""

    kind: ClassVar[str] = "forest_land"

    county: str = text("县", "County", *_COUNTY)
    township: str = text("乡", "Township", "乡镇", "林场", "xiang")
    compartment: str = text("林班", "Compartment", "lin_ban")
    parcel: str = text("小班", "Sub-compartment", "xiao_ban", "小班号", need="should")
    category: str | None = choice("森林类别", "Category", "林地类别", "公益林商品林", "林种类别", "sen_lin_lb", "sllb",
                                  "lb", of=FOREST_CATEGORIES, need="should")  # fmt: skip
    class_code: str = text("地类", "Forest land class", "di_lei", "地类编码")
    origin: str | None = choice("起源", "Origin", "qi_yuan", "qy", of=ORIGINS, open=True)
    level: str = text("林地保护等级", "Protection level", "保护等级", "bh_dj", "lddj")
    area_m2: float | None = area("面积", "Area", "小班面积", "mian_ji", "xbmj", "mj", unit="ha")


@dataclass(frozen=True, kw_only=True)
class GrasslandParcel(Parcel):
    """草原图, with 基本草原."""

    kind: ClassVar[str] = "grassland"

    category: str | None = choice("草原类别", "Category", "是否基本草原", "基本草原", "草原性质", "cylb", "jbcy",
                                  "sfjbcy", of=GRASSLAND_CATEGORIES, need="should", open=True)  # fmt: skip
    type: str = text("草原类", "Type of grassland", "草原类型", "草地类型", "草地类", "cyl", "cylx", "cdlx")
    county: str = text("县", "County", *_COUNTY)
    area_m2: float | None = area("面积", "Area", "草原面积", "cymj", *_AREA, unit="ha")


@dataclass(frozen=True, kw_only=True)
class WetlandParcel(Parcel):
    """湿地图."""

    kind: ClassVar[str] = "wetland"

    name: str = text("湿地名称", "Wetland", "名称", "湿地斑块名称", "sdmc", "mc", "name_zh")
    type: str = text("湿地类型", "Type", "湿地类", "湿地型", "sdlx", "sdl", "sdx")
    importance: str | None = choice(
        "重要等级", "Importance", "湿地级别", "保护等级", "zydj", "sdjb", of=IMPORTANCE, open=True
    )
    code: str = text("地类编码", "Land class", *_CLASS)
    area_m2: float | None = area("湿地面积", "Area", "sdmj", *_AREA, unit="ha")


@dataclass(frozen=True, kw_only=True)
class FarmlandParcel(Parcel):
    """永久基本农田; editions differ, so the edition is asked for."""

    kind: ClassVar[str] = "basic_farmland"

    id: str = text(
        "基本农田图斑编号", "Parcel number", "永久基本农田图斑编号", "jbntbtbh", "jbnttbbh", "yjjbnttbbh", *_ID
    )
    code: str = text("地类编码", "Land class", *_CLASS)
    class_name: str = text("地类名称", "Name of the class", *_CLASS_NAME)
    edition: str = text(
        "划定版本", "Edition", "版本", "划定年份", "年份", "数据年份", "hdnf", "sjnf", "bb", need="should"
    )
    area_m2: float | None = area("基本农田面积", "Area", "永久基本农田面积", "jbntmj", "yjjbntmj", *_AREA, unit="m2")


@dataclass(frozen=True, kw_only=True)
class BlackSoilParcel(Parcel):
    """黑土耕地."""

    kind: ClassVar[str] = "black_soil"

    code: str = text("地类编码", "Land class", *_CLASS)
    soil: str = text("土壤类型", "Soil", "土类", "土壤名称", "trlx", "tl")
    thickness_cm: float | None = number("黑土层厚度", "Thickness of the black layer, cm", "耕作层厚度", "htchd", "hd")


@dataclass(frozen=True, kw_only=True)
class RiverScope(Record):
    """河道管理范围."""

    kind: ClassVar[str] = "river_scope"

    id: str = text("编号", "Row's own id", "河流编码", "标识码", "hlbm", "hdbm", "bsm")
    name: str = text("河流名称", "River", "河道名称", "河湖名称", "名称", "hlmc", "hdmc", "mc", "name_zh", "layer",
                     need="should")  # fmt: skip
    scope: str | None = choice("范围类型", "Kind of scope", "划界类型", "fwlx", of=SCOPES, open=True)
    licence: str = text("批复文号", "Document", "公告文号", "pfwh", "ggwh")
    approved: dt.date | None = day("公告日期", "Proclaimed on", "批复日期", "划定日期", "ggrq", "pfrq", "hdrq")
    authority: str = text("管理单位", "Authority", "主管部门", "gldw")
    area_m2: float | None = area("面积", "Area", "管理范围面积", "mj", "area", unit="ha")


@dataclass(frozen=True, kw_only=True)
class ReserveZone(Record):
    """自然保护区功能分区, in the scheme of before or after 2026-03-15."""

    kind: ClassVar[str] = "reserve_zones"

    id: str = text("标识码", "Row's own id", "编号", "bsm")
    name: str = text("保护区名称", "Reserve", "自然保护地名称", "名称", "bhqmc", "mc", "name_zh", need="must")
    zone: str | None = choice("功能分区", "Zone", "分区", "功能区", "管控分区", "分区名称", "gnfq", "gnq", "fqmc",
                              "gkfq", of=ZONES, need="must")  # fmt: skip
    level: str = text("级别", "Level", "保护区级别", "jb", "bhqjb")
    approved: dt.date | None = day("批准日期", "Approved on", "批复日期", "设立日期", "pzrq")
    area_m2: float | None = area("面积", "Area", "分区面积", "mj", "area", unit="ha")

    @property
    def scheme(self) -> int | None:
        """2 zones (from 2026-03-15) or 3 (before); None where the zone is not said."""
        if self.zone is None:
            return None
        return 2 if self.zone in ("core_protected", "general_control") else 3


@dataclass(frozen=True, kw_only=True)
class Banner(Record):
    """旗市区界: which banner, district or city the ground belongs to. It says where a lead lies, not what it breaks."""

    kind: ClassVar[str] = "banners"

    name: str = text("行政区名称", "Name", "旗县名称", "旗县", "旗市区", "名称", "xzqmc", "mc", "name_zh", need="must")
    code: str = text("行政区代码", "Code (GB/T 2260)", "行政区划代码", "xzqdm", "adcode", "code", need="should")
