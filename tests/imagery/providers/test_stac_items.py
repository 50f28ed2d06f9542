"""What is made of items: scenes with the right bands, scale and offset, or a reason why not."""

import copy
import datetime as dt

import pytest
from shapely.geometry import box, mapping

from imagery.providers.stac_bring import Checksum
from imagery.providers.stac_item import Trust, UnusableItemError, kept
from imagery.providers.stac_newest import newest
from imagery.providers.stac_scene import to_scene

TRUST = Trust("https://stac.example.org/v1")
S2 = "sentinel-2-l2a"


def item(assets, collection=S2, name="S2A_50UQV_20240705_0_L2A", **properties):
    footprint = box(119, 49, 120, 50)
    return {
        "type": "Feature", "id": name, "collection": collection, "geometry": mapping(footprint),
        "properties": {"datetime": "2024-07-05T02:41:24.024Z", "platform": "sentinel-2a", **properties},
        "assets": assets,
    }  # fmt: skip


def assets(*keys, **fields):
    return {key: {"href": f"https://data.example.org/{key}.tif", **copy.deepcopy(fields)} for key in keys}


def scene(content, trust=TRUST, **more):
    return to_scene(kept(content, trust, content["collection"]), **more)


EARTH = ("blue", "green", "red", "nir", "swir16", "swir22", "scl", "aot", "rededge1")
PLANETARY = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL", "AOT", "visual")
CDSE = ("B02_10m", "B02_20m", "B03_10m", "B04_10m", "B08_10m", "B11_20m", "B12_20m", "SCL_20m", "AOT_10m")
SIX = ["blue", "green", "red", "nir", "swir16", "swir22"]


@pytest.mark.parametrize("keys", [EARTH, PLANETARY, CDSE])
def test_sentinel_2_by_whatever_keys_a_service_has(keys):
    found = scene(item(assets(*keys), **{"s2:processing_baseline": "05.09"}))
    assert sorted(found.assets) == sorted([*SIX, "scl"])
    assert found.sensor == "sentinel-2"
    assert found.level == "L2A"
    assert found.assets["blue"].href.endswith(f"/{keys[0]}.tif")
    assert [found.assets[name].gsd_m for name in ("blue", "swir16", "scl")] == [10, 20, 20]


@pytest.mark.parametrize(
    ("said", "raster", "offset"),
    [
        ({"s2:processing_baseline": "05.09"}, {}, -0.1),  # Planetary Computer
        ({"s2:processing_baseline": "03.01"}, {}, 0.0),
        ({"s2:processing_baseline": "04.00"}, {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]}, -0.1),
        # Earth Search states an offset that it has taken off already (earth-search issues 9, 66)
        (
            {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": True},
            {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]},
            0.0,
        ),
        # and one for products that never had any
        (
            {"s2:processing_baseline": "02.14", "earthsearch:boa_offset_applied": False},
            {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]},
            0.0,
        ),
        ({"s2:processing_baseline": "05.10"}, {"raster:bands": [{"scale": 1e-4, "offset": 0.0}]}, 0.0),
        ({"processing:version": "05.11"}, {"raster:scale": 1e-4, "raster:offset": -0.1}, -0.1),  # CDSE, STAC 1.1
        ({"s2:processing_baseline": "05.11"}, {"bands": [{"raster:scale": 1e-4, "raster:offset": -0.2}]}, -0.2),
        ({}, {"raster:bands": [{"offset": 0}]}, 0.0),
    ],
)
def test_the_offset_of_sentinel_2(said, raster, offset):
    found = scene(item(assets(*EARTH, **raster), **said))
    assert found.assets["red"].offset == offset
    assert found.assets["red"].scale == 1e-4
    assert found.assets["red"].nodata == 0
    assert (found.assets["scl"].scale, found.assets["scl"].offset, found.assets["scl"].nodata) == (1, 0, None)


def test_neither_baseline_nor_offset_is_no_guess():
    with pytest.raises(UnusableItemError, match="neither its processing baseline nor its offset"):
        scene(item(assets(*EARTH)))


