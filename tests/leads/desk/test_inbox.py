import datetime as dt
import hashlib
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyogrio
import pytest
from defusedxml.ElementTree import fromstring
from shapely.geometry import box

from aoi.classification import Classification
from aoi.layers import open_layers
from leads.desk.inbox import Beside
from leads.errors import OutputError
from leads.store.records import LeadRecord

MakeLead = Callable[..., LeadRecord]
MakeInbox = Callable[..., Path]


def rows(path: Path, layer: str) -> list[dict[str, object]]:
    return [dict(row._asdict()) for row in pyogrio.read_dataframe(path, layer=layer, fid_as_index=False).itertuples()]


def test_leads_come_by_priority_and_the_rest_as_they_were_given(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    leads = [make_lead(number) for number in range(4)]
    path = make_inbox(tmp_path, leads, Beside(priorities={leads[3].id: 5.0, leads[1].id: 80.0}))
    found = rows(path, "leads")
    assert [row["lead_id"] for row in found] == [leads[number].id for number in (1, 3, 0, 2)]
    assert [row["rank"] for row in found] == [1, 2, 3, 4]
    assert [row["base_version"] for row in found] == [3] * 4


def test_the_state_of_today_stands_over_the_attributes_of_the_observation(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    lead = make_lead(0, status="known", remark="看过", reviewer="李", looks=5, attributes={"looks": 1, "status": "new"})
    (row,) = rows(make_inbox(tmp_path, [lead]), "leads")
    assert (row["status"], row["remark"], row["looks"]) == ("known", "看过", 5)
    assert not isinstance(row["reviewer"], str)  # whoever opens it signs for himself


def test_the_analysts_outline_is_a_layer_of_its_own(tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox) -> None:
    leads = [make_lead(0), make_lead(1)]
    drawn = leads[1].geometry.buffer(0.0003)
    path = make_inbox(tmp_path, leads, Beside(outlines={leads[1].id: drawn}))
    shapes = {row["lead_id"]: row["geometry"] for row in rows(path, "outlines")}
    assert shapes[leads[0].id].equals(leads[0].geometry)
    assert shapes[leads[1].id].equals(drawn)
    assert {row["lead_id"]: row["area_anl"] for row in rows(path, "leads")}[leads[1].id] > leads[1].area_m2


def test_a_second_one_of_a_day_gets_a_number_and_touches_nothing(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    first = make_inbox(tmp_path, [make_lead(0)])
    before = first.read_bytes()
    second, third = make_inbox(tmp_path, [make_lead(1)]), make_inbox(tmp_path, [])
    assert [path.name for path in (first, second, third)] == [
        "inbox_20240720.gpkg",
        "inbox_20240720-2.gpkg",
        "inbox_20240720-3.gpkg",
    ]
    assert first.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".inbox.lock"]


def test_a_name_that_was_handed_out_is_not_used_again_when_its_file_was_taken_away(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    path = make_inbox(tmp_path, [make_lead(0)])
    path.unlink()
    path.with_suffix(".qgz").unlink()
    assert make_inbox(tmp_path, [make_lead(0)]).name == "inbox_20240720-2.gpkg"


def test_what_was_handed_out_is_kept_read_only_with_its_checksums(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    path = make_inbox(tmp_path, [make_lead(0)])
    kept = tmp_path / "handed_out" / path.name
    sums = (tmp_path / "handed_out" / "inbox_20240720.sha256").read_text().split()
    assert kept.read_bytes() == path.read_bytes()
    assert sums[0] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sums[2] == hashlib.sha256(path.with_suffix(".qgz").read_bytes()).hexdigest()
    assert [oct(one.stat().st_mode & 0o777) for one in (kept, path.with_suffix(".qgz"))] == ["0o444"] * 2
    assert os.access(path, os.W_OK)  # the analyst's own


def test_the_same_night_gives_the_same_bytes(tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox) -> None:
    paths = [make_inbox(tmp_path / name, [make_lead(0)]) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].with_suffix(".qgz").read_bytes() == paths[1].with_suffix(".qgz").read_bytes()


def test_every_source_lies_in_the_folder_and_is_named_relative_to_it(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    path = make_inbox(tmp_path, [make_lead(0)])
    with zipfile.ZipFile(path.with_suffix(".qgz")) as archive:
        document = fromstring(archive.read(f"{path.stem}.qgs"), forbid_dtd=False)
    sources = {node.text.partition("|")[0] for node in document.iter("datasource")}
    assert sources == {
        "./inbox_20240720.gpkg",
        "./inbox_20240720_imagery/before_32651.tif",
        "./inbox_20240720_imagery/after_32651.tif",
    }
    assert all((tmp_path / source).is_file() for source in sources)
    for tag in ("visibility-preset", "action", "macros", "pythonCode"):
        assert tag == "visibility-preset" or not list(document.iter(tag))
    assert "enabled" not in {node.get("macro") for node in document.iter()}


def test_statutory_layers_are_copied_around_the_leads_and_make_it_stricter(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    import geopandas

    lead = make_lead(0)
    near, far = lead.geometry.buffer(0.005), box(100, 40, 100.1, 40.1)
    source = tmp_path / "mining_rights.gpkg"
    geopandas.GeoDataFrame({"xkzh": ["C15", "C99"]}, geometry=[near, far], crs=4326).to_file(source)
    (layer,) = open_layers(source)
    path = make_inbox(tmp_path / "inbox", [lead], Beside(layers=(layer,)))
    assert [row["id"] for row in rows(path, "law_mining_rights")] == ["C15"]
    with closing(sqlite3.connect(path)) as database:
        (said,) = database.execute("SELECT description FROM gpkg_contents WHERE table_name = 'leads'").fetchone()
    assert said == f"分级 Classification: {Classification.INTERNAL.value} internal"


def test_an_image_that_is_none_is_named_and_nothing_appears(tmp_path: Path, make_lead: MakeLead) -> None:
    from leads.desk.inbox import write_inbox

    broken = tmp_path / "broken.tif"
    broken.write_text("no image")
    with pytest.raises(OutputError, match=r"broken\.tif"):
        write_inbox(
            tmp_path / "inbox",
            dt.date(2024, 7, 20),
            [make_lead(0)],
            [],
            {"after_32651": broken},
            box(119, 49, 120, 50),
            Classification.PUBLIC,
        )
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == [".inbox.lock"]


def test_a_folder_that_may_not_be_written_is_one_sentence(
    tmp_path: Path, make_lead: MakeLead, make_inbox: MakeInbox
) -> None:
    (tmp_path / "inbox").write_text("a file in its place")
    with pytest.raises(OutputError, match="inbox"):
        make_inbox(tmp_path / "inbox", [make_lead(0)])
