import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from aoi.grid import Block
from imagery.files import reading
from leads import raster
from leads.errors import OutputError
from leads.raster import ImageSink, RasterSink, packed_image, unpacked_image, zone_geobox

SIZE = 256
CORNERS = (Block(32651, 10.0, 4, 40, SIZE), Block(32651, 10.0, 9, 36, SIZE))


def score(block: Block) -> np.ndarray:
    rng = np.random.default_rng(block.col)
    return rng.random((SIZE, SIZE), dtype=np.float32)


def write_scores(path: Path, blocks: tuple[Block, ...]) -> Path:
    with RasterSink(path, zone_geobox(blocks), 1, "float32", float("nan"), ["score"]) as sink:
        for block in blocks:
            sink.write(block.geobox, score(block))
    return path


def test_zone_geobox_holds_every_block_and_no_more() -> None:
    whole = zone_geobox(CORNERS)
    assert whole.shape == (5 * SIZE, 6 * SIZE)
    assert whole.boundingbox.bbox == (4 * 2560, 36 * 2560, 10 * 2560, 41 * 2560)
    assert zone_geobox(CORNERS[:1]) == CORNERS[0].geobox


@pytest.mark.parametrize("other", [Block(32650, 10.0, 0, 0, SIZE), Block(32651, 30.0, 0, 0, SIZE)])
def test_zone_geobox_refuses_mixed_zones_and_pixel_sizes(other: Block) -> None:
    with pytest.raises(ValueError, match="one zone"):
        zone_geobox([CORNERS[0], other])


