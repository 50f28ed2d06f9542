import datetime as dt
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pytest
from shapely.geometry import box

from aoi.layers import Layer
from detectors.core.history import SIX, PatchSeries
from detectors.core.registry import all_detectors
from leads.model import Patch
from pipelines.dating import Sighting
from pipelines.judged import Account, Dated
from pipelines.ownground import by_its_look, left_to_others, on_own_ground

DAY = dt.date(2024, 7, 20)
STEP = 0.001
"""About 73 m east and 111 m north."""


class Given:
    """Layers, as the law of a run holds them."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers
        self.kinds = frozenset(layer.kind for layer in layers)


def layer(folder: Path, kind: str, **fields: str) -> Layer:
    path = folder / f"{kind}.gpkg"
    columns = {"id": ["1"], **{name: [value] for name, value in fields.items()}}
    geopandas.GeoDataFrame(columns, geometry=[box(119.60, 49.20, 119.61, 49.21)], crs=4326).to_file(path)
    return Layer(kind, path, None, "simulated", kind)


def patch(detector: str, west: float) -> Dated:
    outline = box(west, 49.203, west + 2 * STEP, 49.205)
    made = Patch(detector, outline, 0.9, 0.8, 1, 30_000.0, 28_000.0, 32_000.0, 10.0)
    return Dated(all_detectors()[detector], made, Sighting(DAY, DAY, (DAY,), 1))


@pytest.mark.parametrize(
    ("detector", "kind", "west", "stays"),
    [
        ("grassland", "grassland", 119.605, True),
        ("grassland", "grassland", 119.6097, True),  # 15 % of it
        ("grassland", "grassland", 119.6099, False),  # 5 %
        ("grassland", "grassland", 119.63, False),
        ("grassland", "mining_rights", 119.63, True),  # its own layer was not given
        ("temporary_land", "temporary_land_permits", 119.605, True),
        ("temporary_land", "temporary_land_permits", 119.6105, True),  # 36 m beside it
        ("temporary_land", "temporary_land_permits", 119.611, False),  # 73 m
        ("black_soil", "basic_farmland", 119.605, True),
        ("black_soil", "basic_farmland", 119.63, False),
        ("forest_encroachment", "forest_land", 119.6097, True),
        ("forest_encroachment", "forest_land", 119.6099, False),
        ("forest_encroachment", "harvest_permits", 119.63, True),
        ("river_protection", "river_scope", 119.605, True),
        ("river_protection", "river_scope", 119.611, False),
        ("wetland", "wetland", 119.605, True),
        ("wetland", "wetland", 119.611, False),
        ("wetland", "reserve_zones", 119.63, True),
        ("hulun_lake", "reserve_zones", 119.613, True),  # 219 m beside it
        ("hulun_lake", "reserve_zones", 119.615, False),  # 365 m
        ("hulun_lake", "wetland", 119.63, True),
        ("mine", "grassland", 119.63, True),
        ("land_disturbance", "grassland", 119.63, True),
    ],
)
def test_a_patch_off_its_models_ground_is_set_aside(
    tmp_path: Path, detector: str, kind: str, west: float, stays: bool
) -> None:
    account = Account()
    kept = on_own_ground([patch(detector, west)], Given(layer(tmp_path, kind)), account)  # type: ignore[arg-type]
    assert bool(kept) is stays
    assert sum(one.count for reasons in account.set_aside.values() for one in reasons.values()) == (not stays)


@pytest.mark.parametrize(
    ("detector", "west", "fields", "stays"),
    [
        ("mine", 119.605, {}, False),
        ("mine", 119.609, {}, False),  # half inside, the rest close beside it: use beyond an outline
        ("mine", 119.611, {}, True),  # a pit of its own, 73 m off
        ("mine", 119.605, {"approved": "2025-03-01"}, True),  # permitted only afterwards
        ("mine", 119.605, {"approved": "2021-03-01", "accepted": "2023-09-01"}, True),  # given back before
        ("mine", 119.605, {"approved": "2021-03-01", "accepted": "2025-09-01"}, False),
        ("grassland", 119.605, {}, False),
        ("grassland", 119.609, {}, True),  # half beyond: grass used without a permit
        ("temporary_land", 119.605, {}, True),
        ("land_disturbance", 119.605, {}, True),
    ],
)
def test_ground_in_use_under_a_temporary_permit_is_left_to_its_model(
    tmp_path: Path, detector: str, west: float, fields: dict[str, str], stays: bool
) -> None:
    account, given = Account(), Given(layer(tmp_path, "temporary_land_permits", **fields))
    assert bool(left_to_others([patch(detector, west)], given, account)) is stays  # type: ignore[arg-type]
    said = [reason for reasons in account.set_aside.values() for reason in reasons]
    assert all("temporary_land" in reason for reason in said)
    assert len(said) == (not stays)


def test_beyond_its_layer_a_patch_has_to_lie_at_the_lake(tmp_path: Path) -> None:
    given = Given(layer(tmp_path, "reserve_zones"))
    inside, beyond = on_own_ground([patch("hulun_lake", west) for west in (119.605, 119.613)], given, Account())  # type: ignore[arg-type]
    assert inside.detector is all_detectors()["hulun_lake"]
    assert beyond.detector.judge is not None
    opinion = beyond.detector.judge(steppe())
    assert not opinion.stands
    assert "公顷" in opinion.remarks[0].zh


def steppe(days: int = 8) -> PatchSeries:
    """A patch of dry grass in springs and autumns, seen litter and never soil, with no water around."""
    looks = [dt.date(2022 + n // 4, (5, 5, 10, 10)[n % 4], 10 + n) for n in range(days)]
    litter = np.array([0.08, 0.10, 0.12, 0.20, 0.22, 0.15], np.float32)
    values = np.broadcast_to(litter[None, :, None, None], (days, 6, 9, 9)).copy()
    inside = np.zeros((9, 9), bool)
    inside[3:6, 3:6] = True
    return PatchSeries(values, SIX, tuple(looks), inside, ~inside, 10.0, looks[-2], looks[-1])


@pytest.mark.parametrize("detector", ["black_soil", "hulun_lake", "river_protection"])
def test_without_its_layer_a_model_looks_whether_it_is_its_ground(tmp_path: Path, detector: str) -> None:
    kind = all_detectors()[detector].ground[0]
    blind, told = (
        by_its_look([patch(detector, 119.605)], Given(*given))[0].detector.judge  # type: ignore[arg-type]
        for given in ((), (layer(tmp_path, kind),))
    )
    assert blind is not None
    opinion = blind(steppe())
    assert not opinion.stands
    assert "图层" in opinion.remarks[0].zh
    assert told is all_detectors()[detector].judge


def test_a_field_or_a_shore_is_not_ruled_out_by_its_look(tmp_path: Path) -> None:
    soil = steppe()
    soil.values[1, :, 3:6, 3:6] = np.array([0.05, 0.07, 0.09, 0.11, 0.15, 0.14], np.float32)[:, None, None]
    assert all_detectors()["black_soil"].own_by_look(soil) is None  # type: ignore[misc]
    lake = steppe()
    lake.values[:, :, :, 7:] = np.array([0.06, 0.06, 0.05, 0.03, 0.01, 0.01], np.float32)[:, None, None]
    assert all_detectors()["river_protection"].own_by_look(replace(lake, pixel_m=30.0)) is None  # type: ignore[misc]
    assert all_detectors()["hulun_lake"].own_by_look(replace(lake, pixel_m=150.0)) is None  # type: ignore[misc]
    few = steppe(2)
    assert all_detectors()["black_soil"].own_by_look(few) is None  # type: ignore[misc]
