"""Land classes of the national survey (DLBM), and what each says the ground is.

The third survey's working classes (TD/T 1055-2019, annex A) have four figures and sometimes a letter; the second
survey's (GB/T 21010-2007) have three. Both are still handed in.
"""

from dataclasses import dataclass

_THIRD = """
0101 水田 cropland|0102 水浇地 cropland|0103 旱地 cropland
0201 果园 garden|0202 茶园 garden|0203 橡胶园 garden|0204 其他园地 garden
0301 乔木林地 forest|0302 竹林地 forest|0305 灌木林地 forest|0307 其他林地 forest
0303 红树林地 wetland forest|0304 森林沼泽 wetland forest|0306 灌丛沼泽 wetland forest
0401 天然牧草地 grassland|0403 人工牧草地 grassland|0404 其他草地 grassland|0402 沼泽草地 wetland grassland
0508 物流仓储用地 built|05H1 商业服务业设施用地 built|0601 工业用地 built|0602 采矿用地 mining|0603 盐田 wetland
0701 城镇住宅用地 built|0702 农村宅基地 built|0809 公用设施用地 built|0810 公园与绿地 built|0810A 广场用地 built
08H1 机关团体新闻出版用地 built|08H2 科教文卫用地 built|08H2A 高教用地 built|09 特殊用地 built
1001 铁路用地 transport|1002 轨道交通用地 transport|1003 公路用地 transport|1004 城镇村道路用地 transport
1005 交通服务场站用地 transport|1006 农村道路 transport|1007 机场用地 transport|1008 港口码头用地 transport
1009 管道运输用地 transport
1101 河流水面 water|1102 湖泊水面 water|1103 水库水面 water|1104 坑塘水面 water|1104A 养殖坑塘 water
1105 沿海滩涂 wetland|1106 内陆滩涂 wetland|1107 沟渠 water|1107A 干渠 water|1108 沼泽地 wetland
1109 水工建筑用地 built|1110 冰川及永久积雪 other
1201 空闲地 other|1202 设施农用地 farm|1203 田坎 farm|1204 盐碱地 other|1205 沙地 other|1206 裸土地 other
1207 裸岩石砾地 other
"""

_SECOND = """
011 水田 cropland|012 水浇地 cropland|013 旱地 cropland|021 果园 garden|022 茶园 garden|023 其他园地 garden
031 有林地 forest|032 灌木林地 forest|033 其他林地 forest
041 天然牧草地 grassland|042 人工牧草地 grassland|043 其他草地 grassland
101 铁路用地 transport|102 公路用地 transport|104 农村道路 transport|105 机场用地 transport
106 港口码头用地 transport|107 管道运输用地 transport
111 河流水面 water|112 湖泊水面 water|113 水库水面 water|114 坑塘水面 water|115 沿海滩涂 wetland|116 内陆滩涂 wetland
117 沟渠 water|118 水工建筑用地 built|119 冰川及永久积雪 other|122 设施农用地 farm|123 田坎 farm|124 盐碱地 other
125 沼泽地 wetland|126 沙地 other|127 裸地 other
201 城市 built|202 建制镇 built|203 村庄 built|204 采矿用地 mining|205 风景名胜及特殊用地 built
"""

_ADJUSTABLE = ("0201", "0202", "0203", "0204", "0301", "0302", "0305", "0307", "0403", "1104")
"""可调整地类: written with a K, ground that was cropland and can be again."""


@dataclass(frozen=True)
class LandClass:
    """One class of the survey."""

    code: str
    zh: str
    grounds: tuple[str, ...]
    """What it is: cropland, garden, forest, grassland, wetland, water, mining, built, transport, farm or other. A
    swamp wood (0304) is both wetland and forest, a swamp meadow (0402) both wetland and grassland."""

    survey: int
    """Which national survey's code, 2 or 3."""


def _classes(table: str, survey: int) -> dict[str, LandClass]:
    rows = (row.split() for line in table.strip().splitlines() for row in line.split("|"))
    return {code: LandClass(code, zh, tuple(grounds), survey) for code, zh, *grounds in rows}


LAND_CLASSES = {**_classes(_THIRD, 3), **_classes(_SECOND, 2)}
"""By code."""


def land_class(code: str, name: str = "") -> LandClass | None:
    """The class of a code; None where there is no such code.

    Args:
        code: DLBM. A workbook drops the leading nought of 0101, which makes it 101, railway land by the second survey.
        name: DLMC, which tells one from the other.
    """
    code = code.strip().upper()
    known = LAND_CLASSES.get(code)
    if known is None and code.endswith("K") and code[:-1] in _ADJUSTABLE:
        plain = LAND_CLASSES[code[:-1]]
        return LandClass(code, "可调整" + plain.zh, plain.grounds, plain.survey)
    padded = LAND_CLASSES.get("0" + code) if len(code) == 3 else None
    if padded is not None and (known is None or padded.zh == name.strip() != known.zh):
        return padded
    return known
