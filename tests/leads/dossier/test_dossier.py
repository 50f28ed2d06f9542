import datetime as dt
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docx import Document
from docx.oxml.ns import qn
from PIL import Image
from pypdf import PdfReader
from shapely.geometry import box

import detectors
from aoi.grid import to_crs
from detectors.core.registry import choose
from leads.attributes import record
from leads.dossier.drafts import DRAFTS
from leads.dossier.html import html_of
from leads.dossier.law import BY_TERM, NOT_STATED, considered
from leads.dossier.measures import NAMES, measures
from leads.dossier.model import DossierInput, Plate, RunNote, SceneNote
from leads.dossier.overdue import explained, is_overdue
from leads.dossier.papers import dossier
from leads.dossier.plates import TRUE, picture, stretch_of
from leads.dossier.words import beijing, chinese, satellite
from leads.dossier.write import write_dossier, write_drafts
from leads.errors import OutputError
from leads.exports.corners import ZoneError, corner_table
from leads.fields import NOTE
from leads.model import Finding, Lead, Patch
from leads.quicklook import PANEL_PX, STRIP_PX, quicklook_geobox
from leads.series.change import find_break
from leads.series.model import History, Sample
from leads.store.records import ObservationRecord, OutlineKind, OutlineRecord, ReviewEvent

HOSTILE = '<script>alert("x")</script><img src=http://x.invalid/a.png>\x00\x07\u202e{{ 7*7 }}{% raw %}' + "很长" * 3000
GROUND = to_crs(box(500_000, 5_450_000, 500_300, 5_450_200), 32651, 4326)
MADE = dt.datetime(2026, 11, 22, 0, 30, tzinfo=dt.UTC)
BEFORE, AFTER = dt.date(2023, 7, 17), dt.date(2024, 7, 20)


def plate(role: str, day: dt.date, bright: bool) -> Plate:
    geobox = quicklook_geobox(GROUND, 10)
    data = np.full((4, *geobox.shape), 0.06, np.float32)
    data += np.random.default_rng(1).uniform(0, 0.02, data.shape).astype(np.float32)
    data[3] += 0.2
    if bright:
        left, bottom, right, top = to_crs(GROUND, 4326, 32651).bounds
        grid = geobox.affine
        rows = slice(round((top - grid.f) / grid.e), round((bottom - grid.f) / grid.e))
        data[:3, rows, round((left - grid.c) / 10) : round((right - grid.c) / 10)] = 0.4
    return Plate(
        role, "before" if role == "前时相" else "after", day, data, geobox, (f"s2_{day:%Y%m%d}",), "sentinel-2"
    )


def history() -> History:
    days = [dt.date(year, 7, day) for year in (2021, 2022, 2023) for day in (5, 17)]
    days += [dt.date(2024, 7, 20), dt.date(2024, 8, 5), dt.date(2025, 7, 10)]
    samples = tuple(
        Sample(
            day,
            ("s",),
            "sentinel-2",
            {"ndvi": 0.15 if day >= AFTER else 0.5, "mndwi": -0.4},
            {"ndvi": 0.5, "mndwi": -0.4},
            1,
            1,
        )
        for day in days
    )
    found, why = find_break(samples)
    return History(samples, GROUND.buffer(0.001), found, why)


def case(**fields: Any) -> DossierInput:
    patch = Patch("mine", GROUND, 0.9, 0.7, 1, 60_000.0, 55_000.0, 66_000.0, 10.0)
    finding = Finding(patch, BEFORE, AFTER, (AFTER,), 1, layers_missing=("mining_rights",))
    row = record(Lead("WX-MINE-20240720-y8bs0q4e", finding, "新巴尔虎右旗"), choose(["mine"])[0])
    taken = dt.datetime(2024, 7, 20, 2, 41, 7, tzinfo=dt.UTC)
    scene = SceneNote(
        "后时相", "s2_20240720", "sentinel-2", "L2A", "05.10", taken, True, "S2A_MSIL2A_X", {"red": "ab" * 32}
    )
    run = RunNote("weixun 0.1.0", "cd" * 32, {"查询区域": "demo"}, "training-free", (), ())
    return DossierInput(
        row | fields,
        GROUND,
        10.0,
        MADE,
        plates=(plate("前时相", BEFORE, False), plate("后时相", AFTER, True)),
        years=(plate("2023", BEFORE, False), plate("2024", AFTER, True)),
        scenes=(scene,),
        history=history(),
        run=run,
        hashes=(("leads.gpkg", "ef" * 32),),
    )


def text_of(paths: tuple[Path, ...]) -> dict[str, str]:
    found = {}
    for path in paths:
        if path.suffix == ".html":
            found["html"] = re.sub(r"src=\"data:[^\"]+\"", "", path.read_text(encoding="utf-8"))
        if path.suffix == ".pdf":
            found["pdf"] = "".join(page.extract_text() for page in PdfReader(path).pages).replace("\n", "")
        if path.suffix == ".docx":
            document = Document(str(path))
            cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
            found["docx"] = "\n".join([*(one.text for one in document.paragraphs), *cells])
    return found


