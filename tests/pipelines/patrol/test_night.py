"""Six nights over a small steppe: what is new is worked, what is not is said, and nothing is counted twice."""

import base64
import datetime as dt
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import patrol_worlds as worlds
import pytest
from PIL import Image

from imagery.providers.local import LocalProvider
from imagery.simulated.truth import Truth
from leads.store import tables
from leads.store.records import Confidence, LeadRecord, Stock
from leads.store.store import home_store
from pipelines.errors import BadInputError, Exit
from pipelines.patrol.again import backfill, bulletin_again
from pipelines.patrol.artifacts import pictures_of
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.due import CHANGED
from pipelines.patrol.files import Places, read_json, write_json
from pipelines.patrol.forecast import Forecast, forecast
from pipelines.patrol.journal import Journal
from pipelines.patrol.lookback import look_back, told
from pipelines.patrol.night import Night, finish_nights, run_night

LOOKS = tuple(dt.date(2024, 7, day) for day in (4, 9, 14, 19))
FIRST, QUIET, OUT, LATE, BROKEN, LAST = (dt.date(2024, 7, day) for day in (4, 6, 9, 10, 14, 19))


@dataclass
class Season:
    """What the nights left."""

    home: Path
    world: Path
    config: PatrolConfig
    provider: object
    nights: dict[dt.date, Night]
    planned: Forecast
    leads: dict[str, LeadRecord]
    broken: str


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Season:
    world = worlds.build_season(worlds.season_spec(LOOKS), tmp_path_factory.mktemp("season") / "world")
    broken = worlds.break_scene(world, BROKEN).lower()
    home = tmp_path_factory.mktemp("home")
    config = worlds.config_of(world)
    provider = worlds.Flaky(LocalProvider.open(world / "archive"), frozenset({OUT}))
    sources = worlds.sources_of(provider)
    nights = {}
    for night in (FIRST, QUIET, OUT, LATE, BROKEN):
        provider.night = night
        nights[night] = run_night(config, home, night, sources=sources)
    provider.night = LAST
    planned = forecast(config, home, LAST, sources=sources)
    nights[LAST] = run_night(config, home, LAST, sources=sources)
    with home_store(home) as store:
        leads = {lead.id: lead for lead in store.leads()}
    return Season(home, world, config, provider, nights, planned, leads, broken)


def test_a_night_with_new_scenes_works_the_blocks_they_show(season: Season) -> None:
    area = season.nights[FIRST].areas[0]
    assert list(area.days) == ["2024-07-04"]
    assert 0 < area.worked <= area.due
    assert area.observed_share > 0.8
    assert season.nights[FIRST].exit_code is Exit.DONE


def test_the_first_patrol_makes_an_inventory_and_later_ones_what_is_new(season: Season) -> None:
    news = season.nights[FIRST].news[season.nights[FIRST].areas[0].aoi]
    assert not news["new"]
    later = {
        name for night in (LATE, LAST) for name in season.nights[night].news[season.nights[night].areas[0].aoi]["new"]
    }
    assert all(season.leads[name].stock is Stock.INVENTORY for name in news["stock"] if name in season.leads)
    assert all(season.leads[name].stock is Stock.NEW for name in later if name in season.leads)
    assert later
    latest = season.nights[LATE]
    assert f"{sum(len(news['new']) for news in latest.news.values())} new" in latest.summary()


def test_a_night_without_new_scenes_works_nothing_and_says_so(season: Season) -> None:
    night = season.nights[QUIET]
    assert (night.exit_code, night.areas[0].due, night.areas[0].worked) == (Exit.DONE, 0, 0)
    assert "no new scenes" in night.summary()
    assert "leads 线索: nothing new" in night.summary()
    assert night.bulletin is not None
    assert "没有新影像" in night.bulletin.read_text(encoding="utf-8")
    assert not (Places(season.home).result(QUIET, night.areas[0].aoi, 1) / "20240704").exists()


def test_an_outage_is_told_and_its_scenes_are_looked_at_the_night_after(season: Season) -> None:
    out, late = season.nights[OUT], season.nights[LATE]
    assert out.exit_code is Exit.PARTIAL
    assert "503" in out.areas[0].error
    assert out.bulletin is not None
    assert "503" in out.bulletin.read_text(encoding="utf-8")
    assert list(late.areas[0].days) == ["2024-07-09"]


