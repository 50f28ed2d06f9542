"""Looks of the past at small windows, and yearly composites."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.archive import Archive
from imagery.scene import Scene
from imagery.series import Wanted, looks, looks_at, yearly

LEFT, TOP = 512_000, 5_406_720
WINDOW = GeoBox((8, 8), Affine(10, 0, LEFT + 100, 0, -10, TOP - 100), "EPSG:32650")
SUMMER, AUTUMN = ((6, 1), (8, 31)), ((9, 1), (10, 31))
BANDS = ("red", "nir")
Make = Callable[..., list[Scene]]


@pytest.fixture
def scenes(raster: Callable[..., Path], tmp_path: Path) -> Make:
    """Scenes of (day, red DN, nir DN, share hidden from the top)."""

    def make(*told: tuple[str, int, int, float]) -> list[Scene]:
        folders = []
        for day, red, nir, hidden in told:
            folder = tmp_path / "scenes" / day
            folders.append(folder)
            for code, dn in (("B03", red), ("B04", red), ("B08", nir)):
                raster(folder / f"{code}.tif", np.full((40, 40), dn, np.uint16))
            scl = np.full((20, 20), 4, np.uint8)
            scl[5 : 5 + round(4 * hidden)] = 0  # the window begins at row 10 of 10 m; around cloud more would be hidden
            raster(folder / "SCL.tif", scl, 20)
            note = {"datetime": f"{day}T03:00:00Z", "level": "L2A", "sensor": "sentinel-2", "scale": 1e-4, "offset": 0}
            (folder / "scene.json").write_text(json.dumps(note))
        archive = Archive.create_or_open(tmp_path / "archive")
        assert not archive.add(folders).refused
        return list(archive.scenes())

    return make


def test_only_the_years_and_seasons_asked_for_are_read_in_order(scenes: Make) -> None:
    there = scenes(
        ("2024-07-01", 500, 3000, 0), ("2022-07-01", 700, 3000, 0), ("2023-05-01", 1, 1, 0), ("2021-07-01", 1, 1, 0)
    )  # fmt: skip
    days, values, failures = looks(there, WINDOW, ("nir", "red", "rededge1"), [SUMMER], [2022, 2023, 2024], 40)
    assert days == [dt.date(2022, 7, 1), dt.date(2024, 7, 1)]
    assert values.shape == (2, 3, 8, 8)
    np.testing.assert_allclose(values[:, :2, 0, 0], [[0.3, 0.07], [0.3, 0.05]], atol=1e-6)
    assert np.isnan(values[:, 2]).all()  # no scene has it
    assert failures == ()


def test_where_there_are_more_the_clearest_stay_and_every_year_keeps_its_share(scenes: Make) -> None:
    there = scenes(
        ("2023-07-01", 1000, 3000, 0.5), ("2023-07-06", 1000, 3000, 0), ("2023-07-11", 1000, 3000, 0.75),
        ("2024-07-01", 1000, 3000, 0.75), ("2024-09-03", 1000, 3000, 0.5),
    )  # fmt: skip
    assert looks(there, WINDOW, BANDS, [SUMMER, AUTUMN], [2023, 2024], 3)[0] == [
        dt.date(2023, 7, 6), dt.date(2024, 7, 1), dt.date(2024, 9, 3),
    ]  # fmt: skip
    days, values, _ = looks(there, WINDOW, BANDS, [SUMMER, AUTUMN], [2023, 2024], 4)
    assert days == [dt.date(2023, 7, 1), dt.date(2023, 7, 6), dt.date(2024, 7, 1), dt.date(2024, 9, 3)]
    assert np.isnan(values[:, 0]).mean(axis=(1, 2)).tolist() == [0.5, 0, 0.75, 0.5]


def test_what_saw_nothing_is_no_look_and_nothing_after_the_last_day_counts(scenes: Make) -> None:
    there = scenes(("2023-07-01", 1, 1, 1.0), ("2024-07-01", 1000, 3000, 0), ("2024-08-01", 1000, 3000, 0))
    wanted = Wanted(WINDOW, BANDS, (SUMMER,), (2023, 2024), 40, dt.date(2024, 7, 31))
    (seen,), _ = looks_at(there, [wanted])
    assert seen.days == (dt.date(2024, 7, 1),)
    (empty,), _ = looks_at([], [wanted])
    assert (empty.days, empty.values.shape) == ((), (0, 2, 8, 8))


def test_many_windows_are_the_same_as_one_at_a_time(scenes: Make) -> None:
    there = scenes(("2023-07-01", 500, 2500, 0.25), ("2024-07-01", 1000, 3000, 0))
    shifted = [GeoBox((4, 6), Affine(10, 0, LEFT + dx, 0, -10, TOP - 120), "EPSG:32650") for dx in (50, 110, 330)]
    together, _ = looks_at(there, [Wanted(box, BANDS, (SUMMER,), (2023, 2024), 40) for box in shifted])
    for box, seen in zip(shifted, together, strict=True):
        days, values, _ = looks(there, box, BANDS, [SUMMER], [2023, 2024], 40)
        assert list(seen.days) == days
        np.testing.assert_array_equal(seen.values, values)


def test_a_scene_that_can_not_be_read_is_reported_and_left_out(scenes: Make) -> None:
    there = scenes(("2023-07-01", 500, 2500, 0), ("2024-07-01", 1000, 3000, 0))
    Path(there[0].assets["nir"].href).write_bytes(b"II*\0")
    days, _, failures = looks(there, WINDOW, BANDS, [SUMMER], [2023, 2024], 40)
    assert days == [dt.date(2024, 7, 1)]
    assert [failure.scene_id for failure in failures] == [there[0].id]
    assert [f.scene_id for f in yearly(there, WINDOW, BANDS, SUMMER, [2023], "median")[2]] == [there[0].id]


@pytest.mark.parametrize(
    ("choose", "red", "day"),
    [("latest", 0.11, 21), ("barest", 0.2, 11), ("greenest", 0.05, 1), ("median", 0.11, 21)],
)
def test_each_way_takes_its_own_look(scenes: Make, choose: str, red: float, day: int) -> None:
    there = scenes(("2024-07-01", 500, 4000, 0), ("2024-07-11", 2000, 2500, 0), ("2024-07-21", 1100, 3000, 0))
    values, days, failures = yearly(there, WINDOW, ("red",), SUMMER, [2023, 2024], choose)
    assert values.shape == (2, 1, 8, 8)
    np.testing.assert_allclose(values[1], red, atol=1e-6)
    assert set(days[1].ravel()) == {dt.date(2024, 7, day).toordinal()}
    assert np.isnan(values[0]).all()
    assert not days[0].any()
    assert failures == ()


def test_cloud_leaves_a_pixel_to_the_other_looks_and_an_even_number_has_its_mean(scenes: Make) -> None:
    there = scenes(("2024-07-01", 500, 4000, 0), ("2024-07-21", 1100, 3000, 0.5))
    values, days, _ = yearly(there, WINDOW, ("red",), SUMMER, [2024], "median")
    np.testing.assert_allclose(values[0, 0, :, 0], [0.05] * 4 + [0.08] * 4, atol=1e-6)
    assert sorted(set(days.ravel())) == [dt.date(2024, 7, 1).toordinal(), dt.date(2024, 7, 21).toordinal()]


def test_strips_of_rows_give_the_same_medians(scenes: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    there = scenes(("2024-07-01", 500, 4000, 0.25), ("2024-07-11", 800, 4000, 0), ("2024-07-21", 1100, 3000, 0.5))
    whole = yearly(there, WINDOW, BANDS, SUMMER, [2024], "median")
    monkeypatch.setattr("imagery.yearly.STRIP_VALUES", 3 * 2 * 8 * 3)
    cut = yearly(there, WINDOW, BANDS, SUMMER, [2024], "median")
    np.testing.assert_array_equal(whole[0], cut[0])
    np.testing.assert_array_equal(whole[1], cut[1])


def test_only_the_box_around_what_is_wanted_is_read(scenes: Make) -> None:
    there = scenes(("2024-07-01", 500, 4000, 0))
    wanted = np.zeros(WINDOW.shape, np.bool_)
    wanted[2:4, 5] = True
    values, days, _ = yearly(there, WINDOW, ("red",), SUMMER, [2024], "barest", wanted)
    assert np.isfinite(values[0, 0]).tolist() == wanted.tolist() == (days[0] > 0).tolist()
    assert np.isnan(yearly(there, WINDOW, ("red",), SUMMER, [2024], "latest", ~wanted & wanted)[0]).all()


def test_a_way_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no way 'best'"):
        yearly([], WINDOW, BANDS, SUMMER, [2024], "best")
