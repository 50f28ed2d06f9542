import itertools

import numpy as np
import pytest

from imagery.simulated.curriculum import EXAM_SEEDS, TRAIN_SEEDS, exam_specs, train_specs

TRAIN, EXAM = train_specs(1, 300), exam_specs(1, 100)


def test_sets_are_reproducible_different_and_never_meet() -> None:
    assert train_specs(1, 20) == TRAIN[:20]
    seeds = [spec.seed for spec in (*TRAIN, *train_specs(2, 300), *EXAM, *exam_specs(2, 100))]
    assert len(set(seeds)) == len(seeds)
    assert all(spec.seed in TRAIN_SEEDS for spec in (*TRAIN, *train_specs(999, 2)))
    assert all(spec.seed in EXAM_SEEDS for spec in (*EXAM, *exam_specs(999, 2)))
    assert not range(max(TRAIN_SEEDS.start, EXAM_SEEDS.start), min(TRAIN_SEEDS.stop, EXAM_SEEDS.stop))
    for first, second in itertools.pairwise(TRAIN):
        assert first.model_copy(update={"seed": 0}) != second.model_copy(update={"seed": 0})


def test_sensors_seasons_and_counts_are_as_promised() -> None:
    share = {name: np.mean([spec.sensor == name for spec in TRAIN]) for name in ("sentinel-2", "landsat")}
    assert 0.62 < share["sentinel-2"] < 0.78
    assert 0.09 < share["landsat"] < 0.21
    months = [date.month for spec in TRAIN for date in spec.dates]
    assert np.mean([6 <= month <= 9 for month in months]) > 0.8
    assert {5, 6, 7, 8, 9} <= set(months)
    apart = [abs(spec.before[0].timetuple().tm_yday - spec.after[0].timetuple().tm_yday) for spec in TRAIN]
    assert np.mean([days <= 12 for days in apart]) > 0.6
    assert np.mean([days > 25 for days in apart]) > 0.08
    for spec in TRAIN:
        planted = sum(spec.planted.model_dump().values())
        assert planted >= (15 if spec.sensor != "dom" else 8)
        assert planted <= 30
        assert spec.before[0].year < spec.after[0].year
        assert len(spec.after) in (1, 2)
    kinds = {kind for spec in TRAIN for kind, count in spec.planted.model_dump().items() if count}
    assert kinds == set(TRAIN[0].planted.model_dump())
    decoys = {kind for spec in TRAIN for kind, count in spec.decoys.model_dump().items() if count}
    assert decoys == set(TRAIN[0].decoys.model_dump())


def test_worlds_lie_in_one_zone() -> None:
    for spec in (*TRAIN, *EXAM):
        half = spec.width_m / 2 / 111_320 / np.cos(np.radians(spec.centre[1]))
        assert spec.centre[0] - half > 114.05
        assert spec.centre[0] + half < 119.95


def test_exams_have_droughts_that_come_suddenly() -> None:
    severe = [spec for spec in EXAM if dict(spec.years)[spec.after[0].year] >= 0.7]
    assert len(severe) >= 50
    assert all(spec.variety == 1 for spec in EXAM)


@pytest.mark.parametrize(("seed", "count"), [(-1, 1), (1_000, 1), (0, 100_001), (0, -1)])
def test_sets_that_could_meet_are_refused(seed: int, count: int) -> None:
    with pytest.raises(ValueError, match="a set of worlds"):
        train_specs(seed, count)