def test_a_broken_scene_is_named_and_waited_for(season: Season) -> None:
    night = season.nights[BROKEN]
    assert night.exit_code is Exit.PARTIAL
    assert list(night.areas[0].unreadable) == [season.broken]
    assert night.areas[0].worked == 0
    assert season.broken in season.nights[LAST].areas[0].unreadable
    troubles = read_json(Places(season.home).state("troubles"))
    assert troubles[night.areas[0].aoi][season.broken] == [BROKEN.isoformat(), LAST.isoformat()]


def test_what_was_planted_is_found_once_and_its_interval_holds_the_day(season: Season) -> None:
    planted = [item for item in Truth.read(season.world).planted if item.happened <= BROKEN and not item.hidden]
    assert len(planted) >= 4
    found = 0
    for item in planted:
        over = [lead for lead in season.leads.values()
                if lead.geometry.intersection(item.geometry).area > 0.3 * item.geometry.area]  # fmt: skip
        assert len(over) <= 1, f"{item.id} is {len(over)} leads"
        for lead in over:
            found += 1
            assert lead.last_before < item.happened <= lead.first_seen, item.id
    assert found >= len(planted) - 1


def test_two_clear_looks_confirm(season: Season) -> None:
    inventory = [lead for lead in season.leads.values() if lead.first_seen == FIRST]
    assert any(lead.confidence is Confidence.CONFIRMED and lead.looks >= 2 for lead in inventory)


def test_a_dry_run_says_what_is_new_and_what_it_costs(season: Season) -> None:
    area = season.planned.areas[0]
    assert set(area.days) == {"2024-07-14", "2024-07-19"}
    assert 0 < area.blocks <= 2 * area.of
    assert (area.bytes > 0, area.minutes > 0, season.planned.measured_on > 0) == (True, True, True)
    assert "a dry run" in season.planned.summary()


def test_every_night_has_a_bulletin_and_a_log_of_its_blocks(season: Season) -> None:
    for day, night in season.nights.items():
        assert night.bulletin == season.home / "bulletins" / f"bulletin_{day:%Y%m%d}.html"
        assert night.bulletin.exists()
    lines = [json.loads(line) for line in
             (Places(season.home).logs / "patrol-20240704.jsonl").read_text().splitlines()]  # fmt: skip
    blocks = [line for line in lines if line["said"] == "a block is done"]
    assert len(blocks) == season.nights[FIRST].areas[0].worked
    assert all(line["run"] == season.nights[FIRST].areas[0].run_id and line["block"] for line in blocks)


def test_the_same_night_again_finds_nothing_new(season: Season) -> None:
    again = run_night(season.config, season.home, LAST, sources=worlds.sources_of(season.provider))
    assert (again.turn, again.areas[0].worked) == (2, 0)
    with home_store(season.home) as store:
        assert {lead.id: lead.looks for lead in store.leads()} == {n: lead.looks for n, lead in season.leads.items()}


def test_changed_weights_or_rules_mark_every_block_for_another_look_once(season: Season, tmp_path: Path) -> None:
    home = Path(shutil.copytree(season.home, tmp_path / "home"))
    state = Places(home).state("looked")
    known = read_json(state)
    write_json(state, {aoi: dict.fromkeys(blocks, "other rules") for aoi, blocks in known.items()})
    sources = worlds.sources_of(season.provider)
    planned = forecast(season.config, home, LAST, sources=sources).areas[0]
    assert planned.why[CHANGED] == len(known[planned.aoi]) > 0
    again = run_night(season.config, home, LAST, sources=sources)
    assert list(again.areas[0].days) == [LAST.isoformat()], "the newest day that shows them"
    assert again.areas[0].worked == planned.why[CHANGED]
    assert CHANGED not in forecast(season.config, home, LAST, sources=sources).areas[0].why
    with home_store(home) as store:
        assert {lead.id: lead.looks for lead in store.leads()} == {n: lead.looks for n, lead in season.leads.items()}


