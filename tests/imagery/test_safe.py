"""Sentinel-2 products in SAFE format, written here: folder and zip, both levels, and what must be refused."""

import shutil
import struct
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

from imagery.layouts.safe_metadata import product_of
from imagery.mosaic import Flag
from imagery.providers.local import LocalProvider
from imagery.read import read_scene

NAMES = {"L1C": "S2A_MSIL1C_20250612T030541_{}_R075_T50UQV_20250612T060101",
         "L2A": "S2A_MSIL2A_20250612T030541_{}_R075_T50UQV_20250612T060101"}  # fmt: skip
GRANULE = "GRANULE/{}_T50UQV_A000001_20250612T030539"
IMAGES = {
    "L1C": {code: (code, size) for code, size in zip(
        ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"),
        (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True)},
    "L2A": {f"R{size}m/{code}_{size}m": (code, size) for code, size in (
        ("B02", 10), ("B03", 10), ("B04", 10), ("B08", 10), ("B02", 20), ("B8A", 20), ("B11", 20), ("B12", 20),
        ("B01", 20), ("B01", 60), ("SCL", 20))},
}  # fmt: skip
SIZE = 72
"""Pixels of 10 m: 12 of 60 m."""


@dataclass
class Product:
    """What is written; a test changes what it wants to."""

    level: str = "L2A"
    baseline: str = "05.11"
    named: str = "N0511"
    quantification: str = "10000"
    offset: str | None = "-1000"
    prologue: str = ""
    extra_images: tuple[str, ...] = ()
    pixels: dict = field(default_factory=dict)

    @property
    def name(self):
        return NAMES[self.level].format(self.named)

    @property
    def granule(self):
        return GRANULE.format(self.level)

    @property
    def images(self):
        return [f"{self.granule}/IMG_DATA/{self.path(key)}" for key in IMAGES[self.level]] + list(self.extra_images)

    def path(self, key):
        folder, _, image = key.rpartition("/")
        return f"{folder}/T50UQV_20250612T030541_{image}".removeprefix("/")

    def xml(self):
        boa = self.level == "L2A"
        tag, offsets = ("BOA_ADD_OFFSET", "BOA_ADD_OFFSET_VALUES_LIST") if boa else (
            "RADIO_ADD_OFFSET", "Radiometric_Offset_List")  # fmt: skip
        shift = "" if self.offset is None else "".join(
            f'<{tag} band_id="{band}">{self.offset}</{tag}>' for band in range(13))  # fmt: skip
        listed = "".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in self.images)
        quantification = "BOA_QUANTIFICATION_VALUE" if boa else "QUANTIFICATION_VALUE"
        return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>{self.prologue}
