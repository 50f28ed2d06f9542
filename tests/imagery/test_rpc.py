"""The rational model, and images laid onto the ground by it, against a camera of exact geometry."""

import re
import shutil

import numpy as np
import pytest
import rasterio

from imagery.dem import terrain_under
from imagery.errors import ImageryError, InconsistentSceneError, UnreadableImageError
from imagery.ortho import Heights, Raw, footprint_of, grid_of, orthorectify, outline, parallax, pixel_size_m
from imagery.rpc import read_rpc


@pytest.fixture(scope="module")
def world(pushbroom, tmp_path_factory):
    """A raw image of hills, its model and the hills as an elevation raster."""
    folder = tmp_path_factory.mktemp("world")
    camera = pushbroom.Camera()
    image, rpb = folder / "raw.tiff", folder / "model.rpb"
    pushbroom.write_raw(image, camera.picture(pushbroom.hills))
    rpb.write_text(pushbroom.rpb_text(camera))
    pushbroom.write_dem(folder / "dem.tif", pushbroom.hills)
    return camera, Raw(image, (camera.rows, camera.cols), read_rpc(rpb), (1, 2, 3, 4)), folder


def laid(raw, heights, file, gsd_m=8.0):
    orthorectify(raw, heights, grid_of(raw, heights, gsd_m), file, "test")
    return file


def terrain(raw, folder):
    model = raw.model
    return terrain_under(
        outline(raw, model.height_off - model.height_scale, model.height_off + model.height_scale), [folder / "dem.tif"]
    )


def test_projects_as_the_camera_does(world):
    camera, raw, _ = world
    rng = np.random.default_rng(0)
    row, col = rng.uniform(0, camera.rows, 200), rng.uniform(0, camera.cols, 200)
    height = rng.uniform(400, 880, 200)
    lon, lat, _ = camera.ground(row, col, lambda lon, lat: height)
    found = raw.model.image(lon, lat, height)
    np.testing.assert_allclose(found, (row, col), atol=0.01)
    np.testing.assert_allclose(raw.model.ground(row, col, height), (lon, lat), atol=1e-7)


def test_gdal_means_the_same_by_the_same_coefficients(world, tmp_path):
    """An oracle that shares no code: GDAL's own reader of .rpb and its transformer."""
    from rasterio.transform import RPCTransformer

    _, raw, folder = world
    shutil.copy(raw.path, tmp_path / "a.tiff")
    shutil.copy(folder / "model.rpb", tmp_path / "a.rpb")
    lon, lat, height = np.array([119.69, 119.7, 119.712]), np.array([49.295, 49.3, 49.31]), np.array([600.0, 650, 700])
    with rasterio.open(tmp_path / "a.tiff") as image, RPCTransformer(image.rpcs) as gdal:
        rows, cols = gdal.rowcol(lon, lat, zs=height, op=lambda x: x)
    np.testing.assert_allclose(raw.model.image(lon, lat, height), (rows, cols), atol=1e-3)


def test_with_heights_it_lies_within_a_tenth_of_a_pixel(world, pushbroom, tmp_path):
    _, raw, folder = world
    errors = pushbroom.off_px(laid(raw, Heights(terrain(raw, folder)), tmp_path / "ortho.tif"))
    assert len(errors) > 50_000
    assert np.median(errors) < 0.05
    assert errors.max() < 0.1


def test_without_heights_the_error_said_is_the_error_made(world, pushbroom, tmp_path):
    _, raw, _ = world
    errors = pushbroom.off_px(laid(raw, Heights(None), tmp_path / "ortho.tif"))
    lean = parallax(raw)
    assert lean == pytest.approx(np.tan(np.radians(22.3)), abs=0.05)
    relief = 155  # of the hills, metres above and below the middle
    assert errors.max() * 8 == pytest.approx(lean * relief, rel=0.25)
    assert np.median(errors) > 1


def test_heights_above_the_sea_are_brought_to_the_ellipsoid(world, pushbroom, tmp_path):
    _, raw, _ = world
    pushbroom.write_dem(tmp_path / "dem.tif", pushbroom.hills, above_geoid_m=-30)
    ground = terrain(raw, tmp_path)
    wrong = pushbroom.off_px(laid(raw, Heights(ground), tmp_path / "wrong.tif"))
    right = pushbroom.off_px(laid(raw, Heights(ground, -30.0), tmp_path / "right.tif"))
    assert np.median(wrong) * 8 == pytest.approx(30 * parallax(raw), rel=0.1)
    assert right.max() < 0.1


def test_two_tiles_of_elevation_are_one_ground(world, pushbroom, tmp_path):
    _, raw, folder = world
    with rasterio.open(folder / "dem.tif") as whole:
        data, profile, half = whole.read(), whole.profile, whole.width // 2
        for name, part, left in (("west", data[..., : half + 1], 0), ("east", data[..., half:], half)):
            profile.update(width=part.shape[2], transform=whole.transform * whole.transform.translation(left, 0))
            with rasterio.open(tmp_path / f"{name}.tif", "w", **profile) as target:
                target.write(part)
    ground = outline(raw, 390, 890)
    one, two = terrain_under(ground, [folder / "dem.tif"]), terrain_under(ground, [tmp_path])
    assert len(two.files) == 2
    assert two.known == 1
    shape = tuple(map(min, one.heights.shape, two.heights.shape))
    np.testing.assert_allclose(
        one.heights[: shape[0], : shape[1]].mean(), two.heights[: shape[0], : shape[1]].mean(), atol=0.5
    )
    assert pushbroom.off_px(laid(raw, Heights(two), tmp_path / "out" / "o.tif")).max() < 0.1


