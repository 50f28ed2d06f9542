import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.inference import compare_precisions, lively_network, plain
from detectors.core.errors import NetworkError
from detectors.core.folded import Folded
from detectors.core.inference import Engine, processor_has_bf16, windows
from detectors.core.network import NetworkSpec, reach_px, stride
from detectors.core.types import BoolArray, FloatArray

SPEC = NetworkSpec(channels=("a", "b", "c"), depth=3, decoder_channels=(24, 16, 8))
DEEP = NetworkSpec(channels=("a", "b", "c"), depth=4, decoder_channels=(24, 16, 12, 8))
RESNET = NetworkSpec(channels=("a", "b", "c"), encoder="resnet18", depth=3, decoder_channels=(24, 16, 8))
REACH = reach_px(SPEC)


@pytest.fixture(scope="module")
def module() -> nn.Module:
    return lively_network(SPEC)


def ground(height: int, width: int, seed: int = 0) -> tuple[FloatArray, BoolArray]:
    channels = np.random.default_rng(seed).standard_normal((3, height, width)).astype(np.float32)
    return channels, np.ones((height, width), np.bool_)


def asked_plainly(module: nn.Module, channels: FloatArray) -> FloatArray:
    with torch.inference_mode():
        answer: FloatArray = module(torch.from_numpy(channels)[None])[0].sigmoid().numpy()
    return answer


@pytest.mark.parametrize("spec", [SPEC, DEEP, RESNET], ids=lambda spec: f"{spec.encoder}-{spec.depth}")
def test_the_rewritten_network_gives_the_same_answers(spec: NetworkSpec) -> None:
    module = lively_network(spec)
    channels, seen = ground(176, 144)
    ours = Engine(module, spec, "cpu", "fp32").probabilities(channels, seen, (0, 0))
    assert ours.shape == (2, 176, 144)
    assert ours.dtype == np.float32
    assert np.std(ours) > 0.2
    np.testing.assert_allclose(ours, asked_plainly(module, channels), atol=1e-4)