def test_landsat_collection_2():
    keys = ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat", "lwir11")
    found = scene(item(assets(*keys), "landsat-c2-l2", "LC09_L2SP_124026_20240705_02_T1", platform="landsat-9"))
    assert sorted(found.assets) == sorted([*SIX, "qa_pixel", "qa_radsat"])
    assert found.assets["nir"].href.endswith("nir08.tif")
    assert (found.assets["nir"].scale, found.assets["nir"].offset) == (2.75e-5, -0.2)
    assert (found.sensor, found.level, found.gsd_m) == ("landsat-9", "SR", 30)


@pytest.mark.parametrize(
    ("collection", "keys", "nir"),
    [
        ("hls2-s30", ("B02", "B03", "B04", "B8A", "B08", "B11", "B12", "Fmask"), "B8A"),
        ("HLSL30.v2.0", ("B02", "B03", "B04", "B05", "B06", "B07", "Fmask"), "B05"),
        ("HLSL30_2.0", ("B02", "B03", "B04", "B05", "B06", "B07", "Fmask"), "B05"),
    ],
)
def test_hls(collection, keys, nir):
    found = scene(item(assets(*keys), collection, "HLS.T50UQV.2024187T024124.v2.0"))
    assert sorted(found.assets) == sorted([*SIX, "fmask"])
    assert found.assets["nir"].href.endswith(f"/{nir}.tif")
    assert (found.assets["red"].scale, found.assets["red"].nodata, found.gsd_m) == (1e-4, -9999, 30)
    assert found.has_cloud_mask


def test_radar_when_it_is_wanted():
    found = scene(
        item(assets("vv", "vh"), "sentinel-1-rtc", "S1A_IW_GRDH_rtc", platform="SENTINEL-1A"), wanted=("vv", "vh")
    )
    assert sorted(found.assets) == ["vh", "vv"]
    assert (found.level, found.assets["vv"].nodata) == ("RTC", -32768)
    assert found.properties["backscatter"] == "linear"
    with pytest.raises(UnusableItemError, match="0 of the bands blue"):
        scene(item(assets("vv", "vh"), "sentinel-1-rtc", "S1A_IW_GRDH_rtc"))


def test_what_the_item_states_wins_over_the_table():
    keys = ("blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel")
    raster = {"raster:bands": [{"scale": 1e-4, "offset": 0.5, "nodata": -1, "spatial_resolution": 60}]}
    found = scene(item(assets(*keys, **raster), "landsat-c2-l2", "LC09", platform="landsat-9"))
    one = found.assets["red"]
    assert (one.scale, one.offset, one.nodata, one.gsd_m) == (1e-4, 0.5, -1, 60)
    # STAC 1.1 puts it on the asset
    raster = {"raster:scale": 2e-4, "raster:offset": 0.25, "nodata": 7, "gsd": 20}
    one = scene(item(assets(*keys, **raster), "landsat-c2-l2", "LC09", platform="landsat-9")).assets["red"]
    assert (one.scale, one.offset, one.nodata, one.gsd_m) == (2e-4, 0.25, 7, 20)


def test_an_unknown_collection_speaks_for_itself_or_is_refused():
    said = {"raster:bands": [{"scale": 1e-3, "offset": 0.01}]}
    good = {
        key: {"href": f"https://data.example.org/{key}.tif", "eo:bands": [{"common_name": name}], **said}
        for key, name in (("b1", "blue"), ("b2", "green"), ("b3", "red"))
    }
    found = scene(item(good, "swissimage", "X1", **{"processing:level": "SR"}))
    assert sorted(found.assets) == ["blue", "green", "red"]
    assert (found.assets["red"].scale, found.assets["red"].offset) == (1e-3, 0.01)
    for wrong in ({}, {"processing:level": "SR"}):
        content = item(good if not wrong else assets("b1", "b2"), "swissimage", "X1", **wrong)
        content["assets"] |= assets("blue")
        with pytest.raises(UnusableItemError, match="swissimage is not known here"):
            scene(content)


def test_a_baseline_is_written_in_one_way():
    for said, baseline in (("5.1", "05.10"), ("05.09", "05.09"), ("LaSRC_1.5", "")):
        found = scene(item(assets(*EARTH, **{"raster:bands": [{"offset": 0}]}), **{"s2:processing_baseline": said}))
        assert found.baseline == baseline


# --- what is refused -------------------------------------------------------------------------------------------------