def test_blocks_of_another_size_look_again_and_find_the_same_leads(season: Season, tmp_path: Path) -> None:
    home = Path(shutil.copytree(season.home, tmp_path / "home"))
    config = worlds.config_of(season.world, work={"method": "training-free", "block_px": 320})
    again = run_night(config, home, LAST, sources=worlds.sources_of(season.provider))
    assert again.areas[0].worked > 0, "what these blocks have seen is not known"
    with home_store(home) as store:
        leads = {lead.id: lead for lead in store.leads()}
    was = {name: (lead.looks, lead.stock, lead.confidence) for name, lead in season.leads.items()}
    assert {name: (lead.looks, lead.stock, lead.confidence) for name, lead in leads.items()} == was


def test_what_a_crash_left_is_finished_and_nothing_is_begun(season: Season, tmp_path: Path) -> None:
    sources = worlds.sources_of(worlds.Flaky(LocalProvider.open(season.world / "archive")))
    assert finish_nights(season.config, tmp_path, sources=sources) == ()
    Journal.opened(Places(tmp_path), FIRST, [watch.aoi for watch in season.config.watch]).with_step("begun")
    (night,) = finish_nights(season.config, tmp_path, sources=sources)
    assert (night.night, night.turn, list(night.areas[0].days)) == (FIRST, 1, ["2024-07-04"])
    assert night.bulletin is not None
    assert finish_nights(season.config, tmp_path, sources=sources) == ()


def test_some_leads_of_a_night_are_shown_with_both_pictures(season: Season) -> None:
    shown = list(pictures_of(season.nights[FIRST], season.home))
    assert 0 < len(shown) <= 4
    for _, uri in shown:
        head, _, data = uri.partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.width > picture.height
    assert list(pictures_of(season.nights[QUIET], season.home)) == []


def test_coverage_is_recorded_for_what_was_not_seen(season: Season) -> None:
    aoi = season.nights[BROKEN].areas[0].aoi
    with home_store(season.home) as store:
        rows = list(store.coverage(aoi, BROKEN, BROKEN))
    assert rows
    assert all(row.observed == 0 and "B04.tif" in row.failed for row in rows if row.role == "after")


def test_past_nights_are_patrolled_the_oldest_first(season: Season, tmp_path: Path) -> None:
    provider = worlds.Flaky(LocalProvider.open(season.world / "archive"))
    nights = backfill(season.config, tmp_path, FIRST, LATE, 4, sources=worlds.sources_of(provider))
    assert [night.night for night in nights] == [FIRST, dt.date(2024, 7, 8), LATE]
    assert [list(night.areas[0].days) for night in nights] == [["2024-07-04"], [], ["2024-07-09"]]
    with home_store(tmp_path) as store:
        assert store.count() > 0
    with pytest.raises(BadInputError, match="'elsewhere' is not watched"):
        backfill(season.config, tmp_path, FIRST, LATE, 4, "elsewhere")


def test_a_site_is_looked_at_again_and_what_was_seen_of_it_is_written(season: Season, tmp_path: Path) -> None:
    home = Path(shutil.copytree(season.home, tmp_path / "home"))
    planted = [item for item in Truth.read(season.world).planted if item.happened <= FIRST and not item.hidden]
    lead = next(
        lead
        for lead in season.leads.values()
        if lead.first_seen == FIRST and any(lead.geometry.intersects(item.geometry) for item in planted)
    )
    season.provider.night = LAST  # type: ignore[attr-defined]
    found = look_back(season.config, home, LAST, [lead.id], sources=worlds.sources_of(season.provider))
    assert [one.id for one, _ in found] == [lead.id]
    recovery = found[0][1]
    assert recovery.remaining_m2 > recovery.restored_m2
    with home_store(home) as store, store.reading() as connection:
        rows = list(connection.execute(tables.recoveries.select()).mappings())
    assert [(row["lead_id"], row["day"]) for row in rows] == [(lead.id, recovery.day)]
    assert "未恢复" in next(iter(told(found)))
    with pytest.raises(BadInputError, match="there is no lead WX-NONE"):
        look_back(season.config, home, LAST, ["WX-NONE"])


def test_the_bulletin_of_a_night_can_be_written_again(season: Season, tmp_path: Path) -> None:
    home = Path(shutil.copytree(season.home, tmp_path / "home"))
    file = bulletin_again(season.config, home, FIRST)
    assert file.name == "bulletin_20240704.html"
    with pytest.raises(BadInputError, match="was not patrolled"):
        bulletin_again(season.config, home, dt.date(2020, 1, 1))
