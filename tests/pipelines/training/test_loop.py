import json
from pathlib import Path

import numpy as np
import pytest
import torch

from detectors.core.features import CHANNELS
from detectors.core.network import build
from pipelines.errors import BadInputError
from pipelines.training.config import TrainConfig
from pipelines.training.dataset import Item
from pipelines.training.loop import loss_of, rate_of, spec_of, train

CONFIG = TrainConfig(
    steps=4,
    more_steps=0,
    batch=1,
    checkpoint=2,
    warm_up=2,
    encoder="resnet18",
    depth=2,
    decoder_channels=(8, 4),
    learning_rate=1e-2,
)


class StoppedError(Exception):
    """Stands for a machine that is switched off."""


def items() -> list[Item]:
    rng = np.random.default_rng(0)
    return [
        Item(
            rng.standard_normal((len(CHANNELS), 130, 140)).astype(np.float16),
            rng.choice(np.array([0, 1, 255], np.uint8), (2, 130, 140)),
            "real",
            True,
        )
        for _ in range(2)
    ]


def run(
    folder: Path,
    stop_at: int = 99,
    config: TrainConfig = CONFIG,
    given: list[Item] | None = None,
    painted: list[Item] | None = None,
) -> dict[str, np.ndarray]:
    folder.mkdir(exist_ok=True)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done == stop_at:
            raise StoppedError

    module = train(config, given or items(), painted or [], folder, "cpu", step, lambda number, _: {"seen": number})
    assert not module.training
    assert done == config.all_steps
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, run(folder)


