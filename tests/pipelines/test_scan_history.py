"""A model's own logic in a scan: its judge, its watch and its survey, each doing its work in a world of three years."""

import datetime as dt
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.read import read_aoi
from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Site, Survey, Watch, Years
from detectors.core.registry import choose
from detectors.core.types import Detector, FloatArray
from imagery.providers.local import LocalProvider
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import build
from pipelines.request import ScanRequest
from pipelines.scan import scan

JULY = Season((7, 1), (8, 31))
SEEN = (dt.date(2022, 7, 16), dt.date(2023, 7, 17), dt.date(2024, 7, 20), dt.date(2024, 8, 6))
BEFORE, AFTER = SEEN[1], SEEN[2]
FELL = 0.15
"""NDVI by which ground that was laid bare falls at least."""


@dataclass
class Told:
    """What the toy model was shown."""

    series: list[PatchSeries] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    years: list[Years] = field(default_factory=list)


def toy(told: Told) -> Detector:
    """Drops what lost no plants, watches permits, surveys the grassland map."""

    def judge(series: PatchSeries) -> Opinion:
        told.series.append(series)
        ndvi = series.level("ndvi", series.inside)
        fell = float(np.nanmedian(ndvi[:-1]) - ndvi[-1])
        if fell < FELL:
            return Opinion(False, (Remark("植被未减少", "no plants lost"),))
        return Opinion(True, (Remark("植被骤减", "plants lost"),), Remark("植被剥离", "stripped"), {"fell": fell})

    def judge_site(series: PatchSeries, site: Site) -> Opinion:
        told.sites.append(site)
        bare = series.index("ndvi")[-1] < 0.35
        where = series.inside & bare
        return Opinion(bool(where.sum() > 0.5 * series.inside.sum()), (Remark("仍裸露", "still bare"),), where=where)

    def score(years: Years) -> FloatArray:
        told.years.append(years)
        ndvi = years.index("ndvi")
        if len(ndvi) == 1:
            return np.zeros(ndvi.shape[1:], np.float32)
        return np.clip((ndvi[:-1].max(axis=0) - ndvi[-1]) / (2 * FELL), 0, 1).astype(np.float32)

    (plain,) = choose(("land_disturbance",))
    return replace(
        plain,
        layers=("temporary_land_permits", "grassland"),
        history=History((JULY,), 3),
        judge=judge,
        watches=(
            Watch(
                "temporary_land_permits",
                History((JULY,), 3),
                lambda site: site.attributes["expires"] < site.today.isoformat(),
                judge_site,
                Remark("逾期未复垦", "not reclaimed in time"),
            ),
        ),
        surveys=(Survey(JULY, 3, ("red", "nir"), ("grassland",), score, Remark("蚕食", "nibbled at")),),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 × 3 km: two summers of steppe, planted changes in the third, and a look after all that is asked for."""
    folder = tmp_path_factory.mktemp("worlds") / "years"
    build(tiny_spec(4).model_copy(update={"before": SEEN[:2], "after": SEEN[2:], "cloud_pct": (0.0, 0.0)}), folder)
    return folder


def planted(world: Path) -> list[BaseGeometry]:
    """What was laid bare, the largest first."""
    items = [one.geometry for one in Truth.read(world).planted if one.kind in ("stripped", "pit", "dump")]
    return sorted(items, key=lambda geometry: -geometry.area)


@pytest.fixture(scope="module")
def layers(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A permit over a planted site that ran out in time, one that has not, one over still ground; half a grass map."""
    folder = tmp_path_factory.mktemp("layers")
    bare, other, *_ = planted(world)
    west, south, _, north = read_aoi(str(world / "aoi.geojson")).geometry.bounds
    still = shapely.box(west + 0.001, south + 0.001, west + 0.003, south + 0.003)
    permits = [
        ("临2021-1", "2023-12-31", bare), ("临2023-2", "2025-06-30", other), ("临2020-3", "2022-01-31", still)
    ]  # fmt: skip
    rows = [({"licence": name, "approved": "2020-01-01", "expires": expires}, at) for name, expires, at in permits]
    write(folder / "temporary_land_permits.geojson", rows)
    write(folder / "grassland.geojson", [({}, shapely.box(west, south, bare.centroid.x + 0.004, north))])
    return folder


def write(path: Path, rows: list[tuple[dict[str, str], BaseGeometry]]) -> None:
    features = [{"type": "Feature", "properties": said, "geometry": mapping(at)} for said, at in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False))


