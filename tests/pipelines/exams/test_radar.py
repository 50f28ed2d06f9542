"""Radar alone against what others drew and dated."""

import csv
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import BadInputError
from pipelines.exams.radar import EPOCH, measure_radar_pairs, measure_radar_series


def write_pair(real: Path) -> None:
    rng = np.random.default_rng(1)
    drawn = np.zeros((120, 120), np.uint8)
    drawn[30:80, 40:70] = 255
    before = rng.gamma(4, 25, drawn.shape)
    after = rng.gamma(4, 25, drawn.shape) * np.where(drawn, 0.25, 1)
    (real / "sar_water").mkdir(parents=True)
    for name, picture in (("1", before), ("2", after), ("gt", drawn)):
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(real / "sar_water" / f"one_{name}.bmp")


def write_series(real: Path) -> None:
    folder = real / "s1_myanmar_series"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(2)
    days = [dt.date(2016, 1, 1) + dt.timedelta(days=12 * number) for number in range(60)]
    decibels = rng.normal(-10, 1, (60, 2, 60, 60))
    decibels[40:46, :, :20, :20] -= 4
    bounds = np.array([0.0, 1800.0, 0.0, 1800.0])
    np.savez(folder / "s.npz", s1=(100 * decibels).astype(np.int16), dates=[f"{d:%Y%m%d}" for d in days], bounds=bounds)
    date = (days[40] - EPOCH).days
    with (folder / "dt_ref.csv").open("w", newline="") as file:
        rows = [(30 * k + 165, 1800 - 30 * k - 165, date) for k in range(10)]
        rows += [(30 * k + 915, 1800 - 30 * k - 915, "") for k in range(20)]
        csv.writer(file).writerows([("x", "y", "date"), *rows])


def test_a_pair_is_measured_against_its_mask(tmp_path: Path) -> None:
    write_pair(tmp_path)
    part = measure_radar_pairs(tmp_path, tmp_path, "auto")
    assert part.failed == ()
    assert part.values("F1")[0] > 0.85
    assert np.isnan(part.values("brighter from")[0])
    assert all(check.met for check in part.checks)


def test_a_series_is_dated(tmp_path: Path) -> None:
    write_series(tmp_path)
    part = measure_radar_series(tmp_path, tmp_path, "auto")
    assert part.values("disturbed") == [10, 10]
    assert part.values("recall")[1] == 1
    assert part.values("median d")[1] <= 12
    assert all(check.met for check in part.checks)


def test_what_is_missing_or_strange_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="sar_water"):
        measure_radar_pairs(tmp_path, tmp_path, "auto")
    with pytest.raises(BadInputError, match="dt_ref"):
        measure_radar_series(tmp_path, tmp_path, "auto")
    write_pair(tmp_path)
    (tmp_path / "sar_water" / "one_2.bmp").write_bytes(b"no picture")
    ((name, reason),) = measure_radar_pairs(tmp_path, tmp_path, "auto").failed
    assert name == "one"
    assert "one_2.bmp" in reason
    write_series(tmp_path)
    (tmp_path / "s1_myanmar_series" / "s.npz").write_bytes(b"PK no archive")
    with pytest.raises(BadInputError, match="not a series"):
        measure_radar_series(tmp_path, tmp_path, "auto")


@pytest.mark.real
def test_real_pairs_come_near_the_best_threshold(real_data: Path, tmp_path: Path) -> None:
    part = measure_radar_pairs(real_data, tmp_path, "auto")
    assert part.failed == ()
    assert len(part.checks) == 2
    assert all(check.met for check in part.checks)


@pytest.mark.real
def test_real_disturbances_are_found_and_dated(real_data: Path, tmp_path: Path) -> None:
    part = measure_radar_series(real_data, tmp_path, "auto")
    assert part.values("recall")[1] >= 0.6
    assert part.values("false alarms")[1] <= 0.1
    assert part.values("median d")[1] < 45
