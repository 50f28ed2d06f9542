"""Fetching from a STAC service on loopback: the same pixels as the local archive has, or a reason why not."""

import copy
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box, mapping
from stac_asked import FIRST, LAST, LIMITS, S2, brought

from imagery.compose import read_before, read_day
from imagery.errors import ProviderError
from imagery.providers.local import LocalProvider
from imagery.read import read_scene


def grid(scene, step=10.0, size=180, inset=217.0) -> GeoBox:
    """A grid that falls on no pixel of the scene's."""
    with rasterio.open(scene.assets["blue"].href) as dataset:
        left, top = dataset.bounds.left + inset, dataset.bounds.top - inset
        return GeoBox((size, size), Affine(step, 0, left, 0, -step, top), dataset.crs.to_wkt())


def assert_same(one, other):
    np.testing.assert_array_equal(one.data, other.data)
    np.testing.assert_array_equal(one.flags, other.flags)
    np.testing.assert_array_equal(one.source, other.source)
    assert (one.scenes, one.dates, one.bands) == (other.scenes, other.dates, other.bands)


# --- one archive, several ways ---------------------------------------------------------------------------------------


def test_the_same_mosaics_whichever_way_the_archive_is_served(served, steppe, open_provider, ground):
    local, remote = LocalProvider(steppe), open_provider()
    mosaics = {}
    for provider in (local, remote):
        scenes = provider.search(ground, FIRST, LAST)
        steps: list[int] = []
        fetched = provider.fetch(scenes, ground, lambda steps=steps: steps.append(1))
        assert [scene.id for scene in fetched.scenes] == [scene.id for scene in steppe.scenes()]
        assert fetched.quarantined == ()
        assert len(steps) == 3
        asked = len(served.requests)
        where = grid(steppe.scenes()[0])
        before, failures = read_before(fetched.scenes[:2], where)
        after, more = read_day(fetched.scenes[2:], where)
        assert failures == more == ()
        assert len(served.requests) == asked  # all of it came with the fetch
        mosaics[provider.name] = before, after
    for one, other in zip(mosaics["local"], mosaics["loopback"], strict=True):
        assert_same(one, other)
    before, after = mosaics["local"]
    assert before.observed.mean() > 0.3
    assert (after.flags > 0).any()
    assert len(before.scenes) == 2  # or the masks were for nothing


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")  # odc-geo's
def test_the_same_pixels_as_odc_stac(served, steppe, open_provider, ground):
    import odc.stac
    import pystac

    scenes, _ = brought(open_provider(), ground)
    items = [pystac.Item.from_dict(item) for item in served.items[:2]]
    with rasterio.open(steppe.scenes()[0].assets["blue"].href) as dataset:
        a, _, left, _, e, top = dataset.transform[:6]
        crs = dataset.crs.to_wkt()
    for step, names in ((1, ("blue", "green", "red", "nir")), (2, ("swir16", "swir22"))):
        where = GeoBox((90, 100), Affine(a * step, 0, left + 400, 0, e * step, top - 400), crs)
        loaded = odc.stac.load(items, bands=names, geobox=where, resampling="nearest", groupby="id", chunks={})
        for position, item in enumerate(items):
            found = read_scene(scenes[item.id], where, names)
            for name, band in zip(names, found.data, strict=True):
                raster = item.assets[name].extra_fields["raster:bands"][0]
                theirs = loaded[name].isel(time=position).to_numpy() * raster["scale"] + raster["offset"]
                seen = np.isfinite(band)
                assert seen.mean() > 0.3
                np.testing.assert_allclose(band[seen], theirs[seen], atol=1e-6)


# --- what is fetched, and how often ----------------------------------------------------------------------------------


def test_what_is_here_is_not_fetched_again(served, open_provider, ground):
    one = open_provider()
    scenes = one.search(ground, FIRST, LAST)
    first = one.fetch(scenes, ground, lambda: None)
    assert first.bytes_fetched > 300_000
    asked = served.asked("/files/")
    again = open_provider().fetch(scenes, ground, lambda: None)  # another process, in effect
    assert again.scenes == first.scenes
    assert again.bytes_fetched == 0
    assert again.bytes_cached >= first.bytes_fetched
    assert served.asked("/files/") == asked


