import datetime as dt
import errno
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pyogrio
import pytest
import shapely
from defusedxml.ElementTree import fromstring
from shapely.geometry import MultiPolygon, Polygon, box

from leads.errors import DiskFullError, OutputError
from leads.fields import FIELDS
from leads.geopackage import write_geopackage
from leads.model import Coverage

PIT = Polygon(
    [(120.0, 49.0), (120.01, 49.0), (120.01, 49.01), (120.0, 49.01)], [box(120.004, 49.004, 120.006, 49.006).exterior]
)


def record(**values: object) -> Mapping[str, object]:
    return {**dict.fromkeys(field.name for field in FIELDS), "status": "new", **values}


LEADS = [
    (PIT, record(lead_id="a", model="mine", model_zh="矿场监督", area_mu=12.5, looks=2, date_aft="2018-03-09")),
    (MultiPolygon([box(120.1, 49, 120.11, 49.01), box(120.2, 49, 120.21, 49.01)]), record(lead_id="b")),
]


def coverage(block: str = "32651_10m_1024_4_40", role: str = "after", day: int = 9, **values: Any) -> Coverage:
    shares = {"observed": 0.75, "cloudy": 0.25, "snow": 0.0, "no_scene": 0.0, **values}
    return Coverage(block, role, dt.date(2018, 3, day), box(120, 49, 120.1, 49.1), **shares)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "leads.gpkg"
    write_geopackage(path, LEADS, [coverage(), coverage(role="before", failed="truncated file B04.tif")])
    return path


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def edit(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(sql)
        database.commit()


def test_leads_keep_values_types_and_outlines(written: Path) -> None:
    table = pyogrio.read_dataframe(written, layer="leads")
    assert list(table.columns) == [*(field.name for field in FIELDS), "geometry"]
    assert table.crs.to_epsg() == 4326
    assert table.geometry.iloc[0].equals(MultiPolygon([PIT]))
    assert table.geometry.iloc[1].equals(LEADS[1][0])
    first = table.iloc[0]
    assert (first.lead_id, first.model_zh, first.area_mu, first.looks) == ("a", "矿场监督", 12.5, 2)
    assert str(first.date_aft)[:10] == "2018-03-09"
    assert table.isna().loc[1, ["area_mu", "looks", "date_aft", "model"]].all()


def test_columns_have_the_types_of_the_table_of_fields(written: Path) -> None:
    types = {"text": "OFTString", "real": "OFTReal", "integer": "OFTInteger", "date": "OFTDate"}
    info = pyogrio.read_info(written, layer="leads")
    assert list(info["ogr_types"]) == [types[field.type] for field in FIELDS]
    assert info["geometry_type"] == "MultiPolygon"
    assert all(len(name.encode()) <= 10 and name.isascii() for name in info["fields"])


def test_no_leads_gives_the_full_schema(tmp_path: Path) -> None:
    write_geopackage(tmp_path / "leads.gpkg", [], [])
    for layer in ("leads", "coverage"):
        info = pyogrio.read_info(tmp_path / "leads.gpkg", layer=layer)
        assert info["features"] == 0
        assert info["geometry_type"] == "MultiPolygon"
    assert len(pyogrio.read_info(tmp_path / "leads.gpkg", layer="leads")["fields"]) == len(FIELDS)


def test_coverage_says_what_was_not_seen_and_the_best_of_all_days(tmp_path: Path) -> None:
    days = [
        coverage(day=9, observed=0.2, cloudy=0.8),
        coverage(day=14, observed=0.9, cloudy=0.1),
        coverage(role="before"),
    ]
    write_geopackage(tmp_path / "leads.gpkg", [], days)
    table = pyogrio.read_dataframe(tmp_path / "leads.gpkg", layer="coverage")
    assert table.observed.tolist() == [0.2, 0.9, 0.75]
    assert table.best.tolist() == [0.9, 0.9, 0.75]
    assert table.failed.isna().all()
    assert table.geometry.iloc[0].equals(MultiPolygon([box(120, 49, 120.1, 49.1)]))


def test_same_input_same_bytes(written: Path, tmp_path: Path) -> None:
    again = tmp_path / "again" / "leads.gpkg"
    write_geopackage(again, LEADS, [coverage(), coverage(role="before", failed="truncated file B04.tif")])
    assert again.read_bytes() == written.read_bytes()


def test_the_file_is_sound_and_alone(written: Path) -> None:
    assert query(written, "PRAGMA integrity_check") == [("ok",)]
    assert [path.name for path in written.parent.iterdir() if path.is_file()] == ["leads.gpkg"]


def test_styles_are_registered_as_defaults(written: Path) -> None:
    styles = query(written, "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles")
    assert [row[:3] for row in styles] == [("leads", "geom", 1), ("coverage", "geom", 1)]
    assert query(written, "SELECT data_type, srs_id FROM gpkg_contents WHERE table_name = 'layer_styles'") == [
        ("attributes", 0)
    ]
    leads = fromstring(styles[0][3], forbid_dtd=False)
    aliases = {node.get("field"): node.get("name") for node in leads.iter("alias")}
    assert aliases["area_mu"] == "监测面积（亩，非测绘成果） Area (mu, not a survey)"
    assert [rule.get("label") for rule in leads.iter("rule")] == ["不属实 rejected", "矿场监督 mine", "其他 other"]


def test_columns_and_choices_are_described_inside(written: Path) -> None:
    titles = dict(query(written, "SELECT column_name, title FROM gpkg_data_columns WHERE table_name = 'leads'"))
    assert titles["reason"] == "不属实原因 Reason for rejection"
    assert len(titles) == len(FIELDS)
    choices = query(
        written, "SELECT value FROM gpkg_data_column_constraints WHERE constraint_name = 'leads_status' ORDER BY value"
    )
    assert choices == [("confirmed",), ("field_check",), ("known",), ("new",), ("rejected",)]


def test_an_untouched_file_is_replaced(written: Path) -> None:
    write_geopackage(written, LEADS[:1], [])
    assert pyogrio.read_info(written, layer="leads")["features"] == 1


def test_an_edited_file_is_never_replaced(written: Path) -> None:
    edit(written, "UPDATE gpkg_contents SET last_change = '2018-03-20T08:15:30.123Z' WHERE table_name = 'leads'")
    edited = written.read_bytes()
    with pytest.raises(OutputError, match="was edited since it was handed out"):
        write_geopackage(written, [], [])
    assert written.read_bytes() == edited


def test_a_file_open_elsewhere_is_never_replaced(written: Path) -> None:
    written.with_name("leads.gpkg-wal").write_bytes(b"")
    with pytest.raises(OutputError, match="open in another program"):
        write_geopackage(written, [], [])


def test_a_stranger_s_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "leads.gpkg"
    path.write_text("my notes")
    with pytest.raises(OutputError):
        write_geopackage(path, [], [])
    assert path.read_text() == "my notes"


@pytest.mark.parametrize(
    ("number", "kind", "sentence"),
    [
        (errno.EROFS, OutputError, "is read-only: leads.gpkg was not written; choose a folder you may write"),
        (errno.EACCES, OutputError, "is read-only"),
        (errno.ENOSPC, DiskFullError, "the disk is full"),
    ],
)
def test_a_folder_that_refuses_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[OutputError], sentence: str
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError(number, "refused")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(kind, match=sentence):
        write_geopackage(tmp_path / "leads.gpkg", LEADS, [])


def test_a_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(written: Path) -> None:
    """The real thing: the system refuses to let any file grow beyond 64 KiB."""
    before = written.read_bytes()
    script = (
        "import sys, shapely\n"
        "from pathlib import Path\n"
        "from leads.errors import OutputError\n"
        "from leads.geopackage import write_geopackage\n"
        "try:\n"
        "    write_geopackage(Path(sys.argv[1]), [(shapely.box(0, 0, 1, 1), {})] * 2000, [])\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(written)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16)),
    )
    assert len(done.stdout.splitlines()) == 1
    assert str(written) in done.stdout
    assert written.read_bytes() == before
    assert [path.name for path in written.parent.iterdir() if path.name.startswith(".")] == []


def test_geometry_other_than_polygons_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a Point"):
        write_geopackage(tmp_path / "leads.gpkg", [(shapely.Point(120, 49), record(lead_id="a"))], [])
    assert list(tmp_path.iterdir()) == []
