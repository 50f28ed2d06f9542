import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyogrio
import pytest
from defusedxml.ElementTree import fromstring, parse
from shapely.geometry import Polygon

from aoi.area import CGCS2000
from aoi.classification import Classification
from leads.desk.field import write_field_pack
from leads.desk.gcj02 import to_gcj02
from leads.desk.kml import GCJ02_FILE, WGS84_FILE, write_kml
from leads.errors import OutputError
from leads.qgis.rasters import RasterLayer
from leads.store.records import LeadRecord

MakeLead = Callable[..., LeadRecord]
KML = "{http://www.opengis.net/kml/2.2}"

PUBLISHED = [
    ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
]
"""Check points of eviltransform: Shanghai, Shenzhen, Beijing."""


@pytest.mark.parametrize(("place", "shifted"), PUBLISHED)
def test_gcj02_agrees_with_the_published_check_points_within_a_centimetre(
    place: tuple[float, float], shifted: tuple[float, float]
) -> None:
    assert CGCS2000.inv(*to_gcj02(*place), *shifted)[2] < 0.01


def test_gcj02_shifts_hulunbuir_by_hundreds_of_metres_and_nothing_abroad() -> None:
    assert 300 < CGCS2000.inv(119.75, 49.21, *to_gcj02(119.75, 49.21))[2] < 1000
    assert to_gcj02(2.35, 48.85) == (2.35, 48.85)


@pytest.fixture
def pack(tmp_path: Path, make_lead: MakeLead, images: dict[str, Path]) -> Path:
    leads = [make_lead(0, remark="<b>&\x07"), make_lead(1)]
    rasters = [RasterLayer("后时相", images["after_32651"], "after")]
    write_field_pack(tmp_path / "外业 pack", leads, Classification.INTERNAL, rasters)
    return tmp_path / "外业 pack"


def test_a_pack_is_whole_and_relative(pack: Path) -> None:
    names = {path.name for path in pack.iterdir()}
    assert names == {
        "weixun_field.qgz", "weixun_field.gpkg", WGS84_FILE, GCJ02_FILE, "DCIM", "README_说明.txt", "after_32651.tif",
    }  # fmt: skip
    with zipfile.ZipFile(pack / "weixun_field.qgz") as archive:
        document = fromstring(archive.read("weixun_field.qgs"), forbid_dtd=False)
    sources = {node.text.partition("|")[0] for node in document.iter("datasource")}
    assert sources == {"./weixun_field.gpkg", "./after_32651.tif"}
    assert list(pyogrio.read_dataframe(pack / "weixun_field.gpkg", layer="leads")["rank"]) == [1, 2]


def test_a_pack_is_never_written_over(pack: Path, make_lead: MakeLead) -> None:
    with pytest.raises(OutputError, match="is not empty"):
        write_field_pack(pack, [make_lead(0)], Classification.PUBLIC)


def test_both_kml_say_what_they_are_and_hold_the_outline(pack: Path, make_lead: MakeLead) -> None:
    lead = make_lead(0)
    for name, word, shift in ((WGS84_FILE, "WGS 84", 0.0), (GCJ02_FILE, "GCJ-02", 300.0)):
        document = parse(pack / name).getroot().find(f"{KML}Document")
        assert word in document.findtext(f"{KML}name")
        assert word in document.findtext(f"{KML}description")
        assert "内部 internal" in document.findtext(f"{KML}description")
        mark = document.find(f"{KML}Placemark")
        assert word in mark.findtext(f"{KML}description")
        text = mark.findtext(f"{KML}MultiGeometry/{KML}Polygon/{KML}outerBoundaryIs/{KML}LinearRing/{KML}coordinates")
        ring = Polygon([tuple(map(float, point.split(","))) for point in text.split()])
        there, here = ring.centroid, lead.geometry.centroid
        moved = CGCS2000.inv(there.x, there.y, here.x, here.y)[2]
        assert moved < 0.05 if not shift else shift < moved < 1000
    assert "never for a record" in (pack / GCJ02_FILE).read_text()
    assert "GCJ02" in GCJ02_FILE


def test_hostile_text_in_kml_is_text(tmp_path: Path, make_lead: MakeLead) -> None:
    lead = make_lead(0, remark="<script>alert(1)</script>]]> & \x00\x0b\ud800 =1+1")
    write_kml(tmp_path / "a.kml", [lead], "公开 public")
    said = parse(tmp_path / "a.kml").getroot().find(f"{KML}Document/{KML}Placemark").findtext(f"{KML}description")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;]]&gt; &amp;" in said  # what a balloon shows as text


CHECK = """
import json, sys
from qgis.core import QgsApplication, QgsProject, QgsVectorLayerUtils, QgsGeometry, QgsPointXY
app = QgsApplication([], False)
app.initQgis()
def look():
    project = QgsProject.instance()
    read = project.read(sys.argv[1])
    layers = {layer.id().split("_")[0]: layer for layer in project.mapLayers().values()}
    visits = layers["visits"]
    place = next(layers["leads"].getFeatures()).geometry().centroid()
    visits.startEditing()
    made = QgsVectorLayerUtils.createFeature(visits, place)
    made["photo"] = "DCIM/x.jpg"
    visits.addFeature(made)
    photo = visits.editorWidgetSetup(visits.fields().indexOf("photo"))
    print("JSON" + json.dumps({
        "read": read, "valid": {kind: layer.isValid() for kind, layer in layers.items()}, "lead": made["lead_id"],
        "at": made["at"], "committed": visits.commitChanges(), "widget": photo.type(), "config": photo.config(),
        "closed": layers["leads"].readOnly(), "naming": visits.customProperty("QFieldSync/attachment_naming"),
        "action": visits.customProperty("QFieldSync/action"),
    }, default=str))
look()
QgsProject.instance().clear()
app.exitQgis()
"""


@pytest.mark.qgis
def test_the_pack_opens_in_qgis_and_takes_a_visit_with_a_photo(
    pack: Path, qgis_python: str, make_lead: MakeLead
) -> None:
    done = subprocess.run(
        [qgis_python, "-c", CHECK, str(pack / "weixun_field.qgz")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.partition("JSON")[2])
    assert said["read"]
    assert said["valid"] == {"visits": True, "leads": True, "image": True}
    assert said["committed"]
    assert said["closed"]
    assert said["lead"] == make_lead(0).id
    assert said["at"].startswith("20")
    assert said["widget"] == "ExternalResource"
    assert float(said["config"]["RelativeStorage"]) == 1
    assert said["action"] == "offline"
    assert json.loads(said["naming"])["photo"].startswith("'DCIM/'")
