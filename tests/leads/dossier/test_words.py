"""What the papers say, and what they do not."""

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import pytest
from dossier_example import AFTER, BEFORE, GROUND, MADE, case

import detectors
from leads.dossier.drafts import DRAFTS
from leads.dossier.html import html_of
from leads.dossier.law import BY_TERM, NOT_STATED, considered
from leads.dossier.measures import NAMES, measures
from leads.dossier.overdue import explained, is_overdue
from leads.dossier.papers import dossier
from leads.dossier.words import beijing, chinese, satellite
from leads.series.model import History, Sample
from leads.store.records import ObservationRecord, OutlineKind, OutlineRecord


def test_areas_stand_in_boxes_of_their_own() -> None:
    outlines = (
        OutlineRecord("x", 2, OutlineKind.ANALYST, GROUND, 50_000.0, "王", MADE, "inbox_20261122.gpkg"),
        OutlineRecord("x", 3, OutlineKind.ANALYST, GROUND, 52_000.0, "李", MADE, "inbox_20261123.gpkg"),
        OutlineRecord("x", 4, OutlineKind.SURVEY, GROUND, 51_234.0, "测绘院", MADE, "勘测定界报告"),
    )
    html = html_of(dossier(replace(case(), outlines=outlines)))
    boxes = re.findall(r'<div class="box">(.*?)</div>', html, re.DOTALL)
    assert len(boxes) == 3
    assert ["60,000" in boxes[0], "52,000" in boxes[1], "51,234" in boxes[2]] == [True] * 3
    assert "50,000" not in "".join(boxes)  # the later outline stands
    assert all("非测绘成果" in one for one in boxes)


def test_rules_are_told_apart_though_their_names_hold_the_joining_mark() -> None:
    rule = "法释〔2025〕7号；土地管理法；实施条例；土地复垦条例；法释〔2000〕14号"
    state = (
        "法释〔2025〕7号 永久基本农田内黑土耕地 高于起点 above 12.3 亩 (11.0–13.6) / 3；方量须实测 needs volume survey"
    )
    found = considered(
        rule, state, "法释〔2025〕7号：采挖方量须实测", (dt.date(2025, 4, 1), dt.date(2025, 6, 1)), "black_soil"
    )
    assert [one.document for one in found] == [
        "法释〔2025〕7号",
        "土地管理法；实施条例；土地复垦条例",
        "法释〔2000〕14号",
    ]
    assert found[0].state == "永久基本农田内黑土耕地 高于起点 12.3 亩 (11.0–13.6) / 3；方量须实测"
    assert found[0].notes == "采挖方量须实测"
    assert found[0].in_force == "2025-05-06 起施行"
    assert found[1].state == BY_TERM
    assert found[2].state == NOT_STATED


def test_what_two_articles_say_alike_is_told_once_and_no_law_excludes_what_it_once_held() -> None:
    ban = "河道管理范围 无面积起点，看用途 use, no threshold 8.9 亩 (5.8–14.5)"
    river = "河道管理条例"
    found = considered(river, f"{river} {ban}；{river} {ban}", "", (BEFORE, AFTER), "river_protection")
    assert [one.state.count("8.9 亩") for one in found] == [1]
    soil = considered("法释〔2000〕14号", "", "", (BEFORE, AFTER), "black_soil")
    assert "除外" not in soil[0].title  # in force for black soil as well until 2025-05-05
    assert "2025-05-06" in soil[0].title


def test_a_judge_reads_no_english_and_no_json() -> None:
    grounds = {
        "why": "夏季 NBR 由 0.66 降",
        "why_en": "summer NBR fell",
        "measures": '{"nbr_fall": 0.4666, "ndvi": null}',
    }
    plain = case(**grounds, holder="某矿业")
    assert plain.run is not None
    notes = ("mine: layer wetland was not given", "no banner boundaries were given: leads name no place", "云多")
    html = html_of(dossier(replace(plain, run=replace(plain.run, notes=notes))))
    assert "模型的时序判断：夏季 NBR 由 0.66 降" in html
    assert "NBR 较周边净降 0.4666；变化后 NDVI 未测得" in html
    assert "某矿业" in html
    assert "本次运行注明：云多" in html
    for foreign in ("summer NBR", "{&#34;", "was not given", "were given"):
        assert foreign not in html


def test_every_figure_of_the_shipped_models_has_a_name() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in Path(detectors.__path__[0]).rglob("*.py"))
    blocks = re.findall(r"measures\b[^{}\n]*=\s*\{(.*?)\}", written, re.DOTALL)
    names = {name for block in blocks for name in re.findall(r'"([a-z0-9_]+)":', block)}
    assert {"open_m2", "nbr_fall", "water_after"} <= names
    assert names - set(NAMES) == set()