HOSTILE = [
    "file:///etc/passwd", "/etc/passwd", "../../secret.tif", "ftp://data.example.org/a.tif", "gs://bucket/a.tif",
    "https://data.example.org/../../etc/passwd", "https://data.example.org/%2e%2e/a.tif",
    "https://data.example.org/%252e%252e/a.tif", "https://data.example.org/x/..%5ca.tif",
    "http://data.example.org/a.tif", "https://user:pass@data.example.org/a.tif",
    "http://127.0.0.1/a.tif", "https://127.0.0.1/a.tif", "https://[::1]/a.tif", "https://localhost/a.tif",
    "https://169.254.169.254/latest", "https://10.0.0.5/a.tif", "https://192.168.1.1/a.tif", "https://intranet/a.tif",
    "https://2130706433/a.tif", "https://0x7f.1/a.tif", "https://127.1/a.tif", "https://nas.local/a.tif",
    "https://data.example.org/a.tif?sig=abc&se=2024", "https://data.example.org/a.tif?X-Amz-Signature=0",
    "https://data.example.org/a b.tif", "https://data.example.org/a\n.tif", "s3://../etc/passwd", "s3://a/b.tif",
    "https://", "", "https://data.example.org:99999/a.tif", "https://data.example.org/" + "a" * 3000,
    "/vsicurl/https://data.example.org/a.tif", "data:image/tiff;base64,AAAA", "\\\\server\\share\\a.tif",
]  # fmt: skip


@pytest.mark.parametrize("href", HOSTILE)
def test_hrefs_that_a_service_has_no_business_naming(href):
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["assets"]["red"]["href"] = href
    if href.startswith("/") or href == "":  # a path on the service itself: harmless, and never a local file
        assert scene(content).assets["red"].href.startswith("https://stac.example.org/")
        return
    with pytest.raises(UnusableItemError, match="asset red"):
        scene(content)


def test_what_nobody_fetches_may_lie_anywhere():
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["assets"]["thumbnail"] = {"href": "file:///etc/passwd"}
    assert "thumbnail" not in scene(content).assets


def test_a_service_of_this_network_may_name_its_own():
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["assets"]["red"]["href"] = "http://127.0.0.1:8000/red.tif"
    assert scene(content, Trust("http://127.0.0.1:9000/v1")).assets["red"].href == "http://127.0.0.1:8000/red.tif"


def test_hosts_and_buckets_can_be_listed():
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["assets"]["red"]["href"] = "s3://sentinel-cogs/a.tif"
    trust = Trust(TRUST.api, (".example.org", "sentinel-cogs"))
    assert scene(content, trust).assets["red"].href == "s3://sentinel-cogs/a.tif"
    content["assets"]["red"]["href"] = "https://data.example.com/a.tif"
    with pytest.raises(UnusableItemError, match="not among the hosts"):
        scene(content, trust)


def test_signatures_in_hrefs_are_dropped_where_we_sign_ourselves():
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["assets"]["red"]["href"] = "https://data.example.org/a.tif?se=2024&sig=planted-secret&v=2"
    found = scene(content, Trust(TRUST.api, signs=True))
    assert found.assets["red"].href == "https://data.example.org/a.tif?v=2"
    with pytest.raises(UnusableItemError) as refusal:
        scene(content)
    assert "planted-secret" not in str(refusal.value)


def test_relative_hrefs_are_of_the_item_itself():
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    content["links"] = [{"rel": "self", "href": "https://stac.example.org/v1/collections/c/items/i"}]
    content["assets"]["red"]["href"] = "./red.tif"
    assert scene(content).assets["red"].href == "https://stac.example.org/v1/collections/c/items/red.tif"


def _without(key):
    return lambda content: content.pop(key)


