"""The machinery of the exam of models: matching, resuming, bounds, and one tiny world end to end. Not quality."""

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from imagery.simulated.curriculum import EXAM_SEEDS, TRAIN_SEEDS
from imagery.simulated.examined import EXAMINED, UNCHANGED, years_spec
from imagery.simulated.truth import Planted, SceneTruth, Truth
from pipelines.errors import BadInputError, PipelineError
from pipelines.exams import unchanged
from pipelines.exams.exam import run_simulated
from pipelines.exams.models import MODELS, Measured, Sum, frozen, measure_worlds, parts_of
from pipelines.exams.part import Part
from pipelines.exams.unchanged import Done, part_of, read_record, run_worlds, upper_bound
from pipelines.exams.worldmatch import Rules, Told, judge
from pipelines.progress import Silent

RULES = Rules(2_000.0, 0.3, 0.2, frozenset({"site_left"}), ("fire", "burn"))
DAY = dt.date(2024, 7, 1)
GROUND = {"grassland": shapely.box(119, 49, 119.5, 49.5)}


def square(place: int, wide: float = 0.001, aside: float = 0.0) -> BaseGeometry:
    """About 0.8 ha; every place has its own."""
    left = 119 + place * 0.01 + aside
    return shapely.box(left, 49, left + wide, 49 + wide)


def planted(name: str, place: int, *detectors: str, area_m2: float = 8_000.0, kind: str = "pit") -> Planted:
    label = "planted" if detectors else "decoy"
    return Planted(name, kind, label, detectors, square(place), DAY, DAY, area_m2, 1.0)


def lead(model: str, place: int, aside: float = 0.0, change: str = "stripped", confirmed: bool = True) -> Told:
    return Told(model, change, confirmed, square(place, aside=aside), 8_000.0, 7_000.0, 9_000.0)


def truth_of(*items: Planted) -> Truth:
    scene = SceneTruth("one", 32650, DAY, (0.0, 0.0), 0.0)
    return Truth(
        1,
        shapely.box(119, 49, 120, 50),
        tuple(item for item in items if item.label == "planted"),
        tuple(item for item in items if item.label == "decoy"),
        (scene,),
    )


def test_leads_are_matched_one_to_one_and_false_ones_say_what_they_lie_on() -> None:
    truth = truth_of(planted("pit-1", 0, "mine"), planted("pit-2", 1, "mine"), planted("burn-1", 2, kind="burn"))
    leads = [
        lead("mine", 0),
        lead("mine", 0, aside=0.0001),  # a second one on the same pit
        lead("mine", 2),  # on a decoy
        lead("mine", 5),  # on nothing
        lead("grassland", 1),  # another model's
    ]
    found = judge("mine", leads, truth, GROUND, RULES)
    assert [item.id for _, item in found.hits] == ["pit-1"]
    assert [item.id for item in found.misses] == ["pit-2"]
    assert sorted(cause for _, cause in found.false) == ["", "change pit-1", "decoy burn-1"]


def test_a_second_lead_on_a_found_change_is_false() -> None:
    truth = truth_of(planted("pit-1", 0, "mine"))
    found = judge("mine", [lead("mine", 0), lead("mine", 0, aside=0.0001)], truth, GROUND, RULES)
    assert len(found.hits) == 1
    assert [cause for _, cause in found.false] == ["change pit-1"]


def test_what_is_named_fire_accuses_nobody() -> None:
    truth = truth_of(planted("burn-1", 2, kind="burn"))
    found = judge("grassland", [lead("grassland", 2, change="Grass fire")], truth, GROUND, RULES)
    assert found.false == ()
    assert found.aside == 1


def test_a_real_deed_of_another_model_on_own_ground_is_set_aside() -> None:
    truth = truth_of(
        planted("site-1", 0, "temporary_land"), planted("plough", 1, "forest_encroachment", kind="ploughed")
    )
    assert judge("grassland", [lead("grassland", 0)], truth, GROUND, RULES).aside == 1
    assert judge("grassland", [lead("grassland", 0)], truth, {}, RULES).aside == 0
    assert judge("mine", [lead("mine", 0)], truth, {}, RULES).aside == 1  # a mine may be opened anywhere
    assert judge("mine", [lead("mine", 1)], truth, {}, RULES).aside == 0  # but ploughing opens none


def test_a_watched_site_needs_less_overlap_than_a_patch() -> None:
    far = 0.0006  # leaves an IoU of 0.25
    for kind, hits in (("site_left", 1), ("pit", 0)):
        truth = truth_of(planted("one", 0, "mine", kind=kind))
        assert len(judge("mine", [lead("mine", 0, aside=far)], truth, GROUND, RULES).hits) == hits


def test_what_is_small_or_hidden_counts_neither_way() -> None:
    small = planted("pit-1", 0, "mine", area_m2=1_500.0)
    hidden = replace(planted("pit-2", 1, "mine"), hidden=(DAY,))
    found = judge("mine", [lead("mine", 0)], truth_of(small, hidden), GROUND, RULES)
    assert (found.hits, found.misses, found.false, found.aside) == ((), (), (), 1)


