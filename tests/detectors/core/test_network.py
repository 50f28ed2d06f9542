import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.inference import lively_network
from detectors.core.errors import NetworkError
from detectors.core.network import NetworkSpec, build, load, reach_px, rescaled, stride, to_tensors

SHALLOW = NetworkSpec(channels=("a", "b", "c"), depth=3, decoder_channels=(24, 16, 8))
RESNET = NetworkSpec(channels=("a", "b", "c"), encoder="resnet18", depth=3, decoder_channels=(24, 16, 8))


@pytest.fixture(scope="module")
def lively() -> nn.Module:
    return lively_network(SHALLOW)


def test_a_spec_survives_json() -> None:
    assert NetworkSpec.from_dict(json.loads(json.dumps(SHALLOW.to_dict()))) == SHALLOW


@pytest.mark.parametrize(
    "change",
    [
        {"depth": 6, "decoder_channels": [8] * 6},
        {"decoder_channels": [8, 8]},
        {"channels": []},
        {"channels": ["a", "a"]},
        {"channels": "abc"},
        {"classes": None},
        {"colour": "blue"},
        {"depth": "deep"},
    ],
)
def test_a_spec_that_can_not_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(NetworkError):
        NetworkSpec.from_dict(SHALLOW.to_dict() | change)


def test_a_network_has_named_inputs_and_outputs_and_the_size_of_its_input() -> None:
    module = build(NetworkSpec(channels=tuple("abcde"), classes=("x", "y", "z"))).eval()
    assert module(torch.zeros(1, 5, 32, 48)).shape == (1, 3, 32, 48)


