import datetime as dt

import pytest

from aoi.kinds import KINDS
from aoi.schema.column import columns_of
from aoi.schema.headings import columns_in, plain, unit_of
from aoi.schema.landclass import LAND_CLASSES, land_class
from aoi.schema.permits import TemporaryLandPermit
from aoi.schema.reading import as_text, missing_columns, read_record
from aoi.schema.records import RECORDS


def record(kind, **cells):
    return read_record(RECORDS[kind], cells)[0]


def errors(kind, **cells):
    return [(p.severity, p.field) for p in read_record(RECORDS[kind], cells)[1]]


def test_every_kind_has_a_record_whose_names_do_not_clash():
    assert set(RECORDS) == KINDS
    for kind, cls in RECORDS.items():
        columns = columns_of(cls)
        assert len({column.name for column in columns}) == len(columns)
        assert any(column.need == "must" for column in columns) or cls.located, kind
        # its own headings, Chinese or ours, are found again
        assert set(columns_in(cls, [column.zh for column in columns])) == {column.name for column in columns}, kind
        assert set(columns_in(cls, [column.name for column in columns])) == {column.name for column in columns}, kind
        for column in columns:
            named = [word for option in column.choices for word in (option.id, option.zh, *option.also)]
            assert len(named) == len({word.casefold() for word in named}) or column.name == "zone", (kind, column.name)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_a_record_says_as_text_reads_as_the_same_record(kind):
    cls = RECORDS[kind]
    given = {
        column.name: {
            "date": "2024-02-29", "area": "1234.5", "number": "12.5", "months": "24",
            "choice": column.choices[0].id if column.choices else "",
        }.get(column.type, "0103" if column.name == "code" else "x")
        for column in columns_of(cls)
        if column.type != "period"
    }  # fmt: skip
    given["term_months"] = "24个月"
    first, _ = read_record(cls, given)
    told = as_text(first)
    told.pop("term_months", None)
    again, _ = read_record(cls, told | {"term_months": "24个月"})
    assert again == first


def test_a_permit_as_its_clocks_want_it():
    permit = record(
        "temporary_land_permits", 批准文号="5号", 到期日期="2023年6月14日", 复垦期限="2024-06", 使用期限="两年"
    )
    assert isinstance(permit, TemporaryLandPermit)
    assert (permit.expires, permit.reclaim_by, permit.approved) == (dt.date(2023, 6, 14), dt.date(2024, 6, 30), None)
    assert permit.term_months == 24


@pytest.mark.parametrize(
    ("heading", "text", "m2"),
    [("批准面积", "1.5", 15_000), ("批准面积（亩）", "15", 10_000), ("面积(平方米)", "1,234.5", 1234.5),
     ("面积", "15亩", 10_000),
     ("area_m2", "1234.5", 1234.5), ("面积/亩", "３", 2000)],
)  # fmt: skip
def test_areas_in_all_units(heading, text, m2):
    assert record("temporary_land_permits", **{heading: text}).area_m2 == pytest.approx(m2)


@pytest.mark.parametrize("text", ["大约", "-1", "5 万人", "1.2.3"])
def test_areas_that_are_none_are_left_out_with_a_warning(text):
    assert record("temporary_land_permits", 批准面积=text).area_m2 is None
    assert ("warning", "批准面积") in errors("temporary_land_permits", 批准文号="5", 批准面积=text)


@pytest.mark.parametrize(
    ("kind", "heading", "text", "choice"),
    [
        ("forest_land", "SEN_LIN_LB", "11", "public_welfare"),
        ("forest_land", "森林类别", "国家级公益林", "public_welfare"),
        ("forest_land", "森林类别", "一般商品林地", "commercial"),
        ("grassland", "是否基本草原", "是", "basic"),
        ("grassland", "草原类别", "非基本草原区", "other"),
        ("reserve_zones", "功能分区", "核心保护区", "core_protected"),
        ("reserve_zones", "功能分区", "核心区", "core"),
        ("known_patches", "整改状态", "已处罚，但未恢复植被", "penalised"),
        ("known_patches", "整改状态", "已处罚，已恢复", "restored"),
        ("known_patches", "来源", "2023年土地卫片", "satellite"),
        ("temporary_land_permits", "项目类型", "某高速公路工程", "transport"),
        ("penalties", "是否履行", "未履行", "no"),
    ],
)
def test_choices_as_offices_write_them(kind, heading, text, choice):
    values = vars(record(kind, **{heading: text}))
    assert choice in values.values()


def test_a_choice_that_is_none_or_two_is_named():
    assert errors("reserve_zones", 保护区名称="某", 功能分区="旅游区") == [("error", "功能分区")]
    assert errors("temporary_land_permits", 批准文号="5", 占用地类="耕地、草地") == [("warning", "占用地类")]


def test_headings_without_what_varies():
    assert plain("＊批准面积\n（亩）：") == plain("批准 面积") == "批准面积"
    assert (unit_of("面积（单位：公顷）"), unit_of("面积/亩"), unit_of("面积")) == ("ha", "mu", None)


def test_a_missing_column_is_named_with_what_it_may_be_called():
    (must,) = [p for p in missing_columns(RECORDS["dltb"], ["BSM"]) if p.severity == "error"]
    assert "DLBM" in must.do_zh.upper()


def test_land_classes():
    assert land_class("0103").grounds == ("cropland",)
    assert land_class("0402").grounds == ("wetland", "grassland")
    assert land_class("0301K").zh == "可调整乔木林地"
    assert land_class("101").zh == "铁路用地"
    assert land_class("101", "水田").zh == "水田"  # a workbook dropped the nought
    assert land_class("103").zh == "旱地"
    assert land_class("9999") is None
    assert {one.survey for one in LAND_CLASSES.values()} == {2, 3}
