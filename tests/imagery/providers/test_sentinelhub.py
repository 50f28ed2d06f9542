"""The Sentinel Hub provider with the real client against a server on loopback: what arrives, and how it is cut."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from odc.geo.geobox import GeoBox
from pydantic import ValidationError
from shapely.geometry import box

from aoi.grid import blocks_of, to_crs
from imagery.mosaic import Flag
from imagery.providers.provider import Provider
from imagery.providers.sh.settings import SentinelHubSettings
from imagery.providers.sh.tiles import HALO_PX, Lattice
from imagery.read import read_scene

DAY = dt.date(2025, 6, 12)
STAMP = "20250612T030531"
L2A = f"S2A_MSIL2A_{STAMP}_N0511_R075_T50UNV_20250612T061501"
OLD = f"S2A_MSIL2A_{STAMP}_N0213_R075_T50UNV_20250612T061501"
OLI = "LC09_L2SP_124026_20250612_20250613_02_T1"
GRD = "S1A_IW_GRDH_1SDV_20250612T220531_20250612T220556_059_0751_A1B2"


def ground(left: float = 502_000, bottom: float = 5_392_500, size_m: float = 2_000, epsg: int = 32650) -> Any:
    return to_crs(box(left, bottom, left + size_m, bottom + size_m), epsg, 4326)


def nothing() -> None:
    pass


def brought(provider: Provider, place: Any, day: dt.date = DAY) -> list[Any]:
    fetched = provider.fetch(provider.search(place, day, day), place, nothing)
    assert fetched.quarantined == ()
    assert fetched.scenes
    return list(fetched.scenes)


def pixels(scene: Any, name: str) -> tuple[np.ndarray, Any]:
    asset = scene.assets[name]
    with rasterio.open(asset.href) as source:
        return source.read(asset.index), source.transform


def original(product: Any, code: str, shape: tuple[int, int], affine: Any) -> np.ndarray:
    """What the acquisition has at the pixels of a file, 0 outside."""
    x, y = np.meshgrid(
        affine.c + (np.arange(shape[1]) + 0.5) * affine.a, affine.f + (np.arange(shape[0]) + 0.5) * affine.e
    )
    return product.sample(product.epsg, x, y)[0][code]


# --- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("collection", "name", "codes", "scale"),
    [
        ("sentinel-2-l2a", L2A, "blue=B02 nir=B08 rededge1=B05 swir16=B11 swir22=B12 scl=SCL", (1e-4, -0.1)),
        ("sentinel-2-l2a", OLD, "blue=B02 swir22=B12", (1e-4, 0.0)),
        ("sentinel-2-l2a", L2A + ".SAFE", "green=B03", (1e-4, -0.1)),
        ("landsat-ot-l2", OLI, "blue=B02 swir22=B07 qa_pixel=BQA", (2.75e-5, -0.2)),
        ("sentinel-1-grd", GRD, "vv=VV vh=VH", (1.0, 0.0)),
    ],
)  # fmt: skip
def test_every_pixel_is_the_original_one(hub, hub_archive, make_hub, collection, name, codes, scale) -> None:
    said = {"sar:instrument_mode": "IW", "s1:polarization": "DV", "s1:resolution": "HIGH"}
    product = hub_archive.synthetic(name, collection, said=said if collection == "sentinel-1-grd" else {})
    hub.products.append(product)
    for scene in brought(make_hub(collection=collection), ground()):
        for band, code in (pair.split("=") for pair in codes.split()):
            values, affine = pixels(scene, band)
            expected = original(product, code, values.shape, affine)
            assert values.any()
            np.testing.assert_array_equal(values, expected.astype(values.dtype))
        first = scene.assets[codes.partition("=")[0]]
        assert (first.scale, first.offset, first.nodata) == (*scale, 0.0)


def test_bands_of_20_m_are_stored_on_their_own_pixels(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic(L2A))
    (scene, *_) = brought(make_hub(), ground())
    for name, gsd_m in (("blue", 10), ("valid", 10), ("swir16", 20), ("scl", 20)):
        values, affine = pixels(scene, name)
        assert affine.a == -affine.e == gsd_m == scene.assets[name].gsd_m
        assert affine.c % gsd_m == affine.f % gsd_m == 0
        assert values.shape == ((256 + 2 * HALO_PX) * 10 // gsd_m,) * 2


def test_the_data_mask_is_the_acquisitions_own_and_ends_at_the_core(hub, hub_archive, make_hub) -> None:
    product = hub_archive.synthetic(L2A)
    hub.products.append(product)
    (*_, scene) = brought(make_hub(), ground(500_500, 5_398_500, 300))  # over the corner without data
    valid, affine = pixels(scene, "valid")
    seen = original(product, "B02", valid.shape, affine) != 0
    core = np.zeros(valid.shape, bool)
    core[HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] = True
    np.testing.assert_array_equal(valid, seen & core)
    assert 0 < valid.sum() < core.sum()


def test_the_same_mosaic_as_from_the_local_archive(hub, hub_archive, make_hub, steppe) -> None:
    (local, *_) = steppe.scenes()
    hub.products += [hub_archive.of_scene(scene) for scene in steppe.scenes()]
    remote = brought(make_hub(tile_px=512), local.geometry, local.solar_day)
    mine = [scene for scene in remote if scene.properties["product"] == local.id]
    assert len(mine) > 1
    block = next(block for block in blocks_of(local.geometry, 10, 40) if str(block.epsg) in local.properties["crs"])
    expected = read_scene(local, block.padded)
    data = np.full_like(expected.data, np.nan)
    flags = np.full_like(expected.flags, Flag.NODATA)
    seen = np.zeros(flags.shape, int)
    for scene in mine:
        part = read_scene(scene, block.padded)
        here = (part.flags & Flag.NODATA) == 0
        seen += here
        data[:, here], flags[here] = part.data[:, here], part.flags[here]
    assert seen.max() == 1  # no pixel has two tiles
    assert expected.observed.any()
    assert (expected.flags & Flag.CLOUD).any()
    missing = (expected.flags & Flag.NODATA) > 0
    assert not seen[missing].any()
    np.testing.assert_array_equal(flags[~missing], expected.flags[~missing])
    np.testing.assert_allclose(data, expected.data, atol=1e-6)


def test_unknown_baseline_is_harmonised_by_the_service_and_said(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic("S2_OF_SOME_ARCHIVE_20250612"))
    for scene in brought(make_hub(), ground()):
        assert (scene.assets["blue"].scale, scene.assets["blue"].offset, scene.baseline) == (1e-4, 0.0, "")
        assert "harmonised" in scene.properties["scaling"]
    assert all(body["input"]["data"][0]["processing"]["harmonizeValues"] is True for body in hub.bodies("process"))


def test_known_baseline_keeps_negative_reflectance_and_is_said(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic(L2A))
    scenes = brought(make_hub(), ground())
    assert {(scene.baseline, scene.properties["scaling"]) for scene in scenes} == {
        ("05.11", "Sentinel-2 L2A, baseline 05.11")
    }
    assert all(body["input"]["data"][0]["processing"]["harmonizeValues"] is False for body in hub.bodies("process"))
    mosaic = read_scene(
        scenes[0], GeoBox.from_bbox((502_000, 5_392_500, 504_000, 5_394_500), "EPSG:32650", resolution=10)
    )
    assert np.nanmin(mosaic.data) < -0.09


def test_what_would_be_negative_stays_observed_where_the_service_cuts_it(hub, hub_archive, make_hub) -> None:
    product = hub_archive.synthetic(L2A)
    # The service knows the baseline, the item's name does not say it: DN below 1000 come as 0, which is no "no data".
    hub.products.append(replace(product, id="S2_20250612_N0511_"))
    feature = hub.products[0].feature
    hub.products[0] = _renamed(hub.products[0], feature, "S2_20250612_N0511")
    values, _ = pixels(brought(make_hub(), ground())[0], "blue")
    assert (values == 1).mean() > 0.02


def _renamed(product: Any, feature: Any, name: str) -> Any:
    class Renamed(type(product)):  # type: ignore[misc]
        def feature(self) -> dict[str, Any]:
            return {**feature(), "id": "S2_20250612"}

    return Renamed(**{key: getattr(product, key) for key in product.__dataclass_fields__})


def test_l1c_gets_our_own_cloud_mask(hub, hub_archive, make_hub) -> None:
    product = hub_archive.synthetic(L2A.replace("MSIL2A", "MSIL1C"), "sentinel-2-l1c")
    hub.products.append(product)
    provider = make_hub(collection="sentinel-2-l1c")
    (scene, *_) = brought(provider, ground(size_m=100))
    assert scene.has_cloud_mask
    for band, code in {"red": "B04", "nir08": "B8A", "cirrus": "B10"}.items():
        values, affine = pixels(scene, band)
        np.testing.assert_array_equal(values, original(product, code, values.shape, affine))
    before = scene.assets["cloud_mask"].href
    assert brought(provider, ground(size_m=100))[0].assets["cloud_mask"].href == before


def test_radar_is_terrain_corrected_in_the_zone_of_its_ground(hub, hub_archive, make_hub) -> None:
    said = {"sar:instrument_mode": "IW", "s1:polarization": "DV", "s1:resolution": "HIGH"}
    wide = box(119.9, 48.6, 120.1, 48.7)
    hub.products.append(hub_archive.synthetic(GRD, "sentinel-1-grd", said=said, footprint=wide))
    hub.products.append(hub_archive.synthetic("S1A_EW_GRDM_OTHER_MODE", "sentinel-1-grd", footprint=wide))
    scenes = make_hub(collection="sentinel-1-grd", tile_px=2048).search(wide, DAY, DAY + dt.timedelta(1))
    assert {scene.properties["crs"] for scene in scenes} == {"EPSG:32650", "EPSG:32651"}  # 120° E runs through it
    assert {scene.properties["product"] for scene in scenes} == {GRD}
    assert (scenes[0].sensor, scenes[0].level) == ("sentinel-1", "GRD")


# --- which acquisition ------------------------------------------------------------------------------------------------


def test_products_of_the_same_second_are_never_mixed(hub, hub_archive, make_hub) -> None:
    """Reprocessed twins, and neighbours of one overpass: same time, other values, other offsets."""
    twins = [hub_archive.synthetic(OLD, seed=1), hub_archive.synthetic(L2A, seed=2)]
    hub.products += twins
    scenes = brought(make_hub(), ground())
    assert {scene.properties["product"] for scene in scenes} == {OLD, L2A}
    for scene in scenes:
        product = next(twin for twin in twins if twin.id == scene.properties["product"])
        values, affine = pixels(scene, "blue")
        np.testing.assert_array_equal(values, original(product, "B02", values.shape, affine))


def test_products_that_can_not_be_told_apart_are_quarantined(hub, hub_archive, make_hub) -> None:
    hub.products += [hub_archive.synthetic(OLD, seed=1), hub_archive.synthetic(L2A, seed=2)]
    hub.names_products = False
    provider = make_hub()
    fetched = provider.fetch(provider.search(ground(), DAY, DAY), ground(), nothing)
    assert fetched.scenes == ()
    assert all("does not say which is which" in one.reason for one in fetched.quarantined)


def test_one_product_of_a_second_needs_no_name(hub, hub_archive, make_hub) -> None:
    other = hub_archive.synthetic(OLD, time="2025-06-12T03:05:33+00:00", seed=1)
    hub.products += [hub_archive.synthetic(L2A, seed=2), other]
    hub.names_products = False
    assert brought(make_hub(), ground())


# --- how ground is cut ------------------------------------------------------------------------------------------------


def test_the_same_ground_makes_the_same_requests_wherever_the_area_lies(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic(L2A))
    provider = make_hub()
    for shift_m in (0, 137, 911):
        brought(provider, ground(502_000 + shift_m, 5_392_500 - shift_m))
    sent = [str(body) for body in hub.bodies("process")]
    assert len(sent) == len(set(sent))
    names = {scene.id for scene in provider.search(ground(), DAY, DAY)}
    assert names < {scene.id for scene in provider.search(ground(501_000, 5_391_000, 5_000), DAY, DAY)}


def test_tiles_share_no_ground_and_leave_none_out() -> None:
    lattice = Lattice(10, 300)
    place = ground(498_123, 5_391_077, 11_111)
    tiles = lattice.over(place, 32650)
    union = shapely.union_all([tile.footprint for tile in tiles])
    assert union.buffer(1e-7).covers(place)
    assert abs(union.area - sum(tile.footprint.area for tile in tiles)) < 1e-9
    assert all(lattice.tile(tile.name) == tile for tile in tiles)


@pytest.mark.parametrize(("gsd_m", "origin_m"), [(10, 0), (30, 15)])
def test_requests_lie_on_the_sensors_own_pixels(gsd_m: int, origin_m: int) -> None:
    (tile, *_) = Lattice(gsd_m, 256, origin_m).over(ground(), 32650)
    assert all((side - origin_m) % gsd_m == 0 for side in tile.bounds)
    assert max(tile.shape) <= 2400


def test_one_scene_for_each_acquisition_and_tile(hub, hub_archive, make_hub) -> None:
    hub.products += [hub_archive.synthetic(L2A), hub_archive.synthetic(OLD, time="2025-06-13T03:00:00+00:00")]
    scenes = make_hub().search(ground(), DAY, DAY + dt.timedelta(1))
    assert len(scenes) == len({scene.id for scene in scenes}) == 4
    assert [scene.datetime for scene in scenes] == sorted(scene.datetime for scene in scenes)
    assert all(scene.geometry.intersects(ground()) for scene in scenes)


# --- search -----------------------------------------------------------------------------------------------------------


def test_all_pages_are_read_and_other_solar_days_left_out(hub, hub_archive, make_hub) -> None:
    product = hub_archive.synthetic(L2A)
    start = dt.datetime(2025, 6, 12, 3, tzinfo=dt.UTC)
    for hour in range(250):
        hub.products.append(replace(product, id=f"{L2A}_{hour:03}", time=start + dt.timedelta(hours=hour)))
    provider = make_hub()
    scenes = provider.search(ground(size_m=100), DAY, DAY + dt.timedelta(days=20))
    assert len({scene.properties["product"] for scene in scenes}) == 250
    assert hub.asked("/api/v1/catalog/1.0.0/search") == 3
    # 117° E is 7.8 h ahead: the solar day begins at 16:12 UTC of the day before.
    scenes = provider.search(ground(size_m=100), DAY + dt.timedelta(1), DAY + dt.timedelta(1))
    assert {scene.solar_day for scene in scenes} == {DAY + dt.timedelta(1)}
    assert len({scene.properties["product"] for scene in scenes}) == 24


def test_cloudy_acquisitions_are_left_out_only_when_asked(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic(L2A, cloud_pct=93.9))
    (scene, *_) = make_hub().search(ground(), DAY, DAY)
    assert scene.cloud_pct == 93.9
    assert make_hub(max_cloud_pct=90).search(ground(), DAY, DAY) == ()


def test_a_year_over_hulunbuir_is_planned_in_seconds() -> None:
    """100 tiles × 70 dates; what is beside the network."""
    import time

    from imagery.providers.sh.catalog import Item, scenes_of
    from imagery.providers.sh.collections import COLLECTIONS

    collection = COLLECTIONS["sentinel-2-l2a"]
    boxes = [
        box(115.5 + 1.1 * (n % 10), 47.1 + 0.6 * (n // 10), 116.9 + 1.1 * (n % 10), 48.0 + 0.6 * (n // 10))
        for n in range(100)
    ]
    place = box(115.5, 47.1, 126.1, 53.3)
    start = time.process_time()
    count = 0
    for date in range(7):  # a tenth of the year, so that the test is short
        moment = dt.datetime(2025, 1, 1, 3, tzinfo=dt.UTC) + dt.timedelta(days=5 * date)
        for n, one in enumerate(boxes):
            item = Item(f"S2A_{date}_{n}", moment, one, 32651, 3.0)
            count += sum(1 for _ in scenes_of(item, place, collection, collection.lattice(2048), "cdse"))
    assert count > 15_000
    assert time.process_time() - start < 6


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"base_url": "http://sh.dataspace.copernicus.eu"},
        {"token_url": "http://10.0.0.1/token"},
        {"token_url": "https://user:word@example.org/token"},
        {"tile_px": 2500},
        {"collection": "sentinel-9"},
        {"client_secret": "no place for it"},
    ],
)
def test_settings_that_would_send_secrets_in_the_clear_or_be_refused(said) -> None:
    with pytest.raises(ValidationError):
        SentinelHubSettings(**said)


def test_the_server_of_these_tests_refuses_what_the_service_refuses(hub, hub_archive, make_hub) -> None:
    hub.products.append(hub_archive.synthetic(L2A))
    brought(make_hub(), ground())
    good = hub.bodies("process")[0]
    wide = {**good, "output": {**good["output"], "width": 2501}}
    strange = {**good, "input": {**good["input"], "data": [{**good["input"]["data"][0], "type": "sentinel-9"}]}}
    for bad in (wide, strange, {**good, "evalscript": ""}):
        with pytest.raises(hub.refusal):
            hub.process(bad)
    several = {
        **good,
        "output": {**good["output"], "responses": [*good["output"]["responses"], {"identifier": "userdata"}]},
    }
    assert hub.process(several).headers["Content-Type"] == "application/tar"