@pytest.fixture
def large(stac, tmp_path):
    """One scene of four files of 7 MB that hardly compress."""
    rng = np.random.default_rng(1)
    file = tmp_path / "large.tif"
    profile = {
        "driver": "GTiff", "width": 2048, "height": 2048, "count": 1, "dtype": "uint16", "crs": "EPSG:32650",
        "transform": Affine(10, 0, 500_000, 0, -10, 5_440_000), "tiled": True, "blockxsize": 256, "blockysize": 256,
        "compress": "deflate", "nodata": 0,
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as target:
        target.write(rng.integers(4, 4000, (1, 2048, 2048)).astype(np.uint16))
    footprint = box(117.0, 48.94, 117.28, 49.11)
    keys = ("blue", "green", "red", "nir")
    for key in keys:
        stac.files[f"large/{key}.tif"] = file
    stac.items.append({
        "type": "Feature", "stac_version": "1.0.0", "id": "large", "collection": S2, "links": [],
        "geometry": mapping(footprint), "bbox": list(footprint.bounds),
        "properties": {"datetime": "2024-07-05T02:41:24Z", "s2:processing_baseline": "05.10"},
        "assets": {key: {"href": stac.href(f"large/{key}.tif")} for key in keys},
    })  # fmt: skip
    return file


def test_only_the_pieces_over_the_ground_are_fetched(stac, large, open_provider):
    ground = box(117.10, 49.02, 117.12, 49.035)
    provider = open_provider()
    fetched = provider.fetch(provider.search(ground, FIRST, LAST), ground, lambda: None)
    size = large.stat().st_size * 4
    assert len(fetched.scenes) == 1
    assert 0 < fetched.bytes_fetched < size / 2
    asked = len(stac.requests)
    where = GeoBox((150, 140), Affine(10, 0, 507_330, 0, -10, 5_431_000), "EPSG:32650")
    found = read_scene(fetched.scenes[0], where, ("red",))
    assert np.isfinite(found.data).all()
    assert len(stac.requests) == asked


def test_a_byte_budget_ends_the_run_and_the_next_goes_on(stac, large, open_provider):
    ground = box(117.0, 48.94, 117.28, 49.11)
    provider = open_provider(replace(LIMITS, budget_bytes=6_000_000))
    scenes = provider.search(ground, FIRST, LAST)
    with pytest.raises(ProviderError, match="budget of 6,000,000 bytes"):
        provider.fetch(scenes, ground, lambda: None)
    size = large.stat().st_size * 4
    assert stac.bytes_sent < size / 2
    again = open_provider().fetch(scenes, ground, lambda: None)
    assert len(again.scenes) == 1
    assert again.bytes_fetched < size - 3_000_000  # what came is kept


# --- scenes that can not be had --------------------------------------------------------------------------------------


def _spoil(served, name, key, content=None, **fields):
    """Change one file of a scene, or what its item says of it."""
    item = next(item for item in served.items if item["id"] == name)
    item["assets"][key] |= fields
    path = item["assets"][key]["href"].partition("/files/")[2]
    if content is not None:
        served.files[path] = content(Path(served.files[path]).read_bytes())
    return path


def test_a_bad_scene_is_quarantined_with_its_reason_and_the_others_arrive(served, steppe, open_provider, ground):
    one, two, three = (scene.id for scene in steppe.scenes())
    _spoil(served, one, "red", lambda content: content[: len(content) // 2])
    _spoil(served, two, "nir", lambda content: b"<!DOCTYPE html><html>login</html>")
    here, gone = brought(open_provider(), ground)
    assert list(here) == [three]
    assert set(gone) == {one, two}
    assert "cut short" in gone[one]
    assert "instead of the data" in gone[two]
    assert all(name in reason for name, reason in gone.items())


SPOILT = {
    "cut, size not said": (lambda content: content[: len(content) // 2], {"file:size": None}, "truncated"),
    "empty": (lambda content: b"", {}, "nothing"),
    "damaged": (
        lambda content: content[: len(content) // 2] + bytes(4096) + content[len(content) // 2 + 4096 :], {},
        "damaged",
    ),
    "of another kind": (lambda content: b"PK\x03\x04" + content[4:], {}, "not TIFF"),
    "wrong sha256": (None, {"file:checksum": "1220" + "0" * 64}, "wrong checksum"),
    "wrong sha3": (None, {"file:checksum": "1620" + "0" * 64}, "sha3_256 checksum"),
    "gone": (None, {"href": "http://127.0.0.1:9/gone.tif"}, "can not be reached"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_files_that_are_not_what_they_should_be(served, steppe, open_provider, ground, kind):
    content, fields, reason = SPOILT[kind]
    bad = steppe.scenes()[0].id
    _spoil(served, bad, "red", content, **fields)
    here, gone = brought(open_provider(), ground)
    assert list(gone) == [bad]
    assert len(here) == 2
    assert re.search(reason, gone[bad])


def test_an_offset_that_the_pixels_have_lost_already_is_found_out(served, steppe, open_provider, ground):
    for item, applied in zip(served.items, (False, True, None), strict=True):
        item["properties"]["earthsearch:boa_offset_applied"] = applied
        for asset in item["assets"].values():
            asset["raster:bands"] = [{"scale": 1e-4, "offset": -0.1}]  # as Earth Search has it in any case
    here, gone = brought(open_provider(), ground)
    bad, good, plain = (scene.id for scene in steppe.scenes())
    assert list(gone) == [bad]
    assert "have lost them already" in gone[bad]
    assert here[good].assets["red"].offset == 0
    assert here[plain].assets["red"].offset == -0.1


def test_an_offset_that_is_still_there_is_taken_off(stac, large, open_provider):
    stac.items[0]["properties"]["earthsearch:boa_offset_applied"] = False
    with rasterio.open(large, "r+") as target:
        target.write(target.read() + np.uint16(1000))
    ground = box(117.10, 49.02, 117.12, 49.035)
    here, gone = brought(open_provider(), ground)
    assert gone == {}
    assert here["large"].assets["red"].offset == -0.1


def test_404_is_told(served, steppe, open_provider, ground):
    bad = steppe.scenes()[1].id
    del served.files[_spoil(served, bad, "blue")]
    _, gone = brought(open_provider(), ground)
    assert "does not exist (404)" in gone[bad]


def test_a_file_with_a_checksum_is_fetched_whole_and_verified(served, steppe, open_provider, ground, tmp_path):
    scene = steppe.scenes()[0]
    for key, prefix, algorithm in (("red", "1220", "sha256"), ("nir", "1620", "sha3_256")):
        digest = hashlib.new(algorithm, Path(scene.assets[key].href).read_bytes()).hexdigest()
        _spoil(served, scene.id, key, **{"file:checksum": prefix + digest})
    here, gone = brought(open_provider(), ground)
    assert gone == {}
    for key in ("red", "nir"):
        file = Path(here[scene.id].assets[key].href)
        assert file.is_relative_to(tmp_path / "cache")
        assert file.read_bytes() == Path(scene.assets[key].href).read_bytes()
    assert here[scene.id].assets["blue"].href.startswith("http://127.0.0.1:")


def test_storage_that_lets_us_have_nothing_is_one_error(served, stac_module, open_provider, ground):
    served.faults.append(stac_module.Fault("403", "/files/", times=100_000))
    provider = open_provider()
    scenes = provider.search(ground, FIRST, LAST)
    with pytest.raises(ProviderError, match="lets us have nothing"):
        provider.fetch(scenes, ground, lambda: None)


@pytest.mark.parametrize("where", ["on the way", "in the cache"])
def test_a_piece_that_was_damaged_once_is_fetched_again(served, stac_module, steppe, open_provider, ground, where):
    bad = steppe.scenes()[0].id
    path = _spoil(served, bad, "red")
    whole = served.files[path]
    if where == "on the way":
        served.faults.append(stac_module.Fault("garbled", f"{re.escape(path)}$"))
        here, gone = brought(open_provider(), ground)
    else:
        _spoil(served, bad, "red", SPOILT["damaged"][0])
        assert list(brought(open_provider(), ground)[1]) == [bad]
        served.files[path] = whole  # mended at its source
        here, gone = brought(open_provider(), ground)
    assert gone == {}
    sent = steppe.scenes()[0]
    found, sent = (read_scene(scene, grid(sent)) for scene in (here[bad], sent))
    np.testing.assert_array_equal(found.data, sent.data)


PASSING = ("429 seconds", "429 date", "500", "502", "503", "html", "cut", "drip", "empty")


def _many(served, steppe, count):
    """So many scenes, each with files of its own: those of the simulated ones over and over."""
    items, files = served.items, dict(served.files)
    served.items, served.files, origin = [], {}, {}
    for number in range(count):
        item = copy.deepcopy(items[number % len(items)])
        origin[f"{number:03d}"] = item["id"]
        item["id"] = f"{number:03d}"
        item["properties"]["grid:code"] = f"MGRS-{number}"
        for asset in item["assets"].values():
            path = asset["href"].partition("/files/")[2]
            served.files[f"{number}/{path}"] = files[path]
            asset["href"] = served.href(f"{number}/{path}")
        served.items.append(item)
    scenes = {scene.id: scene for scene in steppe.scenes()}
    return {name: scenes[old] for name, old in origin.items()}


def _storm(served, steppe, provider, ground, count):
    """Fetch many scenes while a fifth of the answers are spoilt; what arrived must be as it was sent."""
    origin = _many(served, steppe, count)
    served.rate = 0.2
    here, gone = brought(provider, ground)
    served.rate = 0.0
    assert sorted([*here, *gone]) == sorted(origin)  # each once
    asked = len(served.requests)
    where = grid(steppe.scenes()[0], size=60)
    for name, scene in here.items():
        found, sent = read_scene(scene, where), read_scene(origin[name], where)
        np.testing.assert_array_equal(found.data, sent.data)
        np.testing.assert_array_equal(found.flags, sent.flags)
    assert len(served.requests) == asked
    return here, gone


def test_passing_faults_of_the_storage_leave_no_trace(served, steppe, open_provider, ground):
    served.kinds = PASSING
    provider = open_provider(replace(LIMITS, attempts=10))
    _, gone = _storm(served, steppe, provider, ground, 9)
    assert gone == {}
    assert sum(served.counts.values()) > 8


@pytest.mark.slow
def test_a_thousand_requests_of_which_a_fifth_is_faulty(served, steppe, open_provider, ground):
    served.kinds = (*PASSING, "garbled")
    provider = open_provider(replace(LIMITS, attempts=10, concurrency=8))
    here, gone = _storm(served, steppe, provider, ground, 150)
    assert served.asked("/files/") > 1_000
    assert set(served.counts) == set(served.kinds)
    assert len(here) > 60
    assert all("damaged" in reason for reason in gone.values())