def test_sparse_blocks_become_a_cog_with_nan_between_them(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores" / "mine_32651.tif", CORNERS)
    with rasterio.open(path) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.overviews(1) == [2, 4]
        assert source.block_shapes == [(512, 512)]
        assert np.isnan(source.nodata)
        assert source.descriptions == ("score",)
        assert source.crs.to_epsg() == 32651
        whole = source.read(1)
    assert np.array_equal(whole[:SIZE, :SIZE], score(CORNERS[0]))
    assert np.array_equal(whole[-SIZE:, -SIZE:], score(CORNERS[1]))
    assert np.isfinite(whole).sum() == 2 * SIZE * SIZE
    assert path.stat().st_size < 3 * score(CORNERS[0]).nbytes  # of 30 times that, were it not sparse


def test_order_of_blocks_changes_nothing(tmp_path: Path) -> None:
    one = write_scores(tmp_path / "one.tif", CORNERS).read_bytes()
    assert write_scores(tmp_path / "two.tif", CORNERS[::-1]).read_bytes() == one


def test_only_the_file_remains(tmp_path: Path) -> None:
    write_scores(tmp_path / "a.tif", CORNERS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_threads_may_write_at_the_same_time(tmp_path: Path) -> None:
    blocks = tuple(Block(32651, 10.0, col, 0, SIZE) for col in range(8))
    with RasterSink(tmp_path / "a.tif", zone_geobox(blocks), 1, "float32", float("nan")) as sink:
        threads = [threading.Thread(target=sink.write, args=(block.geobox, score(block))) for block in blocks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with rasterio.open(tmp_path / "a.tif") as source:
        whole = source.read(1)
    for index, block in enumerate(blocks):
        assert np.array_equal(whole[:, index * SIZE : (index + 1) * SIZE], score(block))


@pytest.mark.parametrize(
    ("epsg", "gsd_m", "left", "why"),
    [
        (32651, 10, 10_245, "half a pixel"),
        (32651, 10, 7_680, "outside"),
        (32651, 20, 10_240, "gsd"),
        (32650, 10, 10_240, "zone"),
    ],
)
def test_a_block_off_the_lattice_is_refused(tmp_path: Path, epsg: int, gsd_m: float, left: float, why: str) -> None:
    sink = RasterSink(tmp_path / "a.tif", CORNERS[0].geobox, 1, "float32", float("nan"))
    top = CORNERS[0].geobox.affine.f
    geobox = GeoBox((SIZE // 2, SIZE // 2), Affine(gsd_m, 0, left, 0, -gsd_m, top), f"EPSG:{epsg}")
    with pytest.raises(ValueError, match=r"does not lie on the grid of a\.tif"):
        sink.write(geobox, np.zeros(geobox.shape, np.float32))
    sink.discard()


def test_an_error_in_between_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with RasterSink(tmp_path / "a.tif", CORNERS[0].geobox, 1, "float32", float("nan")) as sink:
            sink.write(CORNERS[0].geobox, score(CORNERS[0]))
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        fail()
    assert list(tmp_path.iterdir()) == []


FILL = """
import resource, sys
import numpy as np
from pathlib import Path
from aoi.grid import Block
from imagery.files import reading
from leads import raster
from leads.errors import OutputError
from leads.raster import RasterSink

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
block = Block(32651, 10.0, 0, 0)
try:
    with RasterSink(Path(sys.argv[1]), block.geobox, 1, "float32", float("nan")) as sink:
        sink.write(block.geobox, np.random.default_rng(0).random((1024, 1024), dtype=np.float32))
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [100_000, 3_900_000], ids=["while writing", "while closing"])
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """The real thing: the system refuses to let any file grow beyond the limit."""
    command = [sys.executable, "-c", FILL, str(tmp_path / "a.tif"), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{tmp_path / 'a.tif'} could not be written (")
    assert len(done.stdout.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("a file is in the way")
    with pytest.raises(OutputError, match=r"a\.tif could not be written: .*exists"):
        write_scores(tmp_path / "scores" / "a.tif", CORNERS)


def test_image_keeps_reflectance_and_tells_dark_from_unseen(tmp_path: Path) -> None:
    data = np.full((4, SIZE, SIZE), 0.1234, np.float32)
    data[:, 0, 0] = np.nan
    data[:, 0, 1] = -0.02
    data[3, 0, 2] = 0.5
    block = CORNERS[0]
    with ImageSink(tmp_path / "after.tif", block.geobox) as sink:
        sink.write(block.geobox, data, ("blue", "green", "red", "nir"))
    with rasterio.open(tmp_path / "after.tif") as source:
        assert source.descriptions == ("red", "green", "blue", "nir")
        assert source.nodata == 0
        stored = source.read()
    assert stored.dtype == np.uint16
    assert (stored[:, 0, 0] == 0).all()
    assert (stored[:, 0, 1] == 1).all()
    assert stored[3, 0, 2] == 5000
    assert stored[0, 5, 5] == 1234


def test_image_bands_go_to_their_places_and_a_missing_one_is_unseen(tmp_path: Path) -> None:
    block = CORNERS[0]
    data = np.stack([np.full((SIZE, SIZE), value, np.float32) for value in (11, 22, 33)])
    with ImageSink(tmp_path / "dn.tif", block.geobox, scale=1) as sink:
        sink.write(block.geobox, data, ("blue", "red", "swir16"))
    with rasterio.open(tmp_path / "dn.tif") as source:
        assert source.read()[:, 9, 9].tolist() == [22, 0, 11, 0]


def test_writing_leaves_gdal_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # rasterio offers no way to ask; GDAL is in this process already
    library = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libgdal" in line)
    cache = ctypes.CDLL(library).GDALGetCacheMax64
    cache.restype = ctypes.c_int64
    during = []

    def noted(block: np.ndarray) -> int:
        during.append(cache())
        return checksum(block)

    checksum = raster._checksum
    monkeypatch.setattr(raster, "_checksum", noted)
    with reading():
        wanted = cache()
    write_scores(tmp_path / "scores.tif", CORNERS)
    assert len(during) == 2 * len(CORNERS)  # as they are written, and read back
    assert min(during) >= wanted > 1_000_000


def test_an_image_that_is_kept_comes_back_as_it_was() -> None:
    image = np.random.default_rng(4).integers(0, 65_536, (4, 70, 530)).astype(np.uint16)
    packed = packed_image(image)
    assert packed.dtype == np.uint8
    np.testing.assert_array_equal(unpacked_image(packed), image)
    with pytest.raises(ValueError, match="no packed image"):
        unpacked_image(packed[:200])