def test_a_stopped_run_ends_as_one_that_was_not(
    undisturbed: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(tmp_path, stop_at=3)
    resumed = run(tmp_path)
    for name, tensor in undisturbed[1].items():
        np.testing.assert_allclose(resumed[name], tensor, atol=1e-6, err_msg=name)
    rows = [json.loads(line) for line in (tmp_path / "curves.jsonl").read_text().splitlines()]
    assert [(row["step"], row["seen"]) for row in rows] == [(2, 2), (4, 4)]
    assert (tmp_path / "curves.jsonl").read_text() == (undisturbed[0] / "curves.jsonl").read_text()


def test_a_finished_run_is_not_trained_on(undisturbed: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, first = undisturbed
    again = run(folder)
    for name, tensor in first.items():
        np.testing.assert_array_equal(again[name], tensor, err_msg=name)


def test_the_average_follows_and_another_seed_goes_elsewhere(
    undisturbed: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    other = run(tmp_path, config=CONFIG.model_copy(update={"seed": 1}))
    name = next(name for name in other if name.endswith("conv1.weight"))
    assert np.abs(other[name] - undisturbed[1][name]).max() > 1e-3
    assert other["encoder.bn1.num_batches_tracked"] == 4


def test_a_run_begins_with_the_weights_it_is_given(tmp_path: Path) -> None:
    torch.manual_seed(9)
    start = build(spec_of(CONFIG))
    given = {name: tensor.clone().numpy() for name, tensor in start.state_dict().items()}
    still = CONFIG.model_copy(update={"steps": 1, "learning_rate": 1e-9})
    module = train(still, items(), [], tmp_path, "cpu", lambda: None, lambda *_: {}, start)
    for name, tensor in module.state_dict().items():
        if name.endswith(("weight", "bias")):
            np.testing.assert_allclose(tensor.numpy(), given[name], atol=1e-5, err_msg=name)


def test_a_checkpoint_of_another_network_is_refused(
    undisturbed: tuple[Path, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes((undisturbed[0] / "checkpoint.safetensors").read_bytes())
    with pytest.raises(BadInputError, match=r"checkpoint\.safetensors is no checkpoint of this network"):
        run(tmp_path, config=CONFIG.model_copy(update={"decoder_channels": (4, 4)}))


@pytest.mark.parametrize("part", ["average.", "optimiser."])
def test_a_checkpoint_that_lacks_something_is_refused(
    undisturbed: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, part: str
) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(undisturbed[0] / "checkpoint.safetensors")
    save_file({n: t for n, t in tensors.items() if not n.startswith(part)}, tmp_path / "checkpoint.safetensors")
    with pytest.raises(BadInputError, match="no checkpoint"):
        run(tmp_path)


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no tensors in here")
    with pytest.raises(BadInputError, match="remove it to begin anew"):
        run(tmp_path)


def test_a_fault_in_making_batches_ends_the_run_and_does_not_hang_it(tmp_path: Path) -> None:
    broken = Item(np.zeros((2, 130), np.float16), np.zeros((2, 130, 130), np.uint8), "real", True)
    with pytest.raises(IndexError):
        run(tmp_path, given=[broken])


def test_the_loss_does_not_see_what_is_left_out() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 8, 8, generator=generator)
    targets = torch.randint(0, 2, (2, 2, 8, 8), generator=generator, dtype=torch.uint8)
    targets[:, :, 4:] = 255
    other = logits.clone()
    other[:, :, 4:] = 9
    assert loss_of(logits, targets, CONFIG).item() == pytest.approx(loss_of(other, targets, CONFIG).item())
    other[:, 0, 0, 0] += 3
    assert loss_of(logits, targets, CONFIG).item() != pytest.approx(loss_of(other, targets, CONFIG).item())
    assert torch.isfinite(loss_of(logits, torch.full_like(targets, 255), CONFIG))


def test_the_loss_is_small_for_the_truth_and_large_for_its_opposite() -> None:
    targets = (torch.arange(2 * 2 * 64).reshape(2, 2, 8, 8) % 3 == 0).to(torch.uint8)
    sure = (targets.float() * 2 - 1) * 12
    assert loss_of(sure, targets, CONFIG) < 0.05
    assert loss_of(-sure, targets, CONFIG) > 10


def test_burnt_weighs_less_than_disturbance() -> None:
    targets = torch.zeros(1, 2, 8, 8, dtype=torch.uint8)
    wrong = torch.full((2, 1, 2, 8, 8), -9.0)
    wrong[0, 0, 0] = wrong[1, 0, 1] = 2
    disturbance, burnt = (loss_of(logits, targets, CONFIG).item() for logits in wrong)
    assert burnt == pytest.approx(CONFIG.burnt * disturbance, rel=0.05)


def test_painted_variants_join_in_the_second_part(tmp_path: Path) -> None:
    both = CONFIG.model_copy(update={"more_steps": 5})
    quiet = [Item(item.inputs, np.zeros_like(item.targets), "real", True) for item in items()]
    learned = run(tmp_path / "both", config=both, painted=quiet)
    other = run(tmp_path / "other", config=both, painted=items())
    first = run(tmp_path / "first")
    assert any(not np.allclose(learned[name], other[name], atol=1e-5) for name in learned), "the painted were not seen"
    rows = [json.loads(line)["step"] for line in (tmp_path / "both" / "curves.jsonl").read_text().splitlines()]
    assert rows == [2, 4, 6, 8, 9]
    # until then nothing of them was seen: a run that is asked for more afterwards goes on where it ended
    (tmp_path / "first" / "curves.jsonl").unlink()
    went_on = run(tmp_path / "first", config=both, painted=quiet)
    for name in first:
        np.testing.assert_allclose(went_on[name], learned[name], atol=1e-5, err_msg=name)


def test_the_learning_rate_begins_anew_in_the_second_part() -> None:
    config = TrainConfig(steps=1500, more_steps=2000, painted=1, warm_up=100, learning_rate=2e-3)
    rates = [rate_of(config, number) for number in (50, 100, 1500, 1550, 1600, 2500, 3500)]
    assert rates[0] == pytest.approx(1e-3, rel=0.02)
    assert rates[1] == pytest.approx(2e-3, rel=0.03)
    assert rates[2] < 3e-5
    assert rates[3:5] == pytest.approx([1e-3, 2e-3], rel=0.03)
    assert rates[5] == pytest.approx(1e-3, rel=0.03)
    assert rates[6] < 3e-5