MUST_SAY = (
    "WX-MINE-20240720-y8bs0q4e",
    "2023-07-17",
    "2024-07-20",
    "354 天",
    "非测绘成果、非鉴定意见",
    "人工勾绘面积",
    "勘测定界面积",
    "60,000 平方米（90.00 亩）",
    "82.50–99.00 亩",
    "第41带",
    "EPSG:4529",
    "J1",
    "哨兵二号",
    "2024-07-20 10:41:07",
    "S2A_MSIL2A_X",
    "影像不支持",
    "采矿权",
    "尚不清楚的事项",
    "ab" * 32,
    "ef" * 32,
    "分级：公开",
    "北京",
)


def test_all_three_say_what_a_judge_asks(tmp_path: Path) -> None:
    written = write_dossier(replace(case(), values=case().values | {"seen_dates": "2024-07-20"}), tmp_path)
    assert [path.name for path in written] == [
        "WX-MINE-20240720-y8bs0q4e.html",
        "WX-MINE-20240720-y8bs0q4e.pdf",
        "WX-MINE-20240720-y8bs0q4e.docx",
        "WX-MINE-20240720-y8bs0q4e_界址点.csv",
        "WX-MINE-20240720-y8bs0q4e_界址点.txt",
    ]
    for kind, text in text_of(written).items():
        flat = re.sub(r"\s", "", text)
        for words in MUST_SAY:
            wanted = words.replace("354 天", f"{(AFTER - BEFORE).days} 天")
            assert re.sub(r"\s", "", wanted) in flat, (kind, wanted)


def test_pdf_embeds_every_font_and_fetches_nothing(tmp_path: Path) -> None:
    path = write_dossier(case(remark="见 <img src='file:///etc/passwd'>"), tmp_path, ("pdf",))[0]
    reader = PdfReader(path)
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"].get_object()["/Font"].get_object().values()
    }
    assert fonts
    assert all("Noto" in name for name in fonts), fonts  # a missing glyph would bring in another font
    assert "root:" not in "".join(page.extract_text() for page in reader.pages)
    assert all(float(page.mediabox.width) < 600 for page in reader.pages)  # A4


def test_a_pdf_reads_neither_files_nor_addresses(tmp_path: Path) -> None:
    from leads.dossier.html import write_pdf

    secret = tmp_path / "secret.png"
    Image.new("RGB", (50, 50), (255, 0, 0)).save(secret)
    write_pdf(tmp_path / "a.pdf", f'<img src="{secret.as_uri()}"><img src="http://127.0.0.1:9/x.png"><p>x</p>')
    (page,) = PdfReader(tmp_path / "a.pdf").pages
    assert list(page.images) == []


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = case(
        remark=HOSTILE, place=HOSTILE, layers=HOSTILE, rule_state=HOSTILE, regulator=HOSTILE, known_note=HOSTILE
    )
    hostile = replace(
        hostile,
        extra={HOSTILE: HOSTILE},
        outlines=(OutlineRecord("x", 2, OutlineKind.ANALYST, GROUND, 1.0, HOSTILE, MADE, HOSTILE),),
        reviews=(ReviewEvent(1, "x", 1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, MADE, HOSTILE, ""),),
        scenes=(SceneNote("", HOSTILE, HOSTILE, HOSTILE, HOSTILE, MADE, False, HOSTILE, {HOSTILE: "ab"}),),
    )
    texts = text_of(write_dossier(hostile, tmp_path))
    html = texts["html"]
    assert "<script" not in html
    assert "<img src=http" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7*7 }}" in html  # not evaluated
    assert "default-src" in html
    for text in texts.values():
        assert "\x00" not in text
        assert "\u202e" not in text
    for path in write_drafts(hostile, tmp_path):
        assert path.stat().st_size > 10_000


def test_chinese_fonts_are_named_for_word(tmp_path: Path) -> None:
    path = write_dossier(case(), tmp_path, ("docx",))[0]
    document = Document(str(path))
    runs = [run for paragraph in document.paragraphs for run in paragraph.runs if run.text.strip()]
    runs += [r for t in document.tables for c in t._cells for p in c.paragraphs for r in p.runs if r.text.strip()]
    named = {run._r.rPr.rFonts.get(qn("w:eastAsia")) for run in runs}
    assert named == {"宋体", "黑体"}
    assert document.core_properties.created.replace(tzinfo=dt.UTC) == MADE
    assert len(document.inline_shapes) == 7  # four plates, two years, one plot


def test_the_outline_lies_on_the_bright_ground() -> None:
    after = plate("后时相", AFTER, True)
    image = Image.open(io.BytesIO(picture(after, GROUND, TRUE, stretch_of([after], TRUE), "x").png)).convert("RGB")
    shown = np.asarray(image, np.int16)[STRIP_PX : STRIP_PX + PANEL_PX]
    yellow = (shown[:, :, 0] > 200) & (shown[:, :, 1] > 180) & (shown[:, :, 2] < 120)
    white = (shown > 235).all(axis=2)
    white[:80, -60:] = white[-40:, :] = False  # north arrow and scale bar
    rows, cols = np.nonzero(yellow)
    inside_rows, inside_cols = np.nonzero(white)
    for line, ground in ((rows, inside_rows), (cols, inside_cols)):
        assert abs(line.min() - ground.min()) <= 8
        assert abs(line.max() - ground.max()) <= 8


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


