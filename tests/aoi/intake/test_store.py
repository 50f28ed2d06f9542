import datetime as dt
import hashlib
import json
import sqlite3

import geopandas
import numpy as np
import pytest
import shapely
from shapely.geometry import box

from aoi.classification import Classification
from aoi.errors import AoiStoreError, UnreadableVectorError
from aoi.intake.meta import read_meta
from aoi.intake.source import Reading
from aoi.intake.store import add_layer, check_layer, sha256_of, stored_rows
from aoi.layers import crossings, open_layers, stored_layers

PATCH = box(119.70, 49.30, 119.71, 49.31)
NOW = dt.datetime(2026, 11, 22, 5, 0, tzinfo=dt.UTC)


@pytest.fixture
def permit(tmp_path):
    columns = {
        "PZWH": ["临1号", "临2号"],
        "PZRQ": ["2021-06-15"] * 2,
        "DQRQ": ["2023.6.14", "14/6/2023"],
        "name": ["甲", "乙"],
    }
    far = shapely.transform(PATCH, lambda xy: np.add(xy, [1, 0]))
    path = tmp_path / "临时用地.gpkg"
    geopandas.GeoDataFrame(columns, geometry=[PATCH, far], crs=4490).to_file(path)
    return path


def test_a_layer_with_errors_is_refused_whole_and_its_good_rows_are_taken_when_told(permit, tmp_path):
    refused = add_layer(permit, tmp_path, "temporary_land_permits")
    assert (refused.layer, refused.path, refused.checked.tally.good) == (None, None, 1)
    assert list((tmp_path / "layers").iterdir()) == []
    added = add_layer(permit, tmp_path, "temporary_land_permits", accept_rows_with_problems=True, now=NOW)
    told = read_meta(added.path)
    assert (told["rows"], told["rows_left_out"], told["checked"]) == ("1", "1", "2026-11-22T05:00:00+00:00")
    assert told["source_sha256"] == hashlib.sha256(permit.read_bytes()).hexdigest() == added.layer.sha256


def test_what_is_stored_is_indexed_in_degrees_and_says_what_the_source_said(permit, tmp_path):
    added = add_layer(
        permit, tmp_path, "temporary_land_permits", name="permits", status="simulated",
        classification=Classification.SENSITIVE, accept_rows_with_problems=True,
    )  # fmt: skip
    (layer,) = stored_layers(tmp_path)
    assert layer == added.layer
    assert (layer.name, layer.status, layer.classification) == ("permits", "simulated", Classification.SENSITIVE)
    ((feature, _),) = crossings(PATCH, [layer])
    assert feature.id == "临1号"
    assert feature.record.expires == dt.date(2023, 6, 14)
    assert feature.attributes["expires"] == "2023-06-14"
    assert feature.attributes["valid_to"] == "2023-06-14"
    assert feature.attributes["DQRQ"] == "2023.6.14"
    assert feature.attributes["source_row"] == "1"
    with sqlite3.connect(added.path) as connection:
        trees = connection.execute("select count(*) from sqlite_master where name like 'rtree_%_geom'").fetchone()
    connection.close()
    assert trees[0] == 1
    (again,) = open_layers(added.path)
    assert again.kind == "temporary_land_permits"


def test_a_name_is_not_taken_twice_unless_told(permit, tmp_path):
    options = {"name": "p", "accept_rows_with_problems": True}
    add_layer(permit, tmp_path, "temporary_land_permits", **options)
    with pytest.raises(AoiStoreError, match="stored already"):
        add_layer(permit, tmp_path, "temporary_land_permits", **options)
    add_layer(permit, tmp_path, "temporary_land_permits", overwrite=True, **options)
    with pytest.raises(AoiStoreError, match="is not a name"):
        add_layer(permit, tmp_path, "temporary_land_permits", name="../x")
    assert [row["name"] for row in stored_rows(tmp_path)] == ["p"]


def test_nothing_is_left_when_a_file_can_not_be_read(tmp_path):
    bad = tmp_path / "wetland.gpkg"
    bad.write_bytes(b"x")
    with pytest.raises(UnreadableVectorError):
        add_layer(bad, tmp_path, "wetland")
    assert not any((tmp_path / "layers").glob("*")) if (tmp_path / "layers").exists() else True


def test_a_kind_that_is_none_is_refused_with_those_that_there_are(permit):
    with pytest.raises(
        UnreadableVectorError, match=r"'nonsense' is not a kind of layer; kinds are .*temporary_land_permits"
    ):
        check_layer(permit, "nonsense")


def test_the_same_rows_in_other_batches_give_the_same_layer(permit, tmp_path, monkeypatch):
    whole = check_layer(permit, "temporary_land_permits").tally.as_json()
    monkeypatch.setattr("aoi.intake.read.BATCH", 1)
    assert check_layer(permit, "temporary_land_permits").tally.as_json() == whole
    added = add_layer(permit, tmp_path, "temporary_land_permits", accept_rows_with_problems=True)
    assert len(crossings(PATCH, [added.layer])) == 1


def test_columns_for_all_rows_and_an_assigned_crs_are_written_down(permit, tmp_path):
    reading = Reading(crs="EPSG:4326", fixed={"复垦期限": "2024-06-14"})
    added = add_layer(permit, tmp_path, "temporary_land_permits", reading=reading, accept_rows_with_problems=True)
    told = json.loads(read_meta(added.path)["reading"])
    assert told == {"crs": "EPSG:4326", "set": {"复垦期限": "2024-06-14"}}
    (feature,) = added.layer.features_in(PATCH)
    assert feature.record.reclaim_by == dt.date(2024, 6, 14)
    assert any("was assigned instead" in p.wrong_en for p in added.checked.tally.problems)


def test_the_hash_of_a_folder_changes_with_any_of_its_files(tmp_path):
    folder = tmp_path / "a.gdb"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    first = sha256_of(folder)
    (folder / "a").rename(folder / "b")
    assert sha256_of(folder) != first