def test_tables_count_what_was_judged() -> None:
    truth = truth_of(planted("pit-1", 0, "mine"), planted("burn-1", 2, kind="burn"))
    ours = Sum([judge("mine", [lead("mine", 0), lead("mine", 2)], truth, GROUND, RULES)], {"1/burn-1"})
    parts = {part.name: part for part in parts_of(_measured(ours), "auto", ("mine",))}
    assert parts["models"].values("P") == [0.5]
    assert parts["models"].values("R") == [1.0]
    assert parts["decoys"].values("raised") == [1, 1]
    assert parts["areas"].values("held")[-1] == 1.0


def _measured(ours: Sum) -> Measured:
    return Measured(ours, Sum(), Counter({"burn": 1}), (), 1.0)


def test_frozen_worlds_have_seeds_of_their_own() -> None:
    of = frozen()
    seeds = [world.seed for world in of.worlds]
    assert len(set(seeds)) == len(seeds)
    assert all(seed in EXAMINED and seed in EXAM_SEEDS and seed not in TRAIN_SEEDS for seed in seeds)
    assert any(world.drought > 0.5 for world in of.worlds)
    assert any(world.sensor == "gaofen" for world in of.worlds)  # which has no swir
    worlds = unchanged.specs()
    assert all(spec.seed in UNCHANGED for spec in worlds)
    assert sum(spec.width_m * spec.height_m for spec in worlds) / 1e6 >= 5_000


def test_upper_bounds_are_poissons() -> None:
    assert upper_bound(0, 1_000) == pytest.approx(2.996, abs=1e-3)
    assert upper_bound(3, 5_000) == pytest.approx(7.754 / 5, abs=1e-3)


def done(seed: int, *leads: tuple[str, bool, str, str, float]) -> Done:
    return Done(seed, "auto", 400.0, leads, 1, 60.0, MODELS)


def test_unchanged_worlds_go_on_where_they_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def measure(spec: object, *_: object) -> Done:
        seed = spec.seed  # type: ignore[attr-defined]
        if seed == UNCHANGED.start + 2:
            raise PipelineError("broken")
        measured.append(seed)
        return done(seed, ("mine", True, "pit", "decoy haze-1", 5_000.0))

    monkeypatch.setattr(unchanged, "_measure", measure)
    worlds = unchanged.specs()[:1] + tuple(
        spec.model_copy(update={"seed": UNCHANGED.start + number}) for number, spec in enumerate(unchanged.specs()[:3])
    )
    first = run_worlds(worlds[:2], tmp_path, "auto", MODELS, None, Silent())
    second = run_worlds(worlds, tmp_path, "auto", MODELS, None, Silent())
    assert len(first[0]) == 2
    assert len(measured) == len(set(measured)) == 3
    assert second[1] == ((str(UNCHANGED.start + 2), "broken"),)
    part = part_of(second, "auto", MODELS)
    assert part.values("confirmed")[-1] == 3
    assert part.values("on")[-1] == "haze×3"


def test_no_world_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    ended = run_worlds(unchanged.specs(), tmp_path, "auto", MODELS, -1.0, Silent())
    assert ended == ((), ())
    assert not next(check for check in part_of(ended, "auto", MODELS).checks).met


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "unchanged.jsonl").write_text(json.dumps({"seed": 1}) + "\n", encoding="utf-8")
    with pytest.raises(BadInputError, match="no record of unchanged worlds"):
        read_record(tmp_path / "unchanged.jsonl")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"only": ("burns",)}, "no simulated part 'burns'"),
        ({"only": ("models",), "detectors": ("moon",)}, "no model 'moon'"),
        ({"only": ("models",), "methods": ("magic",)}, "no method 'magic'"),
    ],
)
def test_unknown_names_are_refused(said: dict[str, tuple[str, ...]], match: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=match):
        run_simulated(tmp_path, said.pop("only"), **said)  # type: ignore[arg-type]


def test_a_tiny_world_goes_through_all_of_it(tmp_path: Path) -> None:
    spec = years_spec(EXAMINED.start + 7, years=2, size_m=3_000, share=0.2).model_copy(
        update={"before": BEFORE, "after": AFTER, "snow_dates": (), "courses": (("unrestored", 1),), "passing": ()}
    )
    spec = spec.model_copy(update={"decoys": spec.decoys.model_copy(update={"snow": 0, "icing": 0})})
    found = measure_worlds((spec,), RULES, tmp_path, "training-free", ("mine",), Silent())
    assert found.failed == ()
    models, decoys, areas = parts_of(found, "training-free", ("mine",))
    assert isinstance(models, Part)
    assert models.values("planted")[0] != 0
    assert decoys.values("instances")[-1] != 0
    assert json.dumps([part.as_json() for part in (models, decoys, areas)], allow_nan=False)


BEFORE = (dt.date(2023, 7, 14), dt.date(2023, 8, 5))
AFTER = (dt.date(2024, 7, 12), dt.date(2024, 8, 6))
