"""Rasters read over the network, piece by piece, through rasterio."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from imagery.errors import UnreadableImageError
from imagery.files import opened
from imagery.remote import ranged, registry

SIZE = 640
PIECE = 65_536


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(5).integers(1, 9_000, (SIZE, SIZE)).astype(np.uint16)


@pytest.fixture(scope="module")
def images(tmp_path_factory, pixels):
    """A COG, a plain tiled TIFF and a lossless JPEG 2000 of the same pixels, of several pieces each."""
    folder = tmp_path_factory.mktemp("images")
    place = {"crs": "EPSG:32650", "transform": Affine(10, 0, 512_000, 0, -10, 5_406_720)}
    shape = {"count": 1, "height": SIZE, "width": SIZE, "dtype": "uint16"}
    kinds = {
        "cog.tif": {"driver": "COG", "compress": "deflate", "blocksize": 128},
        "tiled.tif": {"driver": "GTiff", "tiled": True, "blockxsize": 128, "blockysize": 128},
        "lossless.jp2": {"driver": "JP2OpenJPEG", "quality": 100, "reversible": "YES",
                         "blockxsize": 128, "blockysize": 128},
    }  # fmt: skip
    for name, options in kinds.items():
        with rasterio.open(folder / name, "w", **shape, **place, **options) as target:
            target.write(pixels, 1)
    return {f"/{name}": (folder / name).read_bytes() for name in kinds}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(ranged, "PIECE_BYTES", PIECE)


@pytest.fixture
def serve(faulty, fetcher, monkeypatch):
    """Serves images and lets the fetcher answer for them."""
    monkeypatch.setattr(registry, "_FETCHERS", {})

    def make(files, plan=None, by=fetcher):
        server = faulty.Server(files, plan)
        registry.register(server.base, by)
        return server

    return make


WINDOWS = [Window(0, 0, 300, 200), Window(77, 190, 513, 100), Window(SIZE - 40, SIZE - 40, 40, 40)]


@pytest.mark.parametrize("name", ["/cog.tif", "/tiled.tif", "/lossless.jp2"])
def test_windows_are_read_bit_for_bit(serve, images, pixels, name):
    with serve(images) as server, opened(server.url(name)) as dataset:
        for window in WINDOWS:
            np.testing.assert_array_equal(dataset.read(1, window=window), pixels[window.toslices()])


@pytest.mark.parametrize("name", ["/cog.tif", "/tiled.tif", "/lossless.jp2"])
def test_what_was_read_once_needs_no_network(serve, images, pixels, name):
    with serve(images) as server:
        url = server.url(name)
        with opened(url) as dataset:
            dataset.read(1, window=WINDOWS[1])
        asked = len(server.asked)
    # the server is gone
    with opened(url + "?") as dataset:  # another href, so that the open dataset is not taken from the shelf
        np.testing.assert_array_equal(dataset.read(1, window=WINDOWS[1]), pixels[WINDOWS[1].toslices()])
    assert asked == len(server.asked)


def test_a_window_costs_its_pieces_and_not_the_object(serve, images, pixels):
    with serve(images) as server, opened(server.url("/tiled.tif")) as dataset:
        dataset.read(1, window=Window(0, 0, 128, 128))
    assert server.sent["/tiled.tif"] <= 3 * PIECE < len(images["/tiled.tif"]) / 2


def test_neighbouring_pieces_are_one_request(serve, images):
    with serve(images) as server, opened(server.url("/tiled.tif")) as dataset:
        dataset.read(1)
    assert len(server.served) <= 3
    assert server.sent["/tiled.tif"] == len(images["/tiled.tif"])


@pytest.mark.parametrize("name", ["/cog.tif", "/tiled.tif", "/lossless.jp2"])
def test_a_truncated_image_is_an_error_and_not_zeros(serve, images, faulty, name):
    plan = faulty.Plan(always={name: "truncated"})
    with (
        serve(images, plan) as server,
        pytest.raises((UnreadableImageError, rasterio.errors.RasterioError)),
        opened(server.url(name)) as dataset,
    ):
        dataset.read(1)


def test_a_server_that_dies_midway_is_an_error_that_names_it(serve, images, faulty, limited):
    def read_while_it_dies(server):
        with opened(server.url("/tiled.tif")) as dataset:
            server.plan = faulty.Plan(always={"/tiled.tif": "500"})
            dataset.read(1)

    reason = r"127\.0\.0\.1:\d+/tiled\.tif.*500"
    with serve(images, by=limited(attempts=1)) as server, pytest.raises(UnreadableImageError, match=reason):
        read_while_it_dies(server)


def test_an_object_that_changes_is_read_afresh_and_never_stitched(serve, images, pixels):
    changed = dict(images)
    with serve(changed) as server:
        url = server.url("/tiled.tif")
        with opened(url) as dataset:
            dataset.read(1, window=Window(0, 0, 10, 10))
        header, body = images["/tiled.tif"][:4096], images["/tiled.tif"][4096:]
        server.files["/tiled.tif"] = header + bytes(len(body))
        with pytest.raises(UnreadableImageError, match="changed"), opened(url) as dataset:
            dataset.read(1)
        with opened(url) as dataset:
            assert not dataset.read(1, window=Window(300, 400, 50, 50)).any()


def test_many_threads_read_the_same_image(serve, images, pixels, faulty):
    dice = np.random.default_rng(3)
    names = ["/cog.tif", "/tiled.tif", "/lossless.jp2"]
    corners = [
        (names[index % 3], int(col), int(row)) for index, (col, row) in enumerate(dice.integers(0, 500, (60, 2)))
    ]

    def read(url, col, row):
        window = Window(col, row, 120, 90)
        with opened(url) as dataset:
            return np.array_equal(dataset.read(1, window=window), pixels[window.toslices()])

    plan = faulty.Plan(seed=4, share=0.2, faults=("500", "cut", "503"))
    with serve(images, plan) as server:
        for _ in range(3):  # new threads each time: datasets outlive the threads that opened them
            with ThreadPoolExecutor(6) as pool:
                assert all(pool.map(lambda spot: read(server.url(spot[0]), *spot[1:]), corners))
    good = sum(served.sent for served in server.served if served.fault is None)
    assert good <= sum(map(len, images.values()))


def test_an_address_nobody_answers_for_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "_FETCHERS", {})
    with (
        pytest.raises(UnreadableImageError, match="No source of imagery answers for http://127") as caught,
        opened("http://127.0.0.1:9/B04.tif?sig=planted"),
    ):
        pass
    assert "planted" not in str(caught.value)


def test_a_prefix_answers_for_its_own_host_only(fetcher, monkeypatch):
    monkeypatch.setattr(registry, "_FETCHERS", {})
    registry.register("https://data.example", fetcher)
    assert registry.fetcher_for("https://data.example/B04.tif") is fetcher
    assert registry.fetcher_for("https://data.example.evil.example/B04.tif") is None
    assert registry.fetcher_for("https://data.example@evil.example/B04.tif") is None