@pytest.mark.parametrize("spec", [SHALLOW, RESNET], ids=lambda spec: spec.encoder)
def test_every_parameter_is_used(spec: NetworkSpec) -> None:
    module = build(spec)
    module(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_building_draws_the_same_weights_for_the_same_seed() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(to_tensors(build(SHALLOW)))
    assert all(np.array_equal(drawn[0][name], drawn[1][name]) for name in drawn[0])


@pytest.mark.parametrize(
    ("spec", "known"),
    [(SHALLOW, 51), (NetworkSpec(channels=("a",)), 179), (RESNET, 71)],
    ids=["mobilenet_v2-3", "mobilenet_v2-4", "resnet18-3"],
)
def test_reach_is_what_was_measured_once(spec: NetworkSpec, known: int) -> None:
    assert reach_px(spec) == known


def positive(module: nn.Module) -> nn.Module:
    """A network whose paths can not cancel: random positive weights, and inputs too small for ReLU6 to saturate."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            each.weight.data = torch.rand_like(each.weight) + 0.5
            each.weight.data /= each.weight[0].sum()
            if each.bias is not None:
                each.bias.data.zero_()
    return module.double().eval()


def test_gradients_reach_as_far_as_said_and_no_farther() -> None:
    module, reach, size = positive(build(SHALLOW)), reach_px(SHALLOW), 160
    farthest = 0
    for phase in range(stride(SHALLOW)):
        x = torch.full((1, 3, size, 16), 1e-3, dtype=torch.float64, requires_grad=True)
        place = size // 2 + phase
        (gradient,) = torch.autograd.grad(module(x)[0, 0, place, 8], x)
        touched = gradient.sum(dim=(0, 1, 3)).nonzero()[:, 0]
        farthest = max(farthest, place - int(touched.min()), int(touched.max()) - place)
    assert farthest == reach


@pytest.mark.parametrize("spec", [SHALLOW, RESNET], ids=lambda spec: spec.encoder)
def test_what_lies_beyond_the_reach_changes_nothing(spec: NetworkSpec) -> None:
    module, reach = lively_network(spec), reach_px(spec)
    generator = torch.Generator().manual_seed(1)
    size = -(-(2 * reach + 24) // 8) * 8
    x = torch.randn(1, 3, size, size, generator=generator)
    other = 5 * torch.randn(1, 3, size, size, generator=generator)
    first, last = reach + 8, size - reach - 8  # pixels of which all is known
    other[:, :, first - reach : last + reach, first - reach : last + reach] = x[
        :, :, first - reach : last + reach, first - reach : last + reach
    ]
    with torch.inference_mode():
        one, two = module(x), module(other)
    inner = (..., slice(first, last), slice(first, last))
    assert not torch.allclose(one, two, atol=0.1)
    assert torch.allclose(one[inner], two[inner], atol=1e-5)


def test_a_shift_by_the_stride_shifts_the_answer(lively: nn.Module) -> None:
    reach, step = reach_px(SHALLOW), stride(SHALLOW)
    x = torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        here, shifted = lively(x), lively(x.roll((step, 2 * step), (2, 3)))
    inner = slice(reach + 2 * step, 160 - reach - 2 * step)
    assert torch.allclose(here.roll((step, 2 * step), (2, 3))[..., inner, inner], shifted[..., inner, inner], atol=1e-5)
    odd = lively(x.roll((1, 1), (2, 3))).roll((-1, -1), (2, 3))
    assert not torch.allclose(here[..., inner, inner], odd[..., inner, inner], atol=1e-2)


@pytest.mark.filterwarnings("ignore:`timm-` encoders are deprecated")
@pytest.mark.parametrize("encoder", ["efficientnet-b0", "timm-mobilenetv3_small_100", "se_resnet50", "mit_b0"])
def test_encoders_that_see_the_whole_chip_are_refused_by_name(encoder: str) -> None:
    with pytest.raises(NetworkError, match=rf"{encoder}.*reach.*mobilenet_v2"):
        build(NetworkSpec(channels=("a", "b", "c"), encoder=encoder))


def test_a_pooling_that_hides_in_a_function_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: Callable[..., NetworkSpec] = NetworkSpec
    plain = nn.functional.conv2d
    monkeypatch.setattr(nn.functional, "conv2d", lambda x, *rest: plain(x, *rest) + x.mean())
    with pytest.raises(NetworkError, match="whole chip"):
        reach_px(whole(channels=("a",), encoder="resnet34", depth=1, decoder_channels=(4,)))


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(NetworkError, match="no encoder 'resnet19'"):
        build(NetworkSpec(channels=("a",), encoder="resnet19"))


def test_weights_come_back_as_they_were_kept(lively: nn.Module) -> None:
    kept = to_tensors(lively)
    assert not any(name.endswith("num_batches_tracked") for name in kept)
    assert kept["encoder.features.0.1.running_var"].dtype == np.float32
    assert sum(tensor.nbytes for tensor in kept.values()) < 0.5e6
    loaded = load(SHALLOW, kept)
    assert not loaded.training
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
    assert all(np.array_equal(kept[name], again) for name, again in to_tensors(loaded).items())
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(loaded(x).sigmoid(), lively(x).sigmoid(), atol=0.01)


def test_tiny_variances_survive(lively: nn.Module) -> None:
    lively.get_buffer("encoder.features.0.1.running_var")[0] = 1e-9
    assert load(SHALLOW, to_tensors(lively)).get_buffer("encoder.features.0.1.running_var")[0] == np.float32(1e-9)


def test_weights_that_do_not_fit_are_refused() -> None:
    kept = to_tensors(build(SHALLOW))
    name = "segmentation_head.0.bias"
    with pytest.raises(NetworkError, match=name):
        load(SHALLOW, {key: value for key, value in kept.items() if key != name})
    with pytest.raises(NetworkError, match="extra"):
        load(SHALLOW, kept | {"extra": np.zeros(1, np.float16)})
    with pytest.raises(NetworkError, match=rf"{name} is \(5,\)"):
        load(SHALLOW, kept | {name: np.zeros(5, np.float16)})
    with pytest.raises(NetworkError, match="not finite"):
        load(SHALLOW, kept | {name: np.full(2, np.nan, np.float16)})


def test_a_diverged_network_is_not_kept() -> None:
    module = build(SHALLOW)
    module.get_parameter("segmentation_head.0.bias").data[0] = 1e6
    with pytest.raises(NetworkError, match="diverged"):
        to_tensors(module)


def test_the_odds_of_one_class_are_rescaled_in_the_last_layer() -> None:
    module = build(
        NetworkSpec(channels=("a", "b", "c"), classes=("x", "y"), depth=3, decoder_channels=(24, 16, 8))
    ).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        said = module(image)
        rescaled(module, 0, 0.5, -1.0)
        now = module(image)
    torch.testing.assert_close(now[:, 0], said[:, 0] * 0.5 - 1, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(now[:, 1:], said[:, 1:], atol=1e-6, rtol=1e-5)