def _with(**fields):
    return lambda content: content.update(fields)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_without("geometry"), "no footprint"),
        (_with(geometry=None), "no footprint"),
        (_with(geometry={"type": "Point", "coordinates": [1, 2]}), "no footprint"),
        (_with(geometry={"type": "Polygon", "coordinates": "x"}), "no polygon|no place"),
        (_with(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}), "no polygon|no place"),
        (_with(geometry={"type": "Polygon"}), "no polygon"),
        (_with(geometry=mapping(box(500, 49, 501, 50))), "no place on earth"),
        (_with(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, float("nan")], [1, 1], [0, 0]]]}), "no p"),
        (_with(properties={"datetime": None}), "no datetime"),
        (_with(properties={"datetime": "yesterday"}), "no datetime"),
        (_with(properties=None), "no STAC item"),
        (_with(id="../../evil"), "its id"),
        (_with(id=7), "its id"),
        (_with(id="a" * 300), "its id"),
        (_with(assets={}), "no assets"),
        (_with(assets={"red": {"href": 5}}), "no href"),
        (_with(collection="sentinel-2-l1c"), "another collection"),
        (lambda content: content["properties"].update({"eo:cloud_cover": float("nan")}), "no numbers"),
        (lambda content: content["assets"]["red"].update({"bands": [{"note": "x" * 300_000}]}), "larger than"),
        (lambda content: content["assets"]["red"].update({"bands": [{"scale": 0, "offset": 0}]}), "scale of zero"),
    ],
)  # fmt: skip
def test_items_that_are_no_scene(spoil, reason):
    content = item(assets(*EARTH), **{"s2:processing_baseline": "05.09"})
    spoil(content)
    with pytest.raises(UnusableItemError, match=reason):
        to_scene(kept(content, TRUST, S2))


@pytest.mark.parametrize("nonsense", [None, [], "item", 5, {"id": "x"}])
def test_nonsense_is_no_item(nonsense):
    with pytest.raises(UnusableItemError):
        kept(nonsense, TRUST, S2)


# --- of several processings, the newest ------------------------------------------------------------------------------


def one(name, when="2024-07-05T02:41:24Z", baseline="05.09", tile="50UQV", west=119.0, **more):
    content = item(assets(*EARTH), name=name, **{
        "datetime": when, "s2:processing_baseline": baseline, "grid:code": f"MGRS-{tile}", **more
    })  # fmt: skip
    content["geometry"] = mapping(box(west, 49, west + 1, 50))
    return kept(content, TRUST, S2)


def names(*items):
    return [item.id for item in newest(items)]


def test_the_newest_processing_wins_in_whatever_order():
    old, new = one("N0400", baseline="04.00"), one("N0510", baseline="05.10", when="2024-07-05T02:41:25.5Z")
    assert names(old, new) == names(new, old) == ["N0510"]
    first = one("a", **{"s2:generation_time": "2024-07-05T08:00:00Z"})
    later = one("b", **{"s2:generation_time": "2024-07-06T08:00:00Z"})
    assert names(first, later) == names(later, first) == ["b"]
    assert names(one("a", updated="2024-07-05T00:00:00Z"), one("b", updated="2024-07-04T00:00:00Z")) == ["a"]


def test_what_is_not_the_same_acquisition_stays():
    base = one("a")
    assert names(base, one("b", tile="50UQU")) == ["a", "b"]  # a neighbour's overlap
    assert names(base, one("b", when="2024-07-05T02:55:24Z")) == ["a", "b"]
    assert names(base, one("b", platform="sentinel-2b")) == ["a", "b"]
    assert names(base, one("b", west=119.4)) == ["a", "b"]  # the two parts of a tile that a datastrip ends in
    around_midnight = one("c", when="2024-07-05T23:59:58Z"), one("d", when="2024-07-06T00:00:01Z", baseline="05.10")
    assert names(*around_midnight) == ["d"]


def test_nothing_says_what_it_is_of():
    lone = [kept(item(assets(*EARTH), name=name), TRUST, S2) for name in ("a", "b")]
    assert names(*lone) == ["a", "b"]


def test_many_are_told_apart_quickly():
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    many = [one(f"s{n}", when=(start + dt.timedelta(hours=5 * n)).isoformat()) for n in range(300)]
    assert len(newest(many)) == 300


# --- checksums -------------------------------------------------------------------------------------------------------


def test_multihashes_are_read(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    known = {
        "1220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad": "sha256",
        "16203a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532": "sha3_256",  # as CDSE writes them
        "1114a9993e364706816aba3e25717850c26c9cd0d89d": "sha1",
        "d50110900150983cd24fb0d6963f7d28e17f72": "md5",
    }
    for said, algorithm in known.items():
        checksum = Checksum.read(said.upper())
        assert checksum is not None
        assert checksum.algorithm == algorithm
        assert checksum.fits(file)
        assert not Checksum(algorithm, "0" * len(checksum.digest)).fits(file)
    for nonsense in (None, 5, "", "1220ab", "9999" + "0" * 64):
        assert Checksum.read(nonsense) is None
