from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detectors.core.features import CHANNELS
from imagery.planted.plant import PlantSpec
from imagery.simulated.curriculum import train_specs
from imagery.simulated.examined import learned_specs
from imagery.simulated.spec import SteppeSpec
from pipelines.training import dataset
from pipelines.training.backgrounds import Background
from pipelines.training.dataset import CROP_PX, Item, batch_of, load, make_real, make_simulated, make_worked
from pipelines.training.variants import Variant, VariantSpec

SPEC = VariantSpec(plant=PlantSpec(violations_per_km2=3), coarse=0, picture=0, no_swir=0, no_swir16=1, no_swir22=0)


def item_of(height: int, width: int, value: float = 1.0) -> Item:
    inputs = np.full((3, height, width), value, np.float16)
    inputs[1] = np.arange(height)[:, None]
    inputs[2] = np.arange(width)
    targets = np.stack([np.arange(height * width).reshape(height, width) % 2, np.zeros((height, width))])
    return Item(inputs, targets.astype(np.uint8), "real", True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_variants_are_made_once_and_the_same_again(ground_of: Callable[..., Background], tmp_path: Path) -> None:
    grounds = [ground_of(128, 0), ground_of(144, 1)]
    said: list[int] = []
    assert make_real(grounds, SPEC, 3, 5, tmp_path / "one", 1, lambda: said.append(1)) == 3
    assert len(said) == 3
    whole = contents(tmp_path / "one")
    assert sorted(whole) == [f"0000{n}_real_poor_{what}.npy" for n in range(3) for what in "xy"]
    # as a run leaves it that was ended while it wrote the second
    (tmp_path / "one" / "00001_real_poor_y.npy").unlink()
    (tmp_path / "one" / "00001_real_poor_x.npy").write_bytes(b"half")
    (tmp_path / "one" / "00001_real_poor_y.npy.part").write_bytes(b"half")
    assert len(load(tmp_path / "one")) == 2
    assert make_real(grounds, SPEC, 3, 5, tmp_path / "one", 1, lambda: said.append(1)) == 3
    assert len(said) == 4
    assert contents(tmp_path / "one") == whole
    items = load(tmp_path / "one")
    assert [(item.source, item.full) for item in items] == [("real", False)] * 3
    for item in items:
        assert item.inputs.shape == (len(CHANNELS), *item.targets.shape[1:])
        assert item.inputs.dtype == np.float16
        assert set(np.unique(item.targets)) <= {0, 1, 255}
        assert not item.inputs[CHANNELS.index("has_swir16")].any()
    assert not np.array_equal(items[0].targets, items[1].targets)


def test_ground_smaller_than_a_crop_is_filled_up_and_left_out() -> None:
    x, y = batch_of([item_of(100, 90)], np.random.default_rng(0), 4)
    assert x.shape == (4, 3, CROP_PX, CROP_PX)
    assert y.shape == (4, 2, CROP_PX, CROP_PX)
    for inputs, targets in zip(x, y, strict=True):
        outside = inputs[0] == 0
        assert outside.sum() == CROP_PX**2 - 100 * 90
        assert (targets[:, outside] == 255).all()
        assert (targets[:, ~outside] != 255).all()
        assert not inputs[:, outside].any()


def test_a_batch_depends_on_its_seed_alone() -> None:
    items = [item_of(200, 150, 1), item_of(150, 300, 2)]
    one, again, other = (batch_of(items, np.random.default_rng(seed), 8) for seed in (3, 3, 4))
    for place in (0, 1):
        np.testing.assert_array_equal(one[place], again[place])
    assert not np.array_equal(one[0], other[0])
    assert {float(x[0, 0, 0]) for x in one[0]} == {1.0, 2.0}


def test_inputs_and_targets_are_turned_alike() -> None:
    x, y = batch_of([item_of(200, 151)], np.random.default_rng(1), 24)
    for inputs, targets in zip(x, y, strict=True):
        row, col = inputs[1].astype(int), inputs[2].astype(int)
        np.testing.assert_array_equal(targets[0], (row * 151 + col) % 2)
    ends = [[each[1:, row, col] for row, col in ((0, 0), (0, -1), (-1, 0))] for each in x]
    ways = {(tuple(np.sign(right - origin)), tuple(np.sign(down - origin))) for origin, right, down in ends}
    assert len(ways) >= 6  # of eight


def test_a_folder_without_variants_is_empty(tmp_path: Path) -> None:
    assert load(tmp_path) == []


def test_no_pickle_is_ever_read(tmp_path: Path) -> None:
    np.save(tmp_path / "00000_real_full_x.npy", np.array([{}], object), allow_pickle=True)
    np.save(tmp_path / "00000_real_full_y.npy", np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match="Python objects"):
        load(tmp_path)


class HereAndNow:
    """Runs what a pool of processes is given in this one, where what it calls can be watched."""

    def __init__(self, *told: object) -> None:
        self.map = map

    def __enter__(self) -> "HereAndNow":
        return self

    def __exit__(self, *told: object) -> None:
        pass


def as_seen(value: int) -> Variant:
    """Stands for what the network sees of a world."""
    shape = (len(CHANNELS), 4, 4)
    label = np.full(shape[1:], value % 2, np.uint8)
    planted = SimpleNamespace(before=np.ones((6, 4, 4), np.float32), reflectance=True, gsd_m=10.0)
    return SimpleNamespace(features=SimpleNamespace(channels=np.full(shape, value % 997)), label=label,
                           burnt=label, planted=planted)  # type: ignore[return-value]  # fmt: skip


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of the simulated worlds that were asked for; every fifth number shows too little ground."""
    seeds: list[int] = []
    empty = {spec.seed for number, spec in enumerate(train_specs(9, 12)) if number % 5 == 4}

    def world(spec: SteppeSpec) -> Variant | None:
        seeds.append(spec.seed)
        if spec.seed in empty:
            return None
        return as_seen(spec.seed)

    monkeypatch.setattr(dataset, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr(dataset, "world_variant", world)
    return seeds


def test_only_the_worlds_of_a_range_are_made_and_they_are_the_same_in_every_range(
    built: list[int], tmp_path: Path
) -> None:
    steps: list[int] = []
    assert make_simulated(9, range(0, 4), tmp_path / "all", 1, lambda: steps.append(1)) == 4
    whole = contents(tmp_path / "all")
    assert {name[:5] for name in whole} == {"50000", "50001", "50002", "50003"}
    seeds = list(built)
    assert seeds == [spec.seed for spec in train_specs(9, 4)]
    built.clear()
    assert make_simulated(9, range(2, 4), tmp_path / "part", 1, lambda: steps.append(1)) == 2
    assert built == seeds[2:]
    assert len(steps) == 6
    assert contents(tmp_path / "part") == {name: data for name, data in whole.items() if name[:5] >= "50002"}


def test_a_range_is_gone_on_with_where_it_was_left(built: list[int], tmp_path: Path) -> None:
    make_simulated(9, range(0, 3), tmp_path, 1, lambda: None)
    (tmp_path / "50001_simulated_full_y.npy").unlink()  # ended before its targets were written
    built.clear()
    assert make_simulated(9, range(1, 6), tmp_path, 1, lambda: None) == 5  # number 4 shows too little ground
    specs = train_specs(9, 6)
    assert built == [specs[number].seed for number in (1, 3, 4, 5)]
    assert [item.source for item in load(tmp_path)] == ["simulated"] * 5


def test_pairs_of_worlds_of_several_years_are_made_once_and_by_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    stop_at = 0

    def pairs(spec: SteppeSpec, rng: np.random.Generator, most: int, how: VariantSpec) -> Iterator[Variant]:
        built.append(spec.seed)
        for place in range(most):
            if (len(built), place) == (stop_at, 1):
                raise KeyboardInterrupt
            yield as_seen(int(rng.integers(1000)))

    monkeypatch.setattr(dataset, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr(dataset, "worked_variants", pairs)
    assert make_worked(3, range(4), 2, SPEC, tmp_path / "all", 1, lambda: None) == 8
    assert built == [spec.seed for spec in learned_specs(3, 4)]
    whole = contents(tmp_path / "all")
    # stopped between the pairs of its second world, the third of all
    built.clear()
    stop_at = 2
    with pytest.raises(KeyboardInterrupt):
        make_worked(3, range(1, 4), 2, SPEC, tmp_path / "part", 1, lambda: None)
    stop_at = 0
    assert make_worked(3, range(1, 4), 2, SPEC, tmp_path / "part", 1, lambda: None) == 6
    assert [seed - built[0] for seed in built] == [0, 1, 1, 2]
    assert contents(tmp_path / "part") == {name: data for name, data in whole.items() if name not in {
        "00000.whole", *(f"0000{n}_simulated_full_{what}.npy" for n in (0, 1) for what in "xy")
    }}  # fmt: skip
