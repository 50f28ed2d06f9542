"""Dates between which nothing happened."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import BadInputError
from pipelines.exams.cleardates import FILE, OTHER, SAME, WITHIN, kind_of, measure_clear_dates, read_stack

CODES = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
GROUND = (0.11, 0.08, 0.07, 0.04, 0.07, 0.18, 0.24, 0.23, 0.26, 0.08, 0.001, 0.12, 0.05)
DUG = (0.14, 0.13, 0.15, 0.19, 0.21, 0.23, 0.25, 0.26, 0.28, 0.10, 0.001, 0.36, 0.30)


def write_stack(real: Path, dates: list[str], dug: int, size: int = 120, cloudy: tuple[int, ...] = ()) -> None:
    rng = np.random.default_rng(2)
    texture = rng.normal(1, 0.08, (size, size, 1))
    bands = np.stack([texture * GROUND + rng.normal(0, 0.002, (size, size, 13)) for _ in dates]).astype(np.float32)
    bands[-1, 20 : 20 + dug, 20 : 20 + dug] = DUG
    cloud = np.zeros((len(dates), size, size), np.uint8)
    for t in cloudy:
        cloud[t, : size // 10] = 1
    path = real / FILE
    path.parent.mkdir(parents=True)
    box = np.array([465_000.0, 5_079_000.0, 465_000.0 + 10 * size, 5_079_000.0 + 10 * size])
    np.savez_compressed(path, bands=bands, dates=dates, clm=cloud, band_names=CODES, bbox_utm33n=box)


def test_every_pair_of_clear_dates_is_scanned_and_what_is_called_counted(tmp_path: Path) -> None:
    write_stack(tmp_path, ["2015-07-11T10:00:08", "2016-07-20T10:00:09", "2017-07-05T10:00:17"], dug=12, cloudy=(1,))
    part = measure_clear_dates(tmp_path, tmp_path / "work", "training-free")
    assert part.failed == ()
    (row,) = part.rows
    assert row[:3] == ("2015-07-11", "2017-07-05", SAME)
    called = part.values("called")[0]
    assert 0.005 < called < 0.03  # 144 of 14,400 pixels, and their mixed rim
    assert part.values("observed") == pytest.approx([1], abs=0.01)
    assert [(check.value, check.met) for check in part.checks[:2]] == [(called, False), (called, False)]
    assert np.isnan(part.checks[2].value)  # no pair of other seasons


def test_pairs_that_can_not_be_scored_are_told(tmp_path: Path) -> None:
    write_stack(tmp_path, ["2015-07-11T10:00:08", "2016-07-20T10:00:09"], dug=0, size=24)
    part = measure_clear_dates(tmp_path, tmp_path / "work", "training-free")
    ((name, reason),) = part.failed
    assert name == "2015-07-11/2016-07-20"
    assert "not one pixel was scored: too little ground" in reason
    assert not any(check.met for check in part.checks)


def test_seasons_run_over_the_new_year() -> None:
    assert kind_of(dt.date(2016, 12, 12), dt.date(2017, 1, 11)) == SAME
    assert kind_of(dt.date(2015, 7, 11), dt.date(2017, 1, 11)) == OTHER
    assert kind_of(dt.date(2015, 7, 11), dt.date(2015, 9, 9)) == WITHIN


def test_a_file_that_is_no_stack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="missing or no stack"):
        read_stack(tmp_path / "nothing.npz")
    (tmp_path / "words.npz").write_bytes(b"words")
    with pytest.raises(BadInputError, match="missing or no stack"):
        read_stack(tmp_path / "words.npz")


@pytest.mark.real
def test_the_real_stack_has_six_clear_dates(real_data: Path) -> None:
    stack = read_stack(real_data / FILE)
    assert [stack.times[t].date().isoformat() for t in stack.clear()] == [
        "2015-07-11",
        "2015-08-30",
        "2015-09-09",
        "2016-12-12",
        "2017-01-01",
        "2017-01-11",
    ]
    assert stack.geobox.resolution.x == pytest.approx(10, abs=0.01)
