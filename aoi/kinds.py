"""The kinds of statutory layer, and what their columns are called in offices."""

from collections.abc import Iterable, Mapping

KIND_NAMES: Mapping[str, tuple[str, str]] = {
    "mining_rights": ("采矿权", "Mining rights"),
    "land_approvals": ("建设用地批准", "Land-use approvals"),
    "restoration_plans": ("矿山生态修复方案", "Restoration plans"),
    "temporary_land_permits": ("临时用地批准", "Temporary-land permits"),
    "forest_land": ("林地", "Forest land"),
    "grassland": ("草原", "Grassland"),
    "wetland": ("湿地", "Wetland"),
    "river_scope": ("河道管理范围", "River management scope"),
    "black_soil": ("黑土耕地", "Black-soil cropland"),
    "basic_farmland": ("永久基本农田", "Permanent basic farmland"),
    "reserve_zones": ("自然保护区", "Nature-reserve zones"),
    "known_patches": ("已知图斑", "Known patches"),
    "harvest_permits": ("林木采伐许可", "Harvest permits"),
    "forest_use_permits": ("使用林地审核同意", "Forest-use permits"),
    "grassland_use_approvals": ("草原征占用审批", "Grassland-use approvals"),
    "dltb": ("地类图斑", "Survey parcels (DLTB)"),
    "penalties": ("行政处罚", "Penalties"),
    "banners": ("旗市区界", "Banner boundaries"),
}
"""Each kind's names, Chinese then English."""

KINDS = frozenset(KIND_NAMES)

KIND_ALIASES: Mapping[str, tuple[str, ...]] = {
    "mining_rights": ("ckq", "kyq", "矿业权", "采矿权范围"),
    "land_approvals": ("jsydpz", "建设用地", "建设用地审批"),
    "temporary_land_permits": ("lsyd", "临时用地", "临时用地审批"),
    "forest_land": ("ldyzt", "林地一张图", "林地小班", "ld"),
    "grassland": ("jbcy", "cdtb", "基本草原", "草原图"),
    "wetland": ("sdtb", "湿地图斑", "湿地资源"),
    "river_scope": ("hdglfw", "河道管理范围线", "管理范围线"),
    "black_soil": ("htgd", "黑土地", "黑土区耕地"),
    "basic_farmland": ("yjjbnt", "yjjbnttb", "jbnt", "jbnttb", "基本农田", "永久基本农田图斑"),
    "reserve_zones": ("zrbhq", "bhqgnfq", "自然保护地", "保护区功能分区"),
    "known_patches": ("卫片图斑", "wptb", "疑似图斑"),
    "harvest_permits": ("lmcf", "采伐许可证", "采伐许可"),
    "forest_use_permits": ("syld", "使用林地", "使用林地审批"),
    "grassland_use_approvals": ("cyzzy", "草原征占用", "草原使用审批"),
    "dltb": ("变更调查", "变更调查地类图斑"),
    "penalties": ("xzcf", "处罚台账", "行政处罚台账"),
    "banners": ("xzq", "xzqy", "行政区", "行政区划", "行政区界", "旗县界", "旗县"),
}
"""What tables and files of a kind are called besides."""

FIELD_ALIASES: Mapping[str, tuple[str, ...]] = {
    "licence": ("许可证号", "采矿许可证号", "许可证编号", "批准文号", "xkzh", "pzwh", "licence", "license"),
    "name": ("矿山名称", "项目名称", "名称", "ksmc", "xmmc", "name_zh", "name", "mc"),
    "holder": ("采矿权人", "权利人", "用地单位", "cqr", "ckqr", "qlr", "holder"),
    "valid_from": ("有效期起", "有效期始", "有效期自", "批准日期", "yxqq", "yxqs", "pzrq", "valid_from", "approved"),
    "valid_to": ("有效期止", "有效期至", "到期日期", "yxqz", "dqrq", "valid_to", "expires"),
    "reclaim_by": ("复垦期限", "复垦截止日期", "fkqx", "reclaim_by"),
    "id": ("标识码", "图斑编号", "bsm", "tbbh", "id"),
}
"""What we call a column, and what it is called in the files that come, most telling first."""

_DBF_NAME_BYTES = 10


def kind_of(name: str) -> str | None:
    """The kind that a table or file is named after: its id, its Chinese or English name, or what offices call it."""
    wanted = _plain(name)
    for kind, names in KIND_NAMES.items():
        if wanted in (kind, *map(_plain, names), *KIND_ALIASES.get(kind, ())):
            return kind
    return None


def canonical(columns: Iterable[str]) -> dict[str, str]:
    """For each field that we know by a name of our own, the column that holds it.

    A Shapefile keeps ten bytes of a name, so the beginning of an alias counts where it is that long.
    """
    plain = {_plain(column): column for column in columns}
    found = {}
    for field, aliases in FIELD_ALIASES.items():
        for alias in aliases:
            column = plain.get(alias) or next((plain[name] for name in plain if _is_cut(name, alias)), None)
            if column is not None:
                found[field] = column
                break
    return found


def _is_cut(name: str, alias: str) -> bool:
    lengths = len(name.encode()), len(name.encode("gb18030"))
    return alias.startswith(name) and any(_DBF_NAME_BYTES - 1 <= length <= _DBF_NAME_BYTES for length in lengths)


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")