<n1:{self.level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level.xsd">
<n1:General_Info><Product_Info><PRODUCT_START_TIME>2025-06-12T03:05:41.024Z</PRODUCT_START_TIME>
<PRODUCT_URI>{self.name}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-{self.level[1:]}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{self.baseline}</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>2025-06-12T03:05:41.024Z</DATATAKE_SENSING_START></Datatake>
<Product_Organisation><Granule_List><Granule>{listed}</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics><{quantification} unit="none">{self.quantification}</{quantification}>
<{offsets}>{shift}</{offsets}></Product_Image_Characteristics></n1:General_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:{self.level}_User_Product>"""


def sun_xml(zenith="30.0", azimuth="150.0"):
    return (
        f"<a><Mean_Sun_Angle><ZENITH_ANGLE>{zenith}</ZENITH_ANGLE>"
        f"<AZIMUTH_ANGLE>{azimuth}</AZIMUTH_ANGLE></Mean_Sun_Angle></a>"
    )


@pytest.fixture
def safe(tmp_path, raster):
    """Writes a product as a SAFE folder, its pixels kept by image file."""

    def write(product=None, **more):
        product = product or Product(**more)
        root = tmp_path / "in" / f"{product.name}.SAFE"
        lossless = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "compress": None}
        for index, (key, (code, size_m)) in enumerate(IMAGES[product.level].items()):
            edge = SIZE * 10 // size_m
            random = np.random.default_rng(index)
            pixels = random.integers(1100, 9000, (edge, edge)).astype(np.uint16)
            if code == "SCL":
                pixels = np.full((edge, edge), 4, np.uint8)
                pixels[: edge // 2] = 9
            file = root / product.granule / "IMG_DATA" / f"{product.path(key)}.jp2"
            raster(file, pixels, size_m, **lossless)
            product.pixels[file.name] = pixels
        (root / f"MTD_MSI{product.level}.xml").write_text(product.xml())
        (root / product.granule / "MTD_TL.xml").write_text(sun_xml())
        if product.level == "L1C":
            classes = np.zeros((3, SIZE // 6, SIZE // 6), np.uint8)
            classes[0, :4], classes[1, 4:6], classes[2, 6:8] = 1, 1, 1
            raster(root / product.granule / "QI_DATA" / "MSK_CLASSI_B00.jp2", classes, 60, **lossless)
        return root, product

    return write


def zipped(root, top=True, compression=zipfile.ZIP_DEFLATED):
    target = root.parent.parent / "zips" / f"{root.stem}.zip"
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(target, "w", compression) as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root.parent if top else root))
    return target


def own_grid(scene, band="red"):
    with rasterio.open(scene.assets[band].href) as source:
        return GeoBox(source.shape, source.transform, source.crs.to_wkt())


def refusal(report):
    assert not report.added
    ((_, reason),) = report.refused
    assert "\n" not in reason
    return reason


def test_an_l2a_folder_is_read_bit_for_bit(archive, safe):
    root, product = safe()
    report = archive.add([root])
    assert (report.refused, len(report.added)) == ((), 1)
    (scene,) = archive.scenes()
    assert (scene.level, scene.baseline, scene.cloud_pct, scene.sensor) == ("L2A", "05.11", 12.5, "sentinel-2")
    assert scene.datetime.isoformat() == "2025-06-12T03:05:41.024000+00:00"
    assert scene.properties["product"] == product.name
    assert (scene.properties["sun_azimuth_deg"], scene.properties["sun_elevation_deg"]) == ("150.00", "60.00")
    assert set(scene.assets) == {"blue", "green", "red", "nir", "nir08", "swir16", "swir22", "coastal", "scl"}
    flags = read_scene(scene, own_grid(scene)).flags
    assert (flags[: SIZE // 2] == Flag.CLOUD).all()
    assert (flags[SIZE // 2 + 4 :] == 0).all()
    for band, code, size_m in (("red", "B04", 10), ("blue", "B02", 10), ("swir16", "B11", 20)):
        mosaic = read_scene(scene, own_grid(scene, band), (band,))
        dn = product.pixels[f"T50UQV_20250612T030541_{code}_{size_m}m.jp2"]
        clear = mosaic.flags == 0
        assert clear.any()
        expected = dn.astype(np.float32) * np.float32(1e-4) + np.float32(-0.1)
        np.testing.assert_array_equal(mosaic.data[0][clear], expected[clear])


def test_bands_are_taken_as_fine_as_the_instrument_saw_them(archive, safe):
    archive.add([safe()[0]])
    (scene,) = archive.scenes()
    assert scene.assets["blue"].gsd_m == 10
    assert scene.assets["coastal"].href.endswith("B01_60m.jp2")  # its 20 m copy is interpolated


@pytest.mark.parametrize("top", [True, False])
def test_a_zip_is_read_where_it_lies_and_gives_the_same_bits(archive, safe, top, tmp_path):
    root, _ = safe()
    packed = zipped(root, top)
    before = {path for path in tmp_path.rglob("*") if archive.root not in path.parents}
    archive.add([packed])
    (scene,) = archive.scenes()
    assert scene.assets["red"].href.startswith(f"/vsizip/{{{packed}}}/")
    assert [
        path for path in sorted(tmp_path.rglob("*")) if path not in before and archive.root not in path.parents
    ] == []
    inside_zip = read_scene(scene, own_grid(scene))
    shutil.rmtree(archive.root)
    other = type(archive).create_or_open(archive.root)
    other.add([root])
    (plain,) = other.scenes()
    assert plain.assets["red"].sha256 == scene.assets["red"].sha256
    np.testing.assert_array_equal(read_scene(plain, own_grid(plain)).data, inside_zip.data)


def test_an_l1c_product_has_its_own_coarse_mask_and_gets_a_better_one(archive, safe):
    archive.add([safe(level="L1C")[0]])
    (scene,) = archive.scenes()
    assert scene.level == "L1C"
    assert (scene.assets["classi_cirrus"].index, scene.assets["classi_snow"].index) == (2, 3)
    assert scene.properties["cloud_mask"] == "s2cloudless"
    coarse = {name: asset for name, asset in scene.assets.items() if name != "cloud_mask"}
    bare = type(scene)(scene.id, scene.sensor, scene.level, scene.datetime, scene.geometry, coarse)
    assert bare.has_cloud_mask
    flags = read_scene(bare, own_grid(scene)).flags
    wanted = {0: Flag.CLOUD, 30: Flag.CLOUD | Flag.HAZE, 40: Flag.SNOW, 60: 0}
    assert {row: int(flags[row, 5]) for row in wanted} == {row: int(flag) for row, flag in wanted.items()}


def test_an_old_baseline_has_no_offset(archive, safe):
    archive.add([safe(baseline="02.12", named="N0212", offset=None)[0]])
    (scene,) = archive.scenes()
    assert (scene.baseline, scene.assets["red"].offset) == ("02.12", 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"baseline": "02.12"}, "contradicts itself"),
        ({"baseline": "02.12", "named": "N0212"}, "02.12 with offsets"),
        ({"offset": None}, "05.11 without offsets"),
        ({"quantification": "0"}, "no quantification"),
        ({"quantification": "nan"}, "no quantification"),
        ({"offset": "1e9"}, "offset"),
        ({"extra_images": ("GRANULE/X/IMG_DATA/R10m/T50UQV_20250612T030541_B04_10m",)}, "2 granules"),
        ({"extra_images": ("../../etc/T50UQV_B04_10m",)}, "outside the product"),
        ({"prologue": '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'}, "can be trusted"),
        ({"prologue": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>'}, "can be trusted"),
    ],
)
def test_metadata_that_can_not_be_believed(archive, safe, change, says):
    assert says in refusal(archive.add([safe(**change)[0]]))


def test_a_missing_band_and_a_folder_without_metadata(archive, safe):
    root, _ = safe()
    next(root.rglob("*B11_20m.jp2")).unlink()
    assert "B11_20m.jp2 is listed in it and missing" in refusal(archive.add([root]))
    (root / "MTD_MSIL2A.xml").unlink()
    assert "holds 0 files" in refusal(archive.add([root]))


def test_a_folder_that_lies_about_its_baseline(archive, safe):
    root, _ = safe()
    renamed = root.rename(root.with_name(root.name.replace("N0511", "N0400")))
    assert "another level or baseline" in refusal(archive.add([renamed]))


def spoiled(root, spoil):
    """A zip of the product with one more member, or otherwise changed."""
    packed = zipped(root)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        spoil(archive)
    return packed


def link(archive):
    info = zipfile.ZipInfo("link.jp2")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/hostname")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda archive: archive.writestr("../../evil.jp2", b"x"), "points outside"),
        (lambda archive: archive.writestr("/etc/evil.jp2", b"x"), "points outside"),
        (lambda archive: archive.writestr("a/b\\..\\c.jp2", b"x"), "points outside"),
        (lambda archive: archive.writestr("{x}/c.jp2", b"x"), "points outside"),
        (link, "no plain file"),
        (lambda archive: archive.writestr("bomb.jp2", bytes(70 << 20)), "claims 73,400,320 bytes"),
    ],
)
def test_hostile_zips(archive, safe, spoil, says):
    assert says in refusal(archive.add([spoiled(safe()[0], spoil)]))


def test_a_zip_that_holds_a_file_twice(archive, safe):
    root, _ = safe()
    packed = zipped(root)
    with zipfile.ZipFile(packed, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr(target.namelist()[0], b"other")
    assert "twice" in refusal(archive.add([packed]))


def test_a_zip_that_claims_a_million_files(archive, tmp_path):
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 60_000 * 46, 0, 0)
    file = tmp_path / "S2A_MSIL2A_20250612T030541_N0511_R075_T50UQV_20250612T060101.zip"
    file.write_bytes(b"PK" + end)
    assert "claims 60,000 files" in refusal(archive.add([file]))


@pytest.mark.parametrize("keep", [0.3, 0.98])
def test_a_truncated_zip(archive, safe, keep):
    packed = zipped(safe()[0])
    packed.write_bytes(packed.read_bytes()[: int(packed.stat().st_size * keep)])
    assert "truncated" in refusal(archive.add([packed]))


def test_a_zip_with_a_spoiled_band_is_caught_by_its_checksum(archive, safe):
    packed = zipped(safe()[0], compression=zipfile.ZIP_STORED)
    with zipfile.ZipFile(packed) as source:
        info = next(info for info in source.infolist() if info.filename.endswith("B04_10m.jp2"))
    content = bytearray(packed.read_bytes())
    content[info.header_offset + 30 + len(info.filename) + info.file_size // 2] ^= 0xFF
    packed.write_bytes(content)
    assert "damaged" in refusal(archive.add([packed])) or "truncated" in refusal(archive.add([packed]))


def test_an_encrypted_zip(archive, safe):
    packed = zipped(safe()[0])
    content = bytearray(packed.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    packed.write_bytes(content)
    assert "encrypted" in refusal(archive.add([packed]))


def test_a_zip_of_something_else_is_passed_over(archive, safe, tmp_path):
    root, _ = safe()
    with zipfile.ZipFile(root.parent / "shapes.zip", "w") as other:
        other.writestr("a.shp", b"x")
    report = archive.add([root.parent])
    assert (len(report.added), report.refused) == (1, ())


def test_radar_in_its_own_geometry_is_refused_with_what_to_do(archive, tmp_path):
    root = tmp_path / "S1A_IW_GRDH_1SDV_20250612T220500_20250612T220525_059000_075000_ABCD.SAFE"
    (root / "measurement").mkdir(parents=True)
    (root / "manifest.safe").write_text("<a/>")
    assert "terrain-corrected GeoTIFF" in refusal(archive.add([root]))


def test_a_home_made_product_is_believed_without_offsets():
    product = Product(baseline="99.99", named="N9999", offset=None)
    assert product_of(product.xml().encode(), "MTD").offsets == {}


def test_a_zip_in_an_archive_is_here_until_it_is_gone(archive, safe):
    packed = zipped(safe()[0])
    archive.add([packed])
    provider = LocalProvider(archive)
    scenes = archive.scenes()
    assert provider.fetch(scenes, scenes[0].geometry, lambda: None).scenes == scenes
    packed.unlink()
    fetched = provider.fetch(scenes, scenes[0].geometry, lambda: None)
    assert not fetched.scenes
    assert packed.name in fetched.quarantined[0].reason