def run(world: Path, out: Path, detector: Detector, layers: Path, **changes: object) -> dict:
    asked = ScanRequest(
        read_aoi(str(world / "aoi.geojson")),
        LocalProvider.open(world / "archive"),
        (BEFORE, BEFORE),
        (AFTER, AFTER),
        out,
        layers=layers,
        layers_status="simulated",
        quicklooks=True,
        method="training-free",
        today=dt.date(2026, 1, 1),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipelines.scan.detectors_for", lambda *_: (detector,))
        scan(replace(asked, **changes))
    return json.loads((out / "run.json").read_text())


def leads(out: Path) -> geopandas.GeoDataFrame:
    return pyogrio.read_dataframe(out / "leads.gpkg", layer="leads")


@dataclass(frozen=True)
class Scanned:
    out: Path
    record: dict
    told: Told


@pytest.fixture(scope="module")
def scanned(world: Path, layers: Path, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    out, told = tmp_path_factory.mktemp("scanned"), Told()
    return Scanned(out, run(world, out, toy(told), layers), told)


def test_the_judge_sees_three_summers_and_nothing_after_the_range(scanned: Scanned) -> None:
    assert scanned.told.series
    for series in scanned.told.series:
        assert series.days == SEEN[:3]
        assert series.values.shape[:2] == (3, 6)
        assert series.first_seen == AFTER
        assert series.inside.any()
        assert series.ring.any()
        assert not (series.inside & series.ring).any()


def test_what_it_drops_is_counted_with_its_reason_and_the_rest_carries_what_it_rests_on(
    scanned: Scanned, world: Path, layers: Path, tmp_path: Path
) -> None:
    pairs = replace(toy(Told()), watches=(), surveys=())
    judged = run(world, tmp_path / "judged", pairs, layers)
    plain = run(world, tmp_path / "plain", replace(pairs, history=None, judge=None), layers)
    (reason,) = judged["set_aside"]["land_disturbance"]
    assert reason["reason"] == reason["example"] == "植被未减少 no plants lost"
    dropped = reason["count"]
    assert dropped > 0
    assert judged["leads"] == plain["leads"] - dropped
    assert judged["leads"] > 0
    assert plain["set_aside"] == {}
    table = leads(tmp_path / "judged")
    assert set(table["why"]) == {"植被骤减"}
    assert set(table["why_en"]) == {"plants lost"}
    assert set(table["change_zh"]) == {"植被剥离"}
    assert all(json.loads(said)["fell"] >= FELL for said in table["measures"])
    assert leads(tmp_path / "plain")[["why", "measures"]].isna().all(axis=None)
    assert [scene["id"] for scene in judged["past_scenes"] if "20220716" in scene["id"]]
    assert plain["past_scenes"] == []


def test_a_permit_past_its_day_and_still_bare_is_a_lead_and_the_others_are_not(scanned: Scanned, world: Path) -> None:
    table = leads(scanned.out)
    sites = table[table["change_zh"] == "逾期未复垦"]
    assert len(sites) == 1
    (row,) = sites.itertuples()
    assert row.geometry.intersection(planted(world)[0]).area > 0.6 * planted(world)[0].area
    assert (str(row.date_bef)[:10], str(row.seen_first)[:10]) == ("2023-12-31", AFTER.isoformat())
    assert row.why.startswith("仍裸露；前后影像比对亦见：植被剥离（")
    assert "临2021-1" in row.layers
    assert scanned.record["watched"] == {
        "land_disturbance:temporary_land_permits": {"due": 2, "found": 1, "in_order": 1, "sites": 3}
    }
    assert {site.today for site in scanned.told.sites} == {AFTER}


def test_a_site_that_was_not_observed_is_said(world: Path, layers: Path, tmp_path: Path) -> None:
    winter = History((Season((1, 1), (2, 1)),), 3)
    detector = toy(Told())
    watch = replace(detector.watches[0], history=winter)
    record = run(world, tmp_path, replace(detector, watches=(watch,), surveys=(), history=None, judge=None), layers)
    assert record["watched"]["land_disturbance:temporary_land_permits"] == {"due": 2, "not_observed": 2, "sites": 3}
    assert sum("not observed well enough" in note for note in record["notes"]) == 2
    assert "逾期未复垦" not in set(leads(tmp_path)["change_zh"])


def test_a_survey_finds_on_its_own_ground_what_the_pair_is_blind_to(
    scanned: Scanned, world: Path, layers: Path, tmp_path: Path
) -> None:
    blind = replace(toy(Told()), watches=(), history=None, judge=None, threshold_low=0.9999, threshold_high=0.99999)
    record = run(world, tmp_path / "blind", blind, layers, quicklooks=False)
    table = leads(tmp_path / "blind")
    assert record["leads"] == len(table) > 0
    assert set(table["change_zh"]) == {"蚕食"}
    (ground,) = pyogrio.read_dataframe(layers / "grassland.geojson").geometry
    assert table.geometry.intersects(ground.buffer(2e-4)).all()
    bare = planted(world)[0]
    here = table[shapely.area(shapely.intersection(table.geometry.to_numpy(), bare)) > 0.5 * bare.area]
    (row,) = here.itertuples()
    assert (str(row.date_bef)[:10], str(row.seen_first)[:10]) == (BEFORE.isoformat(), AFTER.isoformat())
    assert "from 2024 on" in row.why_en
    assert run(world, tmp_path / "none", blind, layers / "temporary_land_permits.geojson")["leads"] == 0


def test_where_papers_pair_and_survey_show_it_one_lead_remains_with_all_remarks(scanned: Scanned, world: Path) -> None:
    assert scanned.record["surveys_merged"]["land_disturbance"] > 0
    assert scanned.record["sites_merged"]["land_disturbance"] == 1
    table = leads(scanned.out)
    bare = planted(world)[0]
    here = table[shapely.area(shapely.intersection(table.geometry.to_numpy(), bare)) > 0.5 * bare.area]
    assert list(here["change_zh"]) == ["逾期未复垦"]
    (why,) = here["why"]
    assert all(said in why for said in ("仍裸露", "植被剥离", "植被骤减", "蚕食"))


def test_other_blocks_give_the_same_leads(scanned: Scanned, world: Path, layers: Path, tmp_path: Path) -> None:
    run(world, tmp_path, toy(Told()), layers, block_px=192, quicklooks=False)
    one, other = (leads(folder).sort_values("lead_id") for folder in (scanned.out, tmp_path))
    assert one["lead_id"].tolist() == other["lead_id"].tolist()
    assert one["why"].tolist() == other["why"].tolist()


def test_a_model_that_fails_costs_no_lead_and_is_said(world: Path, layers: Path, tmp_path: Path) -> None:
    def broken(series: PatchSeries) -> Opinion:
        raise IndexError("no such look")

    record = run(world, tmp_path, replace(toy(Told()), judge=broken, watches=(), surveys=()), layers, quicklooks=False)
    assert record["exit_code"] == 3
    assert "land_disturbance could not judge a patch: IndexError: no such look" in record["notes"]
    assert leads(tmp_path)["why"].str.contains("历史清晰观测不足").all()
