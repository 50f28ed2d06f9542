"""What must never be believed: each bad scene is refused in one sentence, and the others go on."""

import struct

import numpy as np
import pytest

from imagery.errors import ArchiveError
from imagery.raster import probe


@pytest.fixture
def refused(archive, band_folder):
    """Adds a spoiled scene beside a good one; gives the reason."""

    def add(spoil):
        bad, _ = band_folder("bad"), band_folder("good", seed=1)
        spoil(bad)
        report = archive.add([bad.parent])
        assert report.added == ("good_20250612",)
        ((path, reason),) = report.refused
        assert path == bad
        assert "\n" not in reason
        assert not list(archive.root.rglob("*.part*"))
        return reason

    return add


def test_not_a_raster(refused):
    assert "is not a raster" in refused(lambda bad: (bad / "B04.tif").write_text("hello"))


def test_an_empty_file(refused):
    assert "is not a raster" in refused(lambda bad: (bad / "B04.tif").write_bytes(b""))


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.95])
def test_a_truncated_tiff(refused, keep):
    def cut(bad):
        file = bad / "B04.tif"
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])

    reason = refused(cut)
    assert "B04.tif" in reason
    assert "truncated" in reason


def test_a_band_of_another_size(refused, raster, noise):
    reason = refused(lambda bad: raster(bad / "B04.tif", noise(1, 90)))
    assert "90 × 90 px" in reason
    assert "300 m apart" in reason


def test_a_band_of_another_place(refused, raster, noise):
    assert "another box" in refused(lambda bad: raster(bad / "B04.tif", noise(1), left=600_000))


def test_a_band_in_another_crs(refused, raster, noise):
    assert "EPSG:32651" in refused(lambda bad: raster(bad / "B04.tif", noise(1), crs="EPSG:32651"))


def test_too_few_bands(refused):
    def drop(bad):
        for code in ("B02", "B03", "B04", "B08"):
            (bad / f"{code}.tif").unlink()

    assert "2 of the bands" in refused(drop)


def test_a_missing_band_is_no_reason(archive, band_folder):
    folder = band_folder()
    (folder / "B12.tif").unlink()
    assert archive.add([folder]).added
    assert "swir22" not in archive.scenes()[0].assets


def huge_tiff(width, height):
    """A TIFF whose header claims any size: one strip, a few bytes."""
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 8),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 16) + b"\0" * 8 + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


@pytest.mark.parametrize("edge", [1_000_000, 50_000, 2_000])
def test_a_header_that_claims_more_than_the_file_can_hold(refused, edge):
    reason = refused(lambda bad: (bad / "B04.tif").write_bytes(huge_tiff(edge, edge)))
    assert "claims" in reason
    assert str(edge) in reason


def test_a_vrt_in_disguise_is_not_opened(refused, tmp_path):
    vrt = '<VRTDataset rasterXSize="9" rasterYSize="9"><SRS>EPSG:4326</SRS></VRTDataset>'
    assert "is not a raster" in refused(lambda bad: (bad / "B04.tif").write_text(vrt))


def test_no_georeference(refused, raster, noise):
    def strip(bad):
        raster(bad / "B04.tif", noise(1), crs=None)

    assert "no georeference" in refused(strip)


def test_an_envi_file_shorter_than_its_header(archive, tmp_path):
    (tmp_path / "2000TM").write_bytes(b"\1" * 1000)
    (tmp_path / "2000TM.HDR").write_text(
        "ENVI\nsamples = 400\nlines = 400\nbands = 6\nheader offset = 0\ndata type = 1\ninterleave = bsq\n"
        "byte order = 0\nmap info = {UTM, 1, 1, 203325, 3604935, 30, 30, 51, North, WGS-84, units=Meters}\n"
    )
    (tmp_path / "2000TM.weixun.json").write_text(
        '{"date": "2000-03-17", "level": "DN", "bands": ["blue", "green", "red", "nir", "swir16", "swir22"]}'
    )
    ((_, reason),) = archive.add([tmp_path / "2000TM"]).refused
    assert "truncated" in reason


def test_a_sidecar_that_names_more_bands_than_there_are(archive, raster, tmp_path):
    file = raster(tmp_path / "a.tif", np.full((3, 30, 30), 80, np.uint8))
    (tmp_path / "a.tif.weixun.json").write_text(
        '{"date": "2000-03-17", "level": "DN", "bands": ["blue", "green", "red", "nir"]}'
    )
    ((_, reason),) = archive.add([file]).refused
    assert "has 3 bands" in reason


def test_an_unknown_scaling_is_asked_for(archive, raster, tmp_path):
    file = raster(tmp_path / "a.tif", np.full((3, 30, 30), 80, np.uint8))
    (tmp_path / "a.tif.weixun.json").write_text(
        '{"date": "2020-03-17", "level": "SR", "sensor": "gaofen-1", "bands": ["blue", "green", "red"]}'
    )
    ((_, reason),) = archive.add([file]).refused
    assert '"scale"' in reason


def test_an_archive_that_can_not_be_written_says_so(archive, band_folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError, match="can not be written"):
        type(archive).create_or_open(tmp_path / "file" / "archive")


def test_a_sound_raster_is_described(raster, noise, tmp_path):
    info = probe(raster(tmp_path / "a.tif", noise(1, 50), 30))
    assert (info.shape, info.count, info.dtype, info.gsd_m) == ((50, 50), 1, "uint16", 30)
