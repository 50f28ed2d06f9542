"""A lake whose level swings, seen through cloud, ice and algae."""

import csv
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from typer.testing import CliRunner

from aoi.area import geodesic_area_m2
from aoi.model import Aoi
from imagery.archive import Archive
from imagery.providers.local import LocalProvider
from imagery.simulated.spec import DecoyCounts, PlantedCounts, SteppeSpec
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import World, build
from pipelines.cli import app
from pipelines.errors import NothingObservedError
from pipelines.lake import LakeDay, ice_years, measured, observe_lake, with_blooms
from pipelines.lakelooks import NOTHING, WATER, mixed

D = dt.date
BEFORE = (D(2023, 4, 20), D(2023, 6, 14), D(2023, 7, 17), D(2023, 8, 9))
AFTER = (D(2024, 4, 20), D(2024, 6, 12), D(2024, 8, 14))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    quiet = {name: False if field.annotation is bool else 0 for name, field in DecoyCounts.model_fields.items()}
    wanted = tiny_spec(7).model_copy(
        update={
            "before": BEFORE,
            "after": AFTER,
            "planted": PlantedCounts(**dict.fromkeys(PlantedCounts.model_fields, 0)),
            "decoys": DecoyCounts(**quiet),
            "lakes": 1,
            "width_m": 2000,
            "height_m": 2000,
            "cloud_pct": (0.0, 30.0),
        }
    )
    spec = SteppeSpec.model_validate(wanted.model_dump())
    folder = tmp_path_factory.mktemp("lake")
    build(spec, folder)
    made = World(spec)
    (lake,) = made._land.lakes
    truth = {day: geodesic_area_m2(made.frame.from_ground(water, 4326)) / 1e6 for day, water in lake.waters.items()}
    ground = made.frame.from_ground(lake.basin.buffer(120).intersection(made.frame.rectangle), 4326)
    return SimpleNamespace(folder=folder, truth=truth, aoi=Aoi("pond", "小湖", "Pond", ground))


def test_the_command_states_areas_that_hold_the_truth(world: SimpleNamespace, tmp_path: Path) -> None:
    aoi = tmp_path / "pond.geojson"
    aoi.write_text(
        json.dumps({"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(world.aoi.geometry)})
    )
    arguments = ["lake", str(aoi), "--archive", str(world.folder / "archive"), "--dates", "2023-01-01/2024-12-31"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out"), "--json"], standalone_mode=False)
    assert result.exception is None
    document = json.loads(result.stdout)
    assert (tmp_path / "out" / "run.json").read_text(encoding="utf-8") == result.stdout
    days = document["days"]
    frozen = [one for one in days if one["day"] in ("2023-04-20", "2024-04-20")]
    assert frozen
    assert all(one["ice"] > 0.8 and one["area"] is one["high"] is None for one in frozen)
    for one in days:
        if one in frozen:
            continue
        assert one["low"] <= world.truth[D.fromisoformat(one["day"])] <= one["high"], one
    stated = [one for one in days if one["area"] is not None]
    assert len(stated) >= 3
    for one in stated:
        assert one["area"] == pytest.approx(world.truth[D.fromisoformat(one["day"])], rel=0.06)
        assert one["high"] - one["low"] < 0.25 * one["area"]
    with (tmp_path / "out" / "lake.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["日期 date"] for row in csv.DictReader(file)] == [one["day"] for one in days]
    water = gpd.read_file(tmp_path / "out" / "lake.gpkg", layer="water")
    shore = gpd.read_file(tmp_path / "out" / "lake.gpkg", layer="shoreline")
    assert list(water["date"]) == list(shore["date"]) == [one["day"] for one in stated]
    for geometry, one in zip(water.geometry, stated, strict=True):
        assert geodesic_area_m2(geometry) / 1e6 == pytest.approx(one["area"], rel=0.1)
    assert (tmp_path / "out" / "lake.png").stat().st_size > 10_000


def test_nothing_to_see_is_told(world: SimpleNamespace) -> None:
    source = LocalProvider(Archive.open(world.folder / "archive"))
    with pytest.raises(NothingObservedError, match="no optical scene"):
        observe_lake(world.aoi, source, (D(2020, 1, 1), D(2020, 12, 31)))


def test_what_was_not_seen_is_neither_dry_nor_wet() -> None:
    whole = replace(NOTHING, observed=5e6, water=4e6, shore_seen=1e6, shore_wet=5e5, edge_px=100.0)
    seen = measured(D(2023, 6, 1), whole, 4.5e6, 10.0)
    assert seen.area == pytest.approx(4.0)
    assert seen.low < 4.0 < seen.high < 4.01
    # a cloud over the middle, which was water on all other looks
    middle = measured(D(2023, 6, 1), replace(whole, water=3e6, inferred=1e6), 4.5e6, 10.0)
    assert middle.area == pytest.approx(4.0)
    # a cloud over a tenth of the shore widens the interval by all of it
    shore = measured(D(2023, 6, 1), replace(whole, unknown=1e5), 4.6e6, 10.0)
    assert shore.area == pytest.approx(4.05)
    assert shore.high - shore.low > seen.high - seen.low + 0.09
    # over half of it: bounds only, and the lower one rests on water seen
    most = measured(D(2023, 6, 1), replace(whole, water=1e6, inferred=2e6, unknown=1e6), 4.5e6, 10.0)
    assert most.area is None
    assert most.low < 1.0
    assert most.high > 4.0


def day(date: dt.date, ice: float = 0.0, bloom: float = 0.0) -> LakeDay:
    return LakeDay(date, 1.0, 4.0, 3.9, 4.1, ice, bloom, "", 8.0)


def test_the_season_without_ice_has_two_ends_each_seen_from_both_sides() -> None:
    days = [day(D(2023, 4, 20), 1.0), day(D(2023, 5, 2), 0.3), day(D(2023, 5, 10)), day(D(2023, 10, 28))]
    (open_ended,) = ice_years(days)
    assert open_ended.last_ice == D(2023, 5, 2)
    assert open_ended.days is None
    (year,) = ice_years([*days, day(D(2023, 11, 5), 0.4)])
    assert (year.first_open, year.last_open, year.first_ice) == (D(2023, 5, 10), D(2023, 10, 28), D(2023, 11, 5))
    assert year.days == (172, 186)


def test_a_bloom_takes_two_dates_of_one_season() -> None:
    days = [day(D(2022, 8, 1), bloom=0.2), day(D(2023, 7, 5), bloom=0.2), day(D(2023, 7, 6), bloom=0.1)]
    assert [one.bloom_state for one in with_blooms(days)] == ["once"] * 3
    more = with_blooms([*days, day(D(2023, 7, 20), bloom=0.3), day(D(2023, 10, 5), bloom=0.3)])
    assert [one.bloom_state for one in more] == ["once", "confirmed", "confirmed", "confirmed", ""]


def test_mixed_pixels_hold_the_shore_between_mud_and_meadow() -> None:
    share = np.clip(np.arange(60) - 29.6, 0, 1)  # land share: the shore lies 0.6 of a pixel into column 30 … 29
    inside = np.ones((60, 60), bool)
    for land in (0.13, 0.3):
        swir = np.tile(0.01 * (1 - share) + land * share, (60, 1)).astype(np.float32)
        codes = np.where(swir < (0.01 + land) / 2, WATER, 1).astype(np.uint8)
        less, more = mixed(codes, swir, inside)
        called, true = float((codes == WATER).sum()), float((1 - share).sum() * 60)
        assert called - less - 1 <= true <= called + more + 1
