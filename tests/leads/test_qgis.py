import datetime as dt
import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from PIL import Image
from shapely.geometry import Polygon, box

from aoi.classification import Classification
from aoi.grid import Block, to_crs
from leads.errors import OutputError
from leads.fields import FIELDS, REASONS, STATUS
from leads.geopackage import write_geopackage
from leads.model import Coverage
from leads.qgis.form import REASON_NEEDED
from leads.qgis.project import write_project
from leads.qgis.rasters import RasterLayer, common_stretch, look_at
from leads.raster import ImageSink, RasterSink
from leads.review import Review, read_review

BLOCK = Block(32651, 10.0, 180, 2110, 256)
LEFT, TOP = BLOCK.geobox.affine.c, BLOCK.geobox.affine.f
MIDDLE = LEFT + 1280, TOP - 1280
PIT_M = box(MIDDLE[0] - 300, MIDDLE[1] - 200, MIDDLE[0] + 300, MIDDLE[1] + 200)
AOI = to_crs(box(LEFT, TOP - 2560, LEFT + 2560, TOP), 32651, 4326)

BEFORE = {"red": 0.06, "green": 0.10, "blue": 0.05, "nir": 0.30}
AFTER = {"red": 0.12, "green": 0.12, "blue": 0.17, "nir": 0.22}


def ground(colours: dict[str, float], seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.01, (1, 256, 256))
    return np.clip(noise + np.array(list(colours.values()))[:, None, None], 0.001, 1).astype(np.float32)


def lead(geometry: Polygon, **values: object) -> tuple[Polygon, dict[str, object]]:
    return geometry, {**dict.fromkeys(field.name for field in FIELDS), "status": "new", "grade": "confirmed", **values}


@dataclass(frozen=True)
class Results:
    folder: Path

    @property
    def geopackage(self) -> Path:
        return self.folder / "leads.gpkg"

    @property
    def project(self) -> Path:
        return self.folder / "leads.qgz"

    @property
    def rasters(self) -> list[RasterLayer]:
        return [
            RasterLayer("后时相 2018-03-09", self.folder / "imagery" / "after.tif", "after", "after"),
            RasterLayer("前时相 2016-12-09", self.folder / "imagery" / "before.tif", "before", "before"),
            RasterLayer("矿场监督得分", self.folder / "scores" / "mine.tif", "score", "score of mine"),
        ]

    def write(self, leads: list[tuple[Polygon, dict[str, object]]]) -> "Results":
        for name, colours, seed in (("before", BEFORE, 1), ("after", AFTER, 2)):
            with ImageSink(self.folder / "imagery" / f"{name}.tif", BLOCK.geobox) as image:
                image.write(BLOCK.geobox, ground(colours, seed), tuple(colours))
        with RasterSink(self.folder / "scores" / "mine.tif", BLOCK.geobox, 1, "float32", float("nan")) as scores:
            scores.write(BLOCK.geobox, np.full((256, 256), 0.6, np.float32))
        day = dt.date(2018, 3, 9)
        seen = [Coverage(BLOCK.id, role, day, AOI, 1.0, 0.0, 0.0, 0.0) for role in ("before", "after")]
        write_geopackage(self.geopackage, leads, seen)
        write_project(self.project, self.geopackage, self.rasters, AOI)
        return self

    def xml(self) -> Any:
        with zipfile.ZipFile(self.project) as archive:
            return fromstring(archive.read("leads.qgs"), forbid_dtd=False)


PIT = lead(to_crs(PIT_M, 32651, 4326), lead_id="MINE-20180309-1", model="mine", model_zh="矿场监督", area_mu=360.0)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results(tmp_path_factory.mktemp("out 结果")).write([PIT])


# --- as a file --------------------------------------------------------------------------------------------------------


def test_every_source_is_relative(results: Results) -> None:
    sources = [node.text for node in results.xml().iter("datasource")]
    assert sources == [
        "./leads.gpkg|layername=leads",
        "./leads.gpkg|layername=coverage",
        "./imagery/after.tif",
        "./imagery/before.tif",
        "./scores/mine.tif",
    ]
    assert str(results.folder) not in zipfile.ZipFile(results.project).read("leads.qgs").decode()


