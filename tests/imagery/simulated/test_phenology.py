import datetime as dt

import numpy as np
import pytest
import shapely

from imagery.simulated.cropland import BALK_M, Cropland
from imagery.simulated.phenology import CROPS, greenness
from imagery.simulated.spectra import ENDMEMBERS, INDEX, TABLE


def test_grass_is_green_in_july_and_dead_in_winter() -> None:
    year = [greenness(dt.date(2024, month, 15)) for month in range(1, 13)]
    assert max(year) == year[6] > 0.95
    assert greenness(dt.date(2024, 1, 15)) < 0.01
    assert greenness(dt.date(2024, 4, 20)) < 0.05
    assert 0.1 < greenness(dt.date(2024, 10, 1)) < 0.5


@pytest.mark.parametrize("crop", CROPS, ids=lambda crop: crop.name)
def test_a_field_is_always_wholly_covered(crop: object) -> None:
    for day in range(0, 365, 5):
        phase = crop.phase(dt.date(2023, 1, 1) + dt.timedelta(days=day), 3.0)
        assert sum(phase) == pytest.approx(1)
        assert min(phase) >= 0


def test_rape_flowers_in_july_and_wheat_is_stubble_in_september() -> None:
    wheat, rape, *_ = CROPS
    assert rape.phase(dt.date(2024, 7, 18), 0).flower > 0.5
    assert wheat.phase(dt.date(2024, 7, 18), 0).flower == 0
    assert wheat.phase(dt.date(2024, 9, 10), 0).stubble > 0.8


def test_the_outline_of_a_field_holds_the_places_of_its_plot() -> None:
    land = Cropland(4, 0.4)
    x, y = np.meshgrid(np.arange(500_000, 504_000, 50.0), np.arange(5_450_000, 5_454_000, 50.0))
    plots = land.locate(x, y)
    inside = plots.ploughed & (plots.edge_m > BALK_M + 1)
    assert 0.1 < plots.ploughed.mean() < 0.9
    row, col = np.argwhere(inside)[len(np.argwhere(inside)) // 2]
    field = land.outline(float(x[row, col]), float(y[row, col]))
    same = inside & (plots.column == plots.column[row, col]) & (plots.row == plots.row[row, col])
    held = shapely.contains_xy(field, x, y)
    assert np.array_equal(held & inside, same)


def test_spectra_have_the_marks_of_their_covers() -> None:
    def index(name: str, first: int, second: int) -> float:
        low, high = TABLE[first, INDEX[name]], TABLE[second, INDEX[name]]
        return float((high - low) / (high + low))

    assert TABLE.shape == (7, len(ENDMEMBERS))
    assert index("green_grass", 2, 3) > 0.75
    assert index("clear_water", 3, 1) > 0.3
    assert index("snow", 4, 1) > 0.6
    assert all(index(name, 3, 4) > 0.08 for name in ("dry_grass", "chestnut_soil", "spoil", "gravel", "char"))
    assert all(TABLE[:6, INDEX[name]].max() < 0.16 for name in ("coal", "char", "clear_water"))
