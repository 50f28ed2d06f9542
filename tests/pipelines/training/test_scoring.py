import numpy as np
import pytest
import torch

from detectors.core.errors import TooLittleGroundError
from detectors.core.features import CHANNELS, Features
from detectors.core.inference import Engine
from detectors.core.network import NetworkSpec, build
from pipelines.errors import BadInputError
from pipelines.training.dataset import Item
from pipelines.training.scoring import LOW_OF_HIGH, best_threshold, calibrate, platt, rarities, scoring_of

SPEC = NetworkSpec(channels=CHANNELS, encoder="resnet18", depth=1, decoder_channels=(4,))


def scores(seed: int, count: int = 60_000, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores of which those of changes are higher, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < share
    return np.where(truth, rng.normal(4, 1.5, count), rng.normal(1, 1, count)).astype(np.float32), truth


def test_a_score_of_eight_tenths_is_right_eight_times_in_ten() -> None:
    points = np.array(calibrate(*scores(0)))
    raw, truth = scores(1)
    said = np.interp(raw, *points.T)
    for level in (0.2, 0.5, 0.8):
        near = np.abs(said - level) < 0.05
        assert near.sum() > 300
        assert truth[near].mean() == pytest.approx(level, abs=0.06)


def test_calibration_rises() -> None:
    points = np.array(calibrate(*scores(2)))
    assert len(points) > 10
    assert (np.diff(points[:, 0]) > 0).all()
    assert (np.diff(points[:, 1]) >= 0).all()
    assert points[0, 1] == 0
    assert 0.9 < points[-1, 1] <= 1


@pytest.mark.parametrize(("slope", "offset"), [(0.7, -0.6), (2.0, 1.5)])
def test_what_is_too_sure_is_brought_back_to_what_comes_true(slope: float, offset: float) -> None:
    rng = np.random.default_rng(5)
    true_odds = rng.normal(-2, 2, 200_000)
    truth = rng.random(true_odds.size) < 1 / (1 + np.exp(-true_odds))
    said = ((true_odds - offset) / slope).astype(np.float32)
    assert platt(said, truth) == pytest.approx((slope, offset), abs=0.05)


def test_what_tells_nothing_is_nowhere_sure() -> None:
    rng = np.random.default_rng(6)
    truth = rng.random(50_000) < 0.1
    slope, offset = platt(np.where(truth, -2.0, 2.0).astype(np.float32), truth)
    assert 0 < slope < 0.05
    assert offset == pytest.approx(np.log(0.1 / 0.9), abs=0.3)
    with pytest.raises(BadInputError, match="more validation"):
        platt(np.zeros(4, np.float32), np.zeros(4, np.bool_))


@pytest.mark.parametrize("values", [[1.0, 1, 1, 1], [0.0, 1, 2, 5]], ids=["constant", "one change"])
def test_few_values_are_calibrated_as_well(values: list[float]) -> None:
    points = np.array(calibrate(np.array(values, np.float32), np.array([False, False, False, True])))
    assert (np.diff(points[:, 0]) > 0).all()
    assert (np.diff(points[:, 1]) >= 0).all()


def test_a_higher_score_of_nothing_does_not_bend_it_down() -> None:
    raw, truth = scores(3)
    raw[:3000], truth[:3000] = 4.5, False
    points = np.array(calibrate(raw, truth))
    assert (np.diff(points[:, 1]) >= 0).all()


def test_the_best_threshold_parts_what_can_be_parted() -> None:
    score = np.r_[np.full(900, 0.3), np.full(100, 0.7)]
    threshold, figures = best_threshold(score, score > 0.5)
    assert 0.3 < threshold <= 0.7
    assert figures == {"precision": 1, "recall": 1, "f1": 1}


def test_the_best_threshold_has_the_best_f1() -> None:
    raw, truth = scores(4)
    score = 1 / (1 + np.exp(-raw + 2))
    threshold, figures = best_threshold(score, truth)
    called = score >= threshold
    assert figures["precision"] == pytest.approx(truth[called].mean())
    assert figures["recall"] == pytest.approx(called[truth].mean())
    for other in (0.2, 0.5, 0.8):
        hits = (truth & (score >= other)).sum()
        assert 2 * hits / (truth.sum() + (score >= other).sum()) <= figures["f1"] + 1e-9


@pytest.fixture(scope="module")
def engine() -> Engine:
    torch.manual_seed(0)
    return Engine(build(SPEC).eval(), SPEC, "cpu", "fp32")


def channels(seed: int, truth: np.ndarray | None = None) -> np.ndarray:
    """Features of which the anomaly is higher where there is a change."""
    out = np.random.default_rng(seed).standard_normal((len(CHANNELS), 96, 96)).astype(np.float32)
    if truth is not None:
        out[CHANNELS.index("unusual")][truth] += 3
    out[CHANNELS.index("observed")] = 1
    out[:, :8] = 0
    return out


def seen(seed: int) -> Features:
    values = channels(seed)
    return Features(values, values[CHANNELS.index("observed")] > 0)


def item(seed: int) -> Item:
    truth = np.zeros((96, 96), bool)
    truth[30:50, 40:60] = True
    targets = np.stack([truth, truth]).astype(np.uint8)
    targets[0, 60:, 60:] = 255
    return Item(channels(seed, truth).astype(np.float16), targets, "real", True)


def test_scoring_is_fitted_on_planted_changes(engine: Engine) -> None:
    made = scoring_of(engine, [seen(0), seen(1)], [item(2), item(3)])
    assert made.low == pytest.approx(LOW_OF_HIGH * made.high, abs=1e-3)
    assert 0.05 <= made.high <= 0.95
    assert made.figures["recall"] > 0.5
    assert made.figures["precision"] > 0.5
    assert (np.diff(np.array(made.calibration)[:, 1]) >= 0).all()


def test_what_is_left_out_of_the_loss_is_left_out_here(engine: Engine) -> None:
    one = item(2)
    inputs = one.inputs.copy()
    inputs[CHANNELS.index("unusual"), 70:, 70:] = 4  # would be many false calls
    other = Item(inputs, one.targets, "real", True)
    first, second = (scoring_of(engine, [seen(0)], [each]) for each in (one, other))
    assert second.figures["precision"] == pytest.approx(first.figures["precision"], abs=0.05)


def test_rarity_is_that_of_real_ground(engine: Engine) -> None:
    unusual = rarities(engine, [seen(0), seen(1)]).unusual
    # the anomaly is standard normal there: one in 44 exceeds 2
    assert unusual(np.array([2], np.float32))[0] == pytest.approx(3.78, abs=0.3)


def test_without_real_ground_or_planted_changes_nothing_can_be_said(engine: Engine) -> None:
    with pytest.raises(BadInputError, match="no real pair"):
        scoring_of(engine, [], [item(2)])
    unseen = Features(np.zeros((len(CHANNELS), 96, 96), np.float32), np.zeros((96, 96), bool))
    with pytest.raises(TooLittleGroundError):
        scoring_of(engine, [unseen], [item(2)])
    quiet = Item(item(2).inputs, np.zeros((2, 96, 96), np.uint8), "real", True)
    with pytest.raises(BadInputError, match="no change could be planted"):
        scoring_of(engine, [seen(0)], [quiet])
