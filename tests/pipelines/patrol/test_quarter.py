"""A simulated quarter: ninety nights with clouds, two broken scenes and an outage of three nights."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import patrol_worlds as worlds
import pytest

from imagery.providers.local import LocalProvider
from imagery.simulated.truth import Planted, Truth
from leads.store.records import Confidence, LeadRecord, Stock
from leads.store.store import home_store
from pipelines.patrol.night import Night, run_night

NIGHTS = tuple(dt.date(2024, 6, 13) + dt.timedelta(days=n) for n in range(90))
LOOKS = tuple(night for n, night in enumerate(NIGHTS) if n % 5 == 0)
OUT = frozenset(NIGHTS[33:36])
"""A scene arrives in the middle of the outage."""

BROKEN = LOOKS[4], LOOKS[11]
BEFORE = tuple(dt.date(2023, 6, 12) + dt.timedelta(days=5 * n) for n in range(20))
"""The year before, as often: an archive holds a season whole, and a look is held against its own weeks."""

pytestmark = pytest.mark.slow


@dataclass
class Quarter:
    """What ninety nights left."""

    home: Path
    nights: tuple[Night, ...]
    leads: tuple[LeadRecord, ...]
    planted: tuple[Planted, ...]


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    spec = worlds.season_spec(LOOKS, seed=8, cloud_pct=(5.0, 35.0), before=BEFORE)
    world = worlds.build_season(spec, tmp_path_factory.mktemp("quarter") / "world")
    for day in BROKEN:
        worlds.break_scene(world, day)
    home = tmp_path_factory.mktemp("home")
    # as patrols are: read by the network, which keeps silent where the score without training does not
    config = worlds.config_of(world, work={"method": "auto", "block_px": 512})
    provider = worlds.Flaky(LocalProvider.open(world / "archive"), OUT)
    nights = []
    for night in NIGHTS:
        provider.night = night
        nights.append(run_night(config, home, night, sources=worlds.sources_of(provider)))
    with home_store(home) as store:
        leads = tuple(store.leads())
    return Quarter(home, tuple(nights), leads, Truth.read(world).planted)


def clear_looks(item: Planted) -> list[dt.date]:
    """Days on which a reader could see it, whole and not under cloud."""
    return [day for day in LOOKS if day >= item.completed and day not in item.hidden and day not in BROKEN]


def test_what_nobody_planted_stays_rare(quarter: Quarter) -> None:
    """On nine square kilometres in ninety nights."""
    strange = [lead for lead in quarter.leads if not any(lead.geometry.intersects(i.geometry) for i in quarter.planted)]
    lasting = [lead for lead in strange if lead.confidence is Confidence.CONFIRMED]
    print(f"{len(quarter.leads)} leads, {len(strange)} of nothing planted, {len(lasting)} of them confirmed")
    assert len(lasting) <= 2


def over(quarter: Quarter, item: Planted) -> list[LeadRecord]:
    return [lead for lead in quarter.leads
            if lead.geometry.intersection(item.geometry).area > 0.2 * item.geometry.area]  # fmt: skip


def test_every_violation_is_found_within_two_clear_looks(quarter: Quarter) -> None:
    late = []
    for item in quarter.planted:
        looks = clear_looks(item)
        if len(looks) < 2:
            continue
        found = over(quarter, item)
        if not found or min(lead.first_seen for lead in found) > looks[1]:
            late.append((item.id, item.kind, item.happened, looks[:2], [lead.first_seen for lead in found]))
    assert not late


def test_none_is_found_twice(quarter: Quarter) -> None:
    assert not [item.id for item in quarter.planted if len(over(quarter, item)) > 1]


def test_the_intervals_hold_the_true_date(quarter: Quarter) -> None:
    wrong = [
        (item.id, item.happened, lead.last_before, lead.first_seen)
        for item in quarter.planted
        for lead in over(quarter, item)
        if not lead.last_before < item.happened <= lead.first_seen
    ]
    assert not wrong


def test_what_was_there_before_is_stock_and_the_rest_is_new(quarter: Quarter) -> None:
    for item in quarter.planted:
        for lead in over(quarter, item):
            if item.happened > LOOKS[3]:
                assert lead.stock is Stock.NEW, item.id


def test_every_night_has_a_bulletin_and_says_what_failed(quarter: Quarter) -> None:
    assert len(list((quarter.home / "bulletins").glob("bulletin_*.html"))) == len(NIGHTS)
    by_day = {night.night: night for night in quarter.nights}
    assert all(by_day[day].areas[0].error for day in OUT)
    assert all(by_day[day].areas[0].unreadable for day in BROKEN)
    quiet = [night for night in quarter.nights if night.night not in LOOKS and night.night not in OUT]
    assert sum(night.areas[0].worked for night in quiet if night.night != NIGHTS[36]) == 0
    assert by_day[NIGHTS[36]].areas[0].days
