import datetime as dt
import json
import shutil
from dataclasses import replace

import pystac
import pytest
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import box

from imagery.archive import Archive
from imagery.errors import ArchiveError
from imagery.item import from_item, to_item


def test_adding_twice_changes_nothing(archive, band_folder):
    folder = band_folder()
    assert archive.add([folder]).added == ("s2_20250612",)
    before = {file: file.read_bytes() for file in archive.root.rglob("*.json")}
    again = archive.add([folder])
    assert (again.added, again.already, again.refused) == ((), ("s2_20250612",), ())
    assert {file: file.read_bytes() for file in archive.root.rglob("*.json")} == before


def test_the_same_id_with_other_pixels_is_refused(archive, band_folder, raster, noise):
    folder = band_folder()
    archive.add([folder])
    raster(folder / "B04.tif", noise(99))
    ((_, reason),) = archive.add([folder]).refused
    assert "other contents" in reason


def test_what_is_read_back_is_what_was_added(archive, band_folder):
    folder = band_folder(cloud_pct=12.5, baseline="05.11", product="S2A_X")
    archive.add([folder])
    (scene,) = Archive.open(archive.root).scenes()
    assert scene.assets["red"].href == str(folder / "B04.tif")
    assert len(scene.assets["red"].sha256) == 64
    assert (scene.cloud_pct, scene.baseline, scene.properties["product"]) == (12.5, "05.11", "S2A_X")
    again = from_item(to_item(scene).to_dict())
    assert again.geometry.equals(scene.geometry)
    assert replace(again, geometry=scene.geometry) == scene


def test_search_is_inclusive_at_both_ends_and_sorted(archive, band_folder):
    for index, date in enumerate(("2025-06-14", "2025-06-12", "2025-06-13", "2025-06-15")):
        archive.add([band_folder(f"s{index}", date)])
    here = archive.scenes()[0].geometry.centroid.buffer(0.001)
    found = archive.search(here, dt.date(2025, 6, 12), dt.date(2025, 6, 14))
    assert [str(scene.solar_day) for scene in found] == ["2025-06-12", "2025-06-13", "2025-06-14"]
    assert archive.search(here, dt.date(2025, 6, 16), dt.date(2026, 1, 1)) == ()
    assert archive.search(box(10, 10, 11, 11), dt.date(2025, 1, 1), dt.date(2026, 1, 1)) == ()


def test_search_goes_by_the_solar_day(archive, band_folder):
    """At 117° E the Sun is 7.8 h ahead of UTC: 20:00 UTC belongs to the next day."""
    archive.add([band_folder("s", datetime="2025-06-12T20:00:00Z")])
    (scene,) = archive.scenes()
    assert archive.search(scene.geometry, dt.date(2025, 6, 13), dt.date(2025, 6, 13))
    assert not archive.search(scene.geometry, dt.date(2025, 6, 12), dt.date(2025, 6, 12))


def test_it_is_a_valid_stac_catalog(archive, band_folder):
    archive.add([band_folder()])
    catalog = pystac.Catalog.from_file(str(archive.root / "catalog.json"))
    (item,) = catalog.get_items()
    assert item.assets["nir"].extra_fields["eo:bands"][0]["common_name"] == "nir"
    assert item.assets["nir"].extra_fields["raster:bands"][0]["scale"] == 1e-4
    assert item.assets["nir"].extra_fields["file:checksum"].startswith("1220")
    assert item.properties["proj:code"] == "EPSG:32650"
    version = item.to_dict()["stac_version"]
    assert version.startswith("1.")
    # the core's schema ships with pystac; those of the extensions live on the network
    JsonSchemaSTACValidator().validate_core(item.to_dict(), pystac.STACObjectType.ITEM, version)


def test_an_archive_with_its_own_images_can_be_moved(archive, band_folder, tmp_path):
    inside = archive.root / "images" / "s2"
    shutil.move(band_folder(), inside)
    archive.add([inside])
    moved = shutil.move(archive.root, tmp_path / "elsewhere")
    (scene,) = Archive.open(moved).scenes()
    assert scene.assets["red"].href == str(moved / "images" / "s2" / "B04.tif")


def test_what_is_no_archive_is_not_opened(tmp_path):
    with pytest.raises(ArchiveError, match="is not an archive"):
        Archive.open(tmp_path)
    (tmp_path / "catalog.json").write_text('{"id": "somebody else"}')
    with pytest.raises(ArchiveError, match="not one of ours"):
        Archive.create_or_open(tmp_path)


def test_a_damaged_item_is_named(archive, band_folder):
    archive.add([band_folder()])
    item = archive.root / "items" / "s2_20250612.json"
    content = json.loads(item.read_text())
    del content["assets"]["red"]["raster:bands"]
    item.write_text(json.dumps(content))
    with pytest.raises(ArchiveError, match="s2_20250612"):
        archive.scenes()
    item.write_text('{"half')
    with pytest.raises(ArchiveError, match=r"s2_20250612\.json"):
        archive.scenes()


def test_five_hundred_items_are_all_read(archive, band_folder):
    archive.add([band_folder()])
    (file,) = (archive.root / "items").glob("*.json")
    content = json.loads(file.read_text())
    for index in range(500):
        (file.parent / f"copy{index}.json").write_text(json.dumps({**content, "id": f"copy{index}"}))
    assert len(archive.scenes()) == 501