def test_where_no_height_is_known_nothing_is_shown(world, tmp_path):
    _, raw, folder = world
    with rasterio.open(folder / "dem.tif") as source:
        data, profile = source.read(), source.profile
    data[:, :, data.shape[2] // 2 :] = -9999
    with rasterio.open(tmp_path / "dem.tif", "w", **profile) as target:
        target.write(data)
    file = laid(raw, Heights(terrain(raw, tmp_path)), tmp_path / "ortho.tif")
    with rasterio.open(file) as source:
        shown = source.read(3) > 0
    assert shown[:, : shown.shape[1] // 2 - 10].mean() > 0.4
    assert not shown[:, shown.shape[1] // 2 + 10 :].any()


def test_footprint_is_what_is_shown(world, tmp_path):
    from rasterio.warp import transform_geom
    from shapely.geometry import shape

    _, raw, folder = world
    heights = Heights(terrain(raw, folder))
    with rasterio.open(laid(raw, heights, tmp_path / "ortho.tif")) as source:
        shown = source.read(3) > 0
        ground = shape(transform_geom("EPSG:4326", source.crs, footprint_of(raw, heights).__geo_interface__))
    assert ground.area == pytest.approx(shown.sum() * 64, rel=0.02)
    assert 8 < pixel_size_m(raw) < 9


def test_the_result_is_a_cog_that_knows_what_it_was_made_from(world, tmp_path):
    from imagery.ortho import made_from

    _, raw, _ = world
    file = laid(raw, Heights(None), tmp_path / "ortho.tif")
    assert made_from(file) == "test"
    with rasterio.open(file) as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.nodata == 0
        assert source.transform.c % 8 == source.transform.f % 8 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["ortho.tif"]
    assert made_from(tmp_path / "nothing.tif") == ""


# --- files ------------------------------------------------------------------------------------------------------------


def test_rpc_txt_says_the_same(world, tmp_path):
    _, raw, _ = world
    model = raw.model
    text = "".join(
        f"{name}: {value!r} {unit}\n"
        for name, value, unit in (
            ("LINE_OFF", model.line_off, "pixels"), ("SAMP_OFF", model.samp_off, "pixels"),
            ("LAT_OFF", model.lat_off, "degrees"), ("LONG_OFF", model.long_off, "degrees"),
            ("HEIGHT_OFF", model.height_off, "meters"), ("LINE_SCALE", model.line_scale, "pixels"),
            ("SAMP_SCALE", model.samp_scale, "pixels"), ("LAT_SCALE", model.lat_scale, "degrees"),
            ("LONG_SCALE", model.long_scale, "degrees"), ("HEIGHT_SCALE", model.height_scale, "meters"),
        )
    )  # fmt: skip
    for name in ("line_num", "line_den", "samp_num", "samp_den"):
        text += "".join(f"{name.upper()}_COEFF_{k}: {c!r}\n" for k, c in enumerate(getattr(model, name), 1))
    (tmp_path / "x_rpc.txt").write_text(text)
    assert read_rpc(tmp_path / "x_rpc.txt") == model


@pytest.mark.parametrize(
    ("find", "put", "reason"),
    [
        ("latOffset = ", "latOffset = 1e9 + ", "lacks some"),
        ("lineScale = ", "lineScale = -", "more than zero"),
        ("heightOffset = ", "heightOffset = 9", "no ground"),
        (r"lineOffset = [^;]*", "lineOffset = nan", "not finite"),
        ("samp", "pmas", "lacks some"),
        (r"lineDenCoef = \(\s*\+1", "lineDenCoef = (0", "close to zero"),
        (r"lineNumCoef = \(", "lineNumCoef = (1E99,", "21 coefficients"),
        (r"lineNumCoef = \(\s*[-+.\dE]+", "lineNumCoef = (9E9", "larger than"),
        ("longScale = ", "longScale = 99", "more ground"),
    ],
)
def test_absurd_coefficients_are_refused(world, tmp_path, find, put, reason):
    _, _, folder = world
    text, count = re.subn(find, put, (folder / "model.rpb").read_text())
    assert count
    (tmp_path / "bad.rpb").write_text(text)
    with pytest.raises(ImageryError, match=reason):
        read_rpc(tmp_path / "bad.rpb")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, b"hello = 3;", b"lineNumCoef = (" + b"1," * 40_000, b"a" * 99_000]
)
def test_what_is_no_rpc_is_refused_quickly(tmp_path, content):
    (tmp_path / "bad.rpb").write_bytes(content)
    with pytest.raises(UnreadableImageError, match="not RPC"):
        read_rpc(tmp_path / "bad.rpb")


def test_a_giant_is_not_read(tmp_path):
    (tmp_path / "bad.rpb").write_bytes(b" " * 200_000)
    with pytest.raises(UnreadableImageError, match="too large"):
        read_rpc(tmp_path / "bad.rpb")


def test_elevation_that_is_none(world, pushbroom, tmp_path):
    _, raw, _ = world
    pushbroom.write_dem(tmp_path / "dem.tif", lambda lon, lat: pushbroom.hills(lon, lat) * 100)
    with pytest.raises(InconsistentSceneError, match="metres between"):
        terrain(raw, tmp_path)
    assert terrain_under(outline(raw, 400, 800), [tmp_path / "absent"]) is None