@pytest.mark.parametrize("span", [((0, 64), (0, 64)), ((3, 4), (61, 64)), ((17, 40), (9, 54))])
def test_a_part_that_is_wanted_equals_that_part_of_the_whole(
    module: nn.Module, span: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    (top, bottom), (left, right) = span
    with torch.inference_mode():
        part = Folded(module, x)(x, *span)
        assert torch.allclose(part, module(x)[:, :, top:bottom, left:right], atol=1e-4)


def test_no_batchnorm_is_left_and_the_given_network_is_not_touched(module: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    folded = Folded(module, torch.zeros(1, 3, 32, 32))
    assert not any(isinstance(each, nn.BatchNorm2d) for each in folded.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_the_same_ground_has_the_same_score_in_every_crop(module: nn.Module, precision: str, within: float) -> None:
    """Crops at odd places: the global grid, not the crop, says where the network's strides begin."""
    channels, seen = ground(300, 280)
    engine = Engine(module, SPEC, "cpu", precision)  # type: ignore[arg-type]
    top, left = -1003, 517
    whole = engine.probabilities(channels, seen, (top, left))
    rows, cols = slice(35, 250), slice(21, 230)
    crop = engine.probabilities(channels[:, rows, cols].copy(), seen[rows, cols], (top + 35, left + 21))
    edge = REACH + stride(SPEC)
    shared = (slice(None), slice(35 + edge, 250 - edge), slice(21 + edge, 230 - edge))
    inner = (slice(None), slice(edge, -edge), slice(edge, -edge))
    assert np.abs(whole[shared] - crop[inner]).max() <= within
    misplaced = engine.probabilities(channels[:, rows, cols].copy(), seen[rows, cols], (top, left))
    assert np.abs(whole[shared] - misplaced[inner]).max() > 0.05


def test_many_windows_give_what_one_gives(module: nn.Module) -> None:
    channels, seen = ground(420, 390)
    one = Engine(module, SPEC, "cpu", "fp32").probabilities(channels, seen, (3, 5))
    engine = Engine(module, SPEC, "cpu", "fp32", window_mpx=0.06)
    assert len(windows(seen, (3, 5), SPEC, 60_000)) > 3
    np.testing.assert_allclose(engine.probabilities(channels, seen, (3, 5)), one, atol=1e-5)


def test_only_what_was_observed_is_answered_and_it_is_the_same(module: nn.Module) -> None:
    channels, seen = ground(260, 300)
    engine = Engine(module, SPEC, "cpu", "fp32")
    everywhere = engine.probabilities(channels, seen, (0, 0))
    seen[:90] = seen[170:] = seen[:, :110] = False
    seen[120, 140] = False
    part = engine.probabilities(channels, seen, (0, 0))
    assert np.array_equal(np.isnan(part), np.broadcast_to(~seen, part.shape))
    np.testing.assert_allclose(part[:, seen], everywhere[:, seen], atol=1e-5)
    asked = windows(seen, (0, 0), SPEC, 10**9)
    assert [window.rows for window in asked] == [(90, 170)]
    assert asked[0].pixels < 0.8 * seen.size


def test_nothing_observed_is_nothing_known(module: nn.Module) -> None:
    channels, seen = ground(40, 50)
    answer = Engine(module, SPEC, "cpu", "fp32").probabilities(channels, np.zeros_like(seen), (0, 0))
    assert answer.shape == (2, 40, 50)
    assert np.isnan(answer).all()


def test_a_mirror_image_need_not_be_copied(module: nn.Module) -> None:
    channels = np.random.default_rng(7).standard_normal((len(SPEC.channels), 90, 70)).astype(np.float32)
    engine = Engine(module, SPEC, "cpu", "fp32", window_mpx=0.003)
    seen = np.ones((90, 70), bool)
    view = engine.probabilities(channels[..., ::-1], seen, (3, -5))
    np.testing.assert_array_equal(view, engine.probabilities(channels[..., ::-1].copy(), seen, (3, -5)))


@pytest.mark.parametrize("window_mpx", [2.5, 0.02], ids=["one window", "several"])
def test_both_ways_are_the_ground_and_its_mirror_image(module: nn.Module, window_mpx: float) -> None:
    channels, seen = ground(130, 171, 9)
    seen[:40, :90] = False
    engine = Engine(module, SPEC, "cpu", "fp32", window_mpx=window_mpx)
    row, col = 3, -5
    plain, turned = engine.both_ways(channels, seen, (row, col))
    np.testing.assert_allclose(plain, engine.probabilities(channels, seen, (row, col)), rtol=0, atol=1e-5)
    mirrored = engine.probabilities(channels[..., ::-1].copy(), seen[:, ::-1].copy(), (row, -col - seen.shape[1]))
    np.testing.assert_allclose(turned, mirrored[..., ::-1], rtol=0, atol=1e-5)
    assert np.nanmax(np.abs(plain - turned)) > 0.01, "two answers, not one"


@pytest.mark.parametrize("window_mpx", [2.5, 0.02], ids=["one window", "several"])
def test_an_input_put_together_from_parts_is_the_same(module: nn.Module, window_mpx: float) -> None:
    channels, seen = ground(130, 171, 9)
    seen[:40, :90] = False
    engine = Engine(module, SPEC, "cpu", "fp32", window_mpx=window_mpx)
    given = engine.given(seen, (3, -5))
    for top, left in itertools.product(range(0, 130, 47), range(0, 171, 60)):
        box = slice(top, min(top + 47, 130)), slice(left, min(left + 60, 171))
        given.put(box, channels[:, *box])
    np.testing.assert_array_equal(engine.said(given, seen), engine.both_ways(channels, seen, (3, -5)))


def test_an_array_smaller_than_a_stride_is_answered(module: nn.Module) -> None:
    channels, seen = ground(3, 5)
    answer = Engine(module, SPEC, "cpu", "fp32").probabilities(channels, seen, (6, 7))
    padded = np.zeros((3, 16, 16), np.float32)
    padded[:, 6:9, 7:12] = channels
    np.testing.assert_allclose(answer, asked_plainly(module, padded)[:, 6:9, 7:12], atol=1e-5)


@pytest.mark.parametrize("most_px", [10, 30_000, 90_000, 10**8])
def test_windows_hold_every_wanted_pixel_once_with_its_reach(most_px: int) -> None:
    seen = np.zeros((517, 803), np.bool_)
    seen[20:500, 33:790] = True
    origin = (-77, 1201)
    times = np.zeros(seen.shape, int)
    for window in windows(seen, origin, SPEC, most_px):
        times[slice(*window.rows), slice(*window.cols)] += 1
        for axis, (span, outer) in enumerate(((window.rows, window.input_rows), (window.cols, window.input_cols))):
            assert (outer[0] + origin[axis]) % 8 == 0
            assert (outer[1] - outer[0]) % 8 == 0
            assert outer[0] <= max(0, span[0] - REACH)
            assert outer[1] >= min(seen.shape[axis], span[1] + REACH)
        assert window.pixels <= max(most_px, (4 * (REACH + 8) + 16) ** 2)
    assert (times[seen] == 1).all()
    assert (times <= 1).all()


@pytest.mark.parametrize("threads", [None, 1])
def test_threads_may_ask_at_once(module: nn.Module, threads: int | None) -> None:
    engine = Engine(module, SPEC, "cpu", "fp32", threads)
    places = [ground(96, 128, seed) for seed in range(6)]
    alone = [engine.probabilities(*place, (0, 0)) for place in places]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda place: engine.probabilities(*place, (0, 0)), places))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_bf16_stays_near_float32(module: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    channels, seen = ground(128, 128)
    found = compare_precisions(module, SPEC, channels, seen)
    assert 0 < found.percentile_99_9 < 0.1
    assert found.worst >= found.percentile_99_9
    assert 0.95 < found.mask_iou <= 1
    assert "99.9 %" in capsys.readouterr().out


def test_the_plain_way_agrees_where_its_windows_know_enough(module: nn.Module) -> None:
    channels, seen = ground(256, 256)
    ours = Engine(module, SPEC, "cpu", "fp32").probabilities(channels, seen, (0, 0))
    np.testing.assert_allclose(plain(module, channels), ours, atol=2e-5)


def test_input_that_does_not_fit_is_refused(module: nn.Module) -> None:
    engine = Engine(module, SPEC, "cpu", "fp32")
    channels, seen = ground(32, 32)
    with pytest.raises(NetworkError, match="wants 3 channels"):
        engine.probabilities(channels[:2], seen, (0, 0))
    with pytest.raises(NetworkError, match="wants 3 channels"):
        engine.probabilities(channels, seen[:16], (0, 0))
    channels[0, 5, 5] = np.nan
    with pytest.raises(NetworkError, match="NaN"):
        engine.probabilities(channels, seen, (0, 0))


def test_precision_is_chosen_by_the_processor(module: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Engine(module, SPEC, "cpu").precision == ("bf16" if processor_has_bf16() else "fp32")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert Engine(module, SPEC, "cpu").precision == "fp32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": True})
    assert Engine(module, SPEC, "cpu").precision == "bf16"


def test_a_gpu_that_is_not_there_is_said(module: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Engine(module, SPEC, "auto").device.type == "cpu"
    with pytest.raises(NetworkError, match="no GPU"):
        Engine(module, SPEC, "cuda")
