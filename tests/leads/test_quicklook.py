import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image, ImageFont
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from aoi.grid import to_crs
from leads import quicklook
from leads.contactsheet import Entry, write_contact_sheet
from leads.errors import OutputError
from leads.fields import FIELDS
from leads.quicklook import PANEL_PX, Picture, quicklook_geobox, write_quicklooks

LEFT, TOP = 500_000.0, 5_400_640.0
GRID = GeoBox((64, 64), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32651")
STRIP = 30


def square(half_m: float) -> BaseGeometry:
    x, y = LEFT + 320, TOP - 320
    return to_crs(box(x - half_m, y - half_m, x + half_m, y + half_m), 32651, 4326)


def ground(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.repeat(rng.uniform(0.05, 0.15, (1, 64, 64)).astype(np.float32), 3, axis=0)  # grey: no pixel is yellow


def picture(data: np.ndarray, year: int, geobox: GeoBox = GRID) -> Picture:
    return Picture(data, geobox, dt.date(year, 7, 19), f"S2A_{year}", "Sentinel-2")


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def panel(path: Path) -> np.ndarray:
    return pixels(path)[STRIP:-STRIP]


def is_outline(image: np.ndarray) -> np.ndarray:
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    return (red > 220) & (green > 190) & (blue < 110)


def test_two_pictures_named_by_lead_and_date(tmp_path: Path) -> None:
    paths = write_quicklooks(tmp_path, "矿-1/2", square(100), picture(ground(), 2016), picture(ground(1), 2018))
    assert [path.name for path in paths] == ["矿-1_2_before.png", "矿-1_2_after.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)
    assert pixels(paths[0]).shape == (PANEL_PX + 2 * STRIP, PANEL_PX, 3)


def test_outline_lies_where_the_lead_is_on_both(tmp_path: Path) -> None:
    for path in write_quicklooks(tmp_path, "a", square(100), picture(ground(), 2016), picture(ground(1), 2018)):
        rows, columns = np.nonzero(is_outline(panel(path)))
        assert np.allclose((rows.min(), rows.max(), columns.min(), columns.max()), (220, 420, 220, 420), atol=3)
        assert not is_outline(panel(path))[230:410, 230:410].any()


def test_holes_are_drawn(tmp_path: Path) -> None:
    ring = MultiPolygon([Polygon(square(150).exterior, [square(50).exterior])])
    path, _ = write_quicklooks(tmp_path, "a", ring, picture(ground(), 2016), picture(ground(), 2018))
    assert is_outline(panel(path))[320, 265:275].any()


def test_same_ground_looks_the_same_at_both_dates_and_bright_change_stands_out(tmp_path: Path) -> None:
    before, after = ground(), ground()
    after[:, 30:36, 30:36] = 0.4
    one, two = write_quicklooks(tmp_path, "a", square(100), picture(before, 2016), picture(after, 2018))
    same = np.s_[40:200, 40:200]
    assert np.array_equal(panel(one)[same], panel(two)[same])
    assert panel(two)[320, 320].min() > 240
    assert panel(one)[320, 320].max() < 240


def test_what_was_not_observed_is_hatched_grey_and_said(tmp_path: Path) -> None:
    after = ground()
    after[:, :, :32] = np.nan
    one, two = write_quicklooks(tmp_path, "a", square(100), picture(ground(), 2016), picture(after, 2018))
    corner = panel(two)[150:200, 100:200]
    assert {tuple(colour) for colour in corner.reshape(-1, 3)} == {(168, 168, 168), (118, 118, 118)}
    foot = np.s_[-STRIP:, PANEL_PX // 2 :]
    assert (pixels(two)[foot][..., 0] - pixels(two)[foot][..., 2]).max() > 100  # the amber warning
    assert (pixels(one)[foot][..., 0] - pixels(one)[foot][..., 2]).max() < 50


def test_nothing_observed_at_all_still_gives_pictures(tmp_path: Path) -> None:
    nothing = np.full((3, 64, 64), np.nan, np.float32)
    for path in write_quicklooks(tmp_path, "a", square(100), picture(nothing, 2016), picture(nothing, 2018)):
        assert is_outline(panel(path)).any()


def test_scale_bar_has_its_length(tmp_path: Path) -> None:
    path, _ = write_quicklooks(tmp_path, "a", square(100), picture(ground(), 2016), picture(ground(), 2018))
    bar = panel(path)[PANEL_PX - 16, :200]
    white, grey = (bar == 255).all(axis=1), (bar == 90).all(axis=1)
    assert np.isclose((white | grey).sum(), 100, atol=3)  # 100 m, one metre a pixel


def test_without_a_chinese_font_only_english_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_font(*_: object, **__: object) -> None:
        raise OSError("no such font")

    load, said = ImageFont.load_default, []
    fallback = load(14)
    monkeypatch.setattr(ImageFont, "truetype", no_font)
    monkeypatch.setattr(ImageFont, "load_default", lambda size: fallback)
    draw_text = quicklook.ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        quicklook.ImageDraw.ImageDraw,
        "text",
        lambda pen, place, text, **rest: (said.append(text), draw_text(pen, place, text, **rest))[1],
    )
    quicklook._font.cache_clear()
    try:
        write_quicklooks(tmp_path, "矿-1", square(100), picture(ground(), 2016), picture(ground(), 2018))
    finally:
        quicklook._font.cache_clear()
    assert "Before 2016-07-19" in said
    assert all(ord(letter) < 256 for text in said for letter in text)


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "quicklook").write_text("in the way")
    with pytest.raises(OutputError, match=r"a_before\.png could not be written"):
        write_quicklooks(tmp_path / "quicklook", "a", square(9), picture(ground(), 2016), picture(ground(), 2018))


@pytest.mark.parametrize("half_m", [5.0, 400.0, 30_000.0])
@pytest.mark.parametrize("gsd_m", [10.0, 30.0])
def test_chip_holds_the_lead_on_the_lattice_within_bounds(half_m: float, gsd_m: float) -> None:
    grid = quicklook_geobox(square(half_m), gsd_m)
    pixel_m, size = grid.affine.a, grid.shape[0]
    assert grid.shape == (size, size)
    assert size <= quicklook.MOST_PX
    assert pixel_m % gsd_m == 0
    assert grid.affine.c % pixel_m == grid.affine.f % pixel_m == 0
    assert size * pixel_m >= max(quicklook.LEAST_M, 6 * half_m * 0.999)
    west, south, east, north = grid.boundingbox.bbox
    assert west < LEFT + 320 - half_m
    assert east > LEFT + 320 + half_m
    assert south < TOP - 320 - half_m
    assert north > TOP - 320 + half_m


def test_chip_lies_in_the_zone_of_the_lead() -> None:
    assert quicklook_geobox(Point(119.99, 49).buffer(0.001), 10).crs.epsg == 32650
    assert quicklook_geobox(Point(120.01, 49).buffer(0.001), 10).crs.epsg == 32651


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.images += [value or "" for name, value in attrs if name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


def record(**values: object) -> dict[str, object]:
    return {**dict.fromkeys(field.name for field in FIELDS), **values}


def test_contact_sheet_shows_pairs_and_escapes_everything(tmp_path: Path) -> None:
    hostile = record(lead_id='"><script>alert(1)</script>', place="<img src=http://x/>", status="new", area_mu=12.5)
    entry = Entry(hostile, tmp_path / "矿 1_before.png", tmp_path / "矿 1_after.png")
    text = write_contact_sheet(tmp_path, [entry], "<b>beihai</b>").read_text("utf-8")
    page = Page(text)
    assert page.images == ["%E7%9F%BF%201_before.png", "%E7%9F%BF%201_after.png"]
    assert not {"script", "link", "b"} & set(page.tags)
    assert "<img src=http://x/>" in page.text
    assert "新 new" in page.text
    assert "12.5" in page.text
    assert not re.search(r"https?://(?!x/)", text)


def test_contact_sheet_without_leads_does_not_say_that_nothing_changed(tmp_path: Path) -> None:
    page = Page(write_contact_sheet(tmp_path, []).read_text("utf-8"))
    assert page.images == []
    assert "coverage" in page.text
