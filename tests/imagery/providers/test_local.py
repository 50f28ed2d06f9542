import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import Point, box

from imagery.archive import Archive
from imagery.errors import ProviderError
from imagery.packed import inside
from imagery.providers.local import LocalProvider
from imagery.providers.provider import Provider

EVERYWHERE = box(-180, -80, 180, 84)
FIRST, LAST = dt.date(2025, 6, 12), dt.date(2025, 6, 14)


@pytest.fixture
def local(archive, band_folder) -> LocalProvider:
    for seed, day in enumerate(("2025-06-12", "2025-06-13", "2025-06-14")):
        band_folder(f"day{seed}", day, seed)
    archive.add([Path(band_folder("day0", "2025-06-12", 0)).parent])
    return LocalProvider.open(archive.root, "office")


def test_it_is_a_provider_that_finds_what_the_archive_finds(local):
    provider: Provider = local
    assert provider.name == "office"
    found = provider.search(EVERYWHERE, FIRST, LAST)
    assert [scene.id for scene in found] == ["day0_20250612", "day1_20250613", "day2_20250614"]
    assert provider.search(EVERYWHERE, LAST, LAST) == found[2:]
    assert provider.search(Point(0, 0).buffer(1), FIRST, LAST) == ()


def test_fetch_brings_nothing_and_counts_what_is_here(local):
    scenes = local.search(EVERYWHERE, FIRST, LAST)
    steps = []
    fetched = local.fetch(scenes[::-1], EVERYWHERE, lambda: steps.append(1))
    assert fetched.scenes == scenes[::-1]
    assert fetched.quarantined == ()
    assert fetched.bytes_fetched == 0
    sizes = {asset.href: Path(asset.href).stat().st_size for scene in scenes for asset in scene.assets.values()}
    assert fetched.bytes_cached == sum(sizes.values())
    assert len(steps) == 3


def test_a_scene_whose_file_is_gone_is_quarantined_by_name(local, tmp_path):
    scenes = local.search(EVERYWHERE, FIRST, LAST)
    (tmp_path / "day1" / "B04.tif").unlink()
    fetched = local.fetch(scenes, EVERYWHERE, lambda: None)
    assert [scene.id for scene in fetched.scenes] == ["day0_20250612", "day2_20250614"]
    assert [one.scene_id for one in fetched.quarantined] == ["day1_20250613"]
    assert "B04.tif is gone" in fetched.quarantined[0].reason


def test_a_scene_inside_a_zip_is_here_when_the_zip_is(local, tmp_path):
    (scene, *_) = local.search(EVERYWHERE, FIRST, FIRST)
    packed = tmp_path / "S2A.SAFE.zip"
    packed.write_bytes(b"PK")
    inside_it = {
        name: replace(asset, href=str(inside(packed, Path(asset.href).name))) for name, asset in scene.assets.items()
    }
    scene = replace(scene, assets=inside_it)
    assert local.fetch([scene], EVERYWHERE, lambda: None).bytes_cached == 2
    packed.unlink()
    (gone,) = local.fetch([scene], EVERYWHERE, lambda: None).quarantined
    assert "S2A.SAFE.zip is gone" in gone.reason


def test_no_archive_is_a_providers_error(tmp_path):
    with pytest.raises(ProviderError, match="weixun archive add"):
        LocalProvider.open(tmp_path / "none")


def test_a_damaged_item_is_a_providers_error(local):
    next((local.archive.root / "items").glob("*.json")).write_text("{")
    with pytest.raises(ProviderError, match="damaged"):
        local.search(EVERYWHERE, FIRST, LAST)


def test_the_archive_may_be_opened_by_hand(local):
    assert LocalProvider(Archive.open(local.archive.root)).name == "local"