def test_figures_of_a_layer_beside_and_of_another_house_are_told() -> None:
    told = '{"mining_rights.open_m2": 25200.0, "looks": 6.0, "pair.lacking": 0.5, "other.own_thing": 1.5}'
    assert measures(told) == (
        "采矿权图层所见未恢复面积（平方米） 25200；所依观测次数 6；"
        "前后影像比对所见缺失的植被覆盖（0 同周边，1 裸露） 0.5；other所见own_thing 1.5"
    )


def test_a_site_not_put_right_in_time_is_told_as_what_it_is() -> None:
    plain = case(change_zh="逾期未修复矿山", status="new")
    bare = tuple(
        Sample(dt.date(year, month, 15), ("s",), "sentinel-2", {"ndvi": 0.12}, {"ndvi": 0.45}, 1, 1)
        for year in (2022, 2023, 2024)
        for month in (6, 7, 8)
    )
    overdue = replace(plain, history=History(bare, GROUND.buffer(0.001), None, ("没有突变", "none")))
    html = html_of(dossier(overdue))
    assert "不指某一日的动土" in html
    assert "变化前最后一次清晰观测" not in html  # the day is of the papers
    assert "不适用（由图层所载期限" in html
    assert "序列未能给出突变日期" not in html
    assert "尚未审核" in html
    told = {one.name_zh: one for one in explained(overdue)}
    assert told["季节物候"].verdict == told["打草、收割"].verdict == told["干旱（区域性）"].verdict == "against"
    assert "图斑内 0.12、周边 0.45" in told["季节物候"].shown_zh
    draft = html_of(DRAFTS["检察建议书"](overdue))
    assert "仍未恢复" in draft
    assert "经卫星影像比对" not in draft
    assert "周边返绿而图斑未返绿" in html_of(DRAFTS["回头看报告"](overdue))
    assert not is_overdue(case())
    assert "变化前最后一次清晰观测" in html_of(dossier(case()))


def test_a_lead_of_the_store_names_all_days_on_which_it_was_seen() -> None:
    looks = tuple(
        ObservationRecord(number, "x", "0123456789abcdef0123", day, seen, GROUND, 6e4, 0.8, 1.0)
        for number, (day, seen) in enumerate(
            ((AFTER, True), (dt.date(2024, 8, 5), False), (dt.date(2024, 8, 20), True))
        )
    )
    html = html_of(dossier(replace(case(), observations=looks)))
    assert "可见日期：2024-07-20；2024-08-20；" in html
    assert "<td>0123456789ab</td>" in html


def test_what_a_case_tells_of_the_reply_is_not_asked_again() -> None:
    asked = html_of(DRAFTS["回头看报告"](case()))
    told = html_of(DRAFTS["回头看报告"](replace(case(), extra={"行政机关回复": "未见回复记录"})))
    assert asked.count("行政机关回复") == told.count("行政机关回复") == 1
    assert "未见回复记录" in told


def test_where_no_rule_was_compared_a_draft_leaves_the_law_open() -> None:
    bare = case(rule=None, rule_state="未比对规则 no rule compared", rule_flag="none")
    assert "须由承办人核对原文）：【待填：适用的法律、司法解释条款】" in html_of(DRAFTS["检察建议书"](bare))
    assert "未比对规则" in html_of(dossier(bare))


def test_an_image_is_named_as_people_name_it() -> None:
    html = html_of(dossier(case())) + html_of(DRAFTS["回头看报告"](case()))
    assert "前时相 2023-07-17 真彩色；哨兵二号 Sentinel-2" in html
    assert "；sentinel-2" not in html
    assert "2023 2023-07-17" not in html


def test_a_mines_answers_say_that_they_are_of_what_is_in_force() -> None:
    html = html_of(dossier(case(mine_note="采矿权 无", mine_lic="no", mine_land="partly", mine_rest=None)))
    assert "采矿权：不在有效范围内；用地批准：部分在有效范围内；修复方案：不详" in html


@pytest.mark.parametrize("damaged", ["{", "[1]", "7", "x" * 50])
def test_figures_that_are_none_are_shown_as_they_are(damaged: str) -> None:
    assert damaged in html_of(dossier(case(measures=damaged)))


def test_words_are_for_people() -> None:
    assert beijing(dt.datetime(2024, 7, 19, 16, 30, tzinfo=dt.UTC)) == "2024-07-20 00:30:00"
    assert beijing(dt.datetime(2024, 7, 19, 12, tzinfo=dt.UTC), time_known=False) == "2024-07-19（影像未注明时刻）"
    assert satellite("sentinel-2") == "哨兵二号 Sentinel-2"
    assert satellite("landsat-8").startswith("陆地卫星")
    assert satellite("") == "不详"
    assert chinese("跨越起点 straddles 20.3 亩") == "跨越起点 20.3 亩"