def test_layer_ids_are_long_and_all_that_is_referred_to(results: Results) -> None:
    document = results.xml()
    ids = [node.findtext("id") for node in document.iter("maplayer")]
    assert len(set(ids)) == 5
    assert all(len(name) > 36 for name in ids)
    assert {node.get("id") for node in document.iter("layer-tree-layer")} == set(ids)
    assert {node.get("id") for node in document.find("visibility-presets").iter("layer")} <= set(ids)


def test_same_results_same_project(results: Results, tmp_path: Path) -> None:
    again = Results(tmp_path).write([PIT])
    assert again.project.read_bytes() == results.project.read_bytes()


def test_its_classification_stands_in_its_title_and_its_metadata(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "leads.qgz"
    write_project(path, results.geopackage, results.rasters, AOI, Classification.SENSITIVE)
    with zipfile.ZipFile(path) as archive:
        document = fromstring(archive.read("leads.qgs"), forbid_dtd=False)
    assert document.findtext("title") == "卫巡 Weixun leads（敏感 sensitive）"
    assert "分级 Classification: 敏感 sensitive" in document.findtext("projectMetadata/abstract")
    assert "（公开 public）" in results.xml().findtext("title")


def test_without_leads_the_view_is_on_the_aoi(tmp_path: Path) -> None:
    view = Results(tmp_path).write([]).xml().find("ProjectViewSettings/DefaultViewExtent")
    left, bottom, right, top = (float(view.get(key)) for key in ("xmin", "ymin", "xmax", "ymax"))
    assert box(left, bottom, right, top).contains(to_crs(AOI, 4326, 32651))
    assert right - left < 4000


def test_both_dates_are_stretched_alike(results: Results) -> None:
    ranges = {
        node.findtext("layername"): [
            limit.text for limit in node.find("pipe").iter() if limit.tag in ("minValue", "maxValue")
        ]
        for node in results.xml().iter("maplayer")
        if node.find("pipe/rasterrenderer[@type='multibandcolor']") is not None
    }
    after, before = ranges.values()
    assert after == before
    assert len(after) == 6


def test_a_raster_that_is_none_is_named_and_no_project_appears(results: Results, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_text("not a raster")
    with pytest.raises(OutputError, match=r"broken\.tif can not be read for the QGIS project"):
        write_project(tmp_path / "leads.qgz", results.geopackage, [RasterLayer("x", broken, "after")], AOI)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.tif"]


# --- in QGIS ----------------------------------------------------------------------------------------------------------

LOOK = Path(__file__).with_name("look_in_qgis.py")


@pytest.fixture(scope="module")
def edited(qgis_python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, dict[str, Any]]:
    """The project opened, drawn and reviewed in real QGIS, once."""
    results = Results(tmp_path_factory.mktemp("qgis 结果")).write([PIT])
    pictures = tmp_path_factory.mktemp("pictures")
    points = {"middle": MIDDLE, "corner": (PIT_M.bounds[0], PIT_M.bounds[3]), "outside": (MIDDLE[0], MIDDLE[1] - 500)}
    done = subprocess.run(
        [qgis_python, str(LOOK), str(results.folder), str(pictures), json.dumps(points)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.partition("JSON")[2])
    return results, {**said, "pictures": pictures}


def seen(said: dict[str, Any], name: str) -> np.ndarray:
    with Image.open(said["pictures"] / f"{name}.png") as image:
        return np.asarray(image.convert("RGB")).astype(int)


def shown_as(results: Results, colours: dict[str, float], bands: tuple[str, ...]) -> np.ndarray:
    """The colour that the stretch makes of a reflectance, 0–255."""
    stretch = common_stretch([look_at(raster.path) for raster in results.rasters if raster.kind != "score"])
    order = ("red", "green", "blue", "nir")
    limits = [stretch[order.index(band)] for band in bands]
    value = [(colours[b] * 10_000 - low) / (high - low) for b, (low, high) in zip(bands, limits, strict=True)]
    return 255 * np.clip(value, 0, 1) ** (1 / 1.25)


@pytest.mark.qgis
def test_every_layer_opens(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert said["read"]
    assert said["valid"] == dict.fromkeys(("leads", "coverage", "after", "before", "score"), True)
    assert said["names"]["leads"] == "线索 leads"
    assert said["crs"] == "EPSG:32651"


@pytest.mark.qgis
def test_leads_lie_over_coverage_over_after_and_before_is_off(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert said["order"] == ["leads", "coverage", "after", "before", "score"]
    assert said["shown"] == ["leads", "coverage", "after"]


@pytest.mark.qgis
def test_the_outline_is_drawn_where_the_lead_is(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    image = seen(said, "after")
    red = (image[..., 0] > 200) & (image[..., 1] < 120) & (image[..., 2] < 120)
    rows, columns = np.nonzero(red)
    (x0, y0), (x, y) = said["to_pixel"]["corner"], said["to_pixel"]["middle"]
    corners = (columns.min(), columns.max(), rows.min(), rows.max())
    assert np.allclose(corners, (x0, 2 * x - x0, y0, 2 * y - y0), atol=4)
    assert said["errors"] == []


@pytest.mark.qgis
@pytest.mark.parametrize(
    ("picture", "colours", "bands"),
    [
        ("after", AFTER, ("red", "green", "blue")),
        ("ground", AFTER, ("red", "green", "blue")),
        ("before", BEFORE, ("red", "green", "blue")),
        ("false", AFTER, ("nir", "red", "green")),
    ],
)
def test_the_right_image_shows_beneath(
    edited: tuple[Results, dict[str, Any]], picture: str, colours: dict[str, float], bands: tuple[str, ...]
) -> None:
    results, said = edited
    image = seen(said, picture)
    for place in ("middle", "outside"):
        x, y = (round(value) for value in said["to_pixel"][place])
        assert np.allclose(
            image[y - 12 : y + 12, x - 12 : x + 12].mean(axis=(0, 1)), shown_as(results, colours, bands), atol=14
        )


@pytest.mark.qgis
def test_the_label_is_drawn_beside_the_lead(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert said["labels"]
    white = (seen(said, "after") > 245).all(axis=2) & ~(seen(said, "ground") > 245).all(axis=2)
    assert white.sum() > 100


@pytest.mark.qgis
def test_themes_switch_image_and_colours(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    images = {
        name: {k: v for k, v in layers.items() if k in ("before", "after")} for name, layers in said["themes"].items()
    }
    assert images == {
        "前时相 before": {"before": "真彩色 true colour"},
        "后时相 after": {"after": "真彩色 true colour"},
        "假彩色 false colour": {"after": "假彩色 false colour"},
        "前时相假彩色 before, false colour": {"before": "假彩色 false colour"},
    }
    assert all({"leads", "coverage"} <= set(layers) for layers in said["themes"].values())


@pytest.mark.qgis
def test_the_form_offers_the_values_there_are(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    kind, config = said["widgets"]["status"]
    assert kind == "ValueMap"
    assert config["map"] == [{f"{zh} {en}": value} for value, zh, en in STATUS]
    kind, config = said["widgets"]["reason"]
    assert kind == "ValueMap"
    assert config["map"][1:] == [{f"{zh} {en}": value} for value, zh, en in REASONS]
    assert said["widgets"]["remark"] == ["TextEdit", {"IsMultiline": True, "UseHtml": False}]
    assert said["widgets"]["fid"][0] == "Hidden"
    assert said["aliases"]["lead_id"] == "监测编号 Lead id"
    assert said["tabs"] == ["审核 Review", "对照法规 Beside the law", "其余属性 Other attributes"]


@pytest.mark.qgis
def test_only_what_an_analyst_writes_is_open(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert {name for name, closed in said["read_only"].items() if not closed} == {f.name for f in FIELDS if f.editable}


@pytest.mark.qgis
def test_a_rejection_needs_its_reason(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert said["expression"] == REASON_NEEDED
    assert said["strength"] == 1  # hard
    assert (said["refused"], said["accepted"]) == (False, True)


@pytest.mark.qgis
def test_the_geopackage_alone_brings_style_and_form(edited: tuple[Results, dict[str, Any]]) -> None:
    _, said = edited
    assert said["alone"] == ["RuleRenderer", True, "ValueMap", "审核状态 Review status", REASON_NEEDED, True]
    assert said["alone_coverage"][0] == "处理失败 failed"


@pytest.mark.qgis
def test_a_verdict_given_in_qgis_is_read_back_and_never_overwritten(edited: tuple[Results, dict[str, Any]]) -> None:
    results, said = edited
    assert said["started"]
    assert said["committed"]
    verdict = Review("MINE-20180309-1", "rejected", "mowing", "王检", "打草场\n现场已看")
    assert read_review(results.geopackage) == (verdict,)
    with pytest.raises(OutputError, match="was edited since it was handed out"):
        write_geopackage(results.geopackage, [], [])
