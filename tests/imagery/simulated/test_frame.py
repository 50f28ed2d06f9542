import numpy as np

from imagery.simulated.frame import Frame, Window

FRAME = Frame((119.99, 49.2), 15_000, 12_000)


def test_the_meridian_is_the_nearest_3_degree_zone() -> None:
    assert "+lon_0=120 " in FRAME.crs
    assert "+lon_0=117 " in Frame((116.2, 48.0), 5_000, 5_000).crs


def test_pixel_centres_are_where_the_projection_puts_them() -> None:
    window = Window(32651, 280_200.0, 5_460_000.0, 400, 600)
    x, y = window.fine(window.coarse(FRAME))
    east, north = np.meshgrid(280_205.0 + np.arange(600) * 10, 5_459_995.0 - np.arange(400) * 10)
    true_x, true_y = FRAME.ground_of(east, north, 32651)
    assert max(np.abs(x - true_x).max(), np.abs(y - true_y).max()) < 0.001


def test_a_ramp_is_spread_as_a_ramp() -> None:
    window = Window(32650, 700_200.0, 5_460_000.0, 40, 60)
    corner = np.add.outer(np.arange(11) * 4.0, np.arange(16) * 4.0).astype(np.float32)
    centre = np.add.outer(np.arange(40) + 0.5, np.arange(60) + 0.5)
    np.testing.assert_allclose(window.spread(corner), centre, rtol=1e-5)


def test_ground_and_degrees_are_each_others_inverse() -> None:
    there = FRAME.from_ground(FRAME.rectangle, 4326)
    back = FRAME.to_ground(there, 4326)
    assert back.symmetric_difference(FRAME.rectangle).area < 1.0
    assert there.contains(there.centroid)
    assert abs(there.centroid.x - 119.99) < 1e-3