def test_no_line_of_a_docx_ends_in_the_minus_of_a_number(tmp_path: Path) -> None:
    told = text_of(write_dossier(case(why="较周边-0.16、-0.25，2024-07-20"), tmp_path, ("docx",)))["docx"]
    assert "较周边−0.16、−0.25，2024-07-20" in told
    assert "WX-MINE-20240720" in told


def test_what_is_announced_is_on_the_same_page(tmp_path: Path) -> None:
    write_dossier(case(), tmp_path, ("docx",))
    (file,) = tmp_path.glob("*.docx")
    said = [one for one in Document(str(file)).paragraphs if one.text.endswith("校验值（SHA-256）：")]
    assert [one.paragraph_format.keep_with_next for one in said] == [True, True]
    assert html_of(dossier(case())).count('<p class="text lead-in">') == 2


def test_a_short_form_is_not_cut_by_the_end_of_a_page(tmp_path: Path) -> None:
    write_drafts(case(), tmp_path)
    (file,) = tmp_path.glob("*线索审查表.docx")
    facts, _, signed = Document(str(file)).tables
    kept = [[p.paragraph_format.keep_with_next for p in row.cells[0].paragraphs] for row in signed.rows]
    assert kept == [[True]] * 4 + [[None]]
    assert not any(p.paragraph_format.keep_with_next for row in facts.rows for p in row.cells[0].paragraphs)


def test_the_number_of_a_page_is_as_large_as_the_words_around_it(tmp_path: Path) -> None:
    write_dossier(case(), tmp_path, ("docx",))
    (file,) = tmp_path.glob("*.docx")
    foot = Document(str(file)).sections[0].footer.paragraphs[0]._p
    sizes = [size.get(qn("w:val")) for size in foot.iter(qn("w:sz"))]
    assert foot.find(qn("w:fldSimple")).find(qn("w:r")) is not None
    assert set(sizes) == {"17"}


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


def test_without_imagery_it_says_so_instead_of_failing(tmp_path: Path) -> None:
    bare = replace(case(), plates=(), years=(), scenes=(), history=None, run=None, hashes=())
    texts = text_of(write_dossier(bare, tmp_path))
    for text in texts.values():
        assert "未作逐期序列分析" in text.replace("\n", "")
        assert "没有可读的影像" in text.replace("\n", "")
    undated = replace(bare, values=bare.values | {"date_bef": None})
    assert "变化区间不详" in html_of(dossier(undated))
    assert len(write_drafts(undated, tmp_path / "d")) == len(DRAFTS)


def test_drafts_leave_open_what_imagery_can_not_say(tmp_path: Path) -> None:
    paths = {path.stem.rpartition("_")[2]: path for path in write_drafts(case(), tmp_path)}
    assert set(paths) == {"线索审查表", "检察建议书", "勘验附图", "回头看报告"}
    for name, path in paths.items():
        text = text_of((path,))["docx"]
        assert "【待填：" in text, name
        assert NOTE in path.read_bytes().decode("latin-1") or "非测绘成果" in text
    letter = text_of((paths["检察建议书"],))["docx"]
    assert "【待填：二个月；情况紧急的十五日】" in letter
    assert "【待填：被建议的行政机关】" in letter  # no table names it: nobody is accused by default
    with pytest.raises(OutputError, match="线索审查表"):
        write_drafts(case(), tmp_path, ["起诉书"])


def test_a_wrong_format_zone_or_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="choose html, pdf, docx"):
        write_dossier(case(), tmp_path, ("odt",))
    with pytest.raises(ZoneError, match="choose one of 41、40、42"):
        write_dossier(replace(case(), zone=39), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_dossier(case(), tmp_path / "file", ("html",))


def test_the_corner_files_hold_the_printed_table(tmp_path: Path) -> None:
    written = write_dossier(replace(case(), zone=40), tmp_path, ("html",))
    table = corner_table(GROUND, 40)
    html = written[0].read_text(encoding="utf-8")
    text = written[1].read_text(encoding="utf-8-sig")
    for row in table.rows():
        assert row[2] in html
        assert f"{row[2]},{row[3]}" in text


def test_docx_opens_in_libreoffice(tmp_path: Path, missing: Callable[[str], None]) -> None:
    soffice = shutil.which("soffice")
    if soffice is None:
        missing("no soffice: install libreoffice-writer-nogui")
    assert soffice is not None
    paths = (*write_dossier(case(), tmp_path, ("docx",))[:1], *write_drafts(case(), tmp_path))
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        soffice,
        profile,
        "--headless",
        "--convert-to",
        "pdf",
        "--outdir",
        str(tmp_path / "pdf"),
        *map(str, paths),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    for path in paths:
        text = "".join(page.extract_text() for page in PdfReader(tmp_path / "pdf" / f"{path.stem}.pdf").pages)
        assert "非测绘成果" in text.replace("\n", ""), path.name
