"""回头看: sites whose deadline is past are looked at again, and what became of their ground goes into the store."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import shapely
from odc.geo.geobox import GeoBox

from aoi.read import read_aoi
from detectors.core.history import History, PatchSeries
from detectors.core.timelogic import MAY, PADS, SUMMER
from imagery.providers.provider import Provider
from leads.cases.lookback import Recovery, duty_of, record, recovered, report_of, sites_due
from leads.evidence.chain import Ledger
from leads.evidence.cover import append_store_rows
from leads.evidence.sign import signer_of
from leads.store.records import LeadRecord
from leads.store.store import Store, home_store
from pipelines.errors import BadInputError
from pipelines.past import Past
from pipelines.patchseries import Asked, each_series
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.files import Places
from pipelines.patrol.lock import alone
from pipelines.patrol.night import Sources, begin, named_source
from pipelines.plan import grid_gsd_m
from pipelines.progress import Progress, Silent

Site = tuple[LeadRecord, dt.date]
"""A lead and the day by which its ground had to be restored."""

Looked = tuple[LeadRecord, Recovery]


def look_back(
    config: PatrolConfig,
    home: Path,
    night: dt.date,
    ids: Sequence[str] = (),
    progress: Progress | None = None,
    sources: Sources = named_source,
) -> tuple[Looked, ...]:
    """Look at sites again, as `leads.cases.lookback` judges them, and write what was found into the store.

    Args:
        config: where imagery comes from.
        home: state folder.
        night: no later scene is used.
        ids: leads; all whose deadline is past and that are due a look where none is named.
        progress: where to report.
        sources: gives the imagery of a watch.

    Raises:
        BadInputError: if a lead does not exist or lies in no area that is watched.
    """
    with alone(Places(home), -1.0), home_store(home) as store:
        sites = _sites(store, night, ids)
        watched = {read_aoi(watch.aoi, home).id: watch for watch in config.watch}
        strange = sorted({lead.aoi for lead, _ in sites} - watched.keys())
        if strange and ids:
            raise BadInputError(f"the area {strange[0]!r} of these leads is not in the configuration")
        found: list[Looked] = []
        for aoi, watch in watched.items():
            mine = [site for site in sites if site[0].aoi == aoi]
            if not mine:
                continue
            with sources(watch, home) as provider:
                looked = _looked(provider, mine, night, progress or Silent(), config.work.workers)
            _write(store, home, aoi, night, looked)
            found += looked
    return tuple(found)


def _sites(store: Store, night: dt.date, ids: Sequence[str]) -> list[Site]:
    if not ids:
        return [(site.lead, site.deadline) for site in sites_due(store, night)]
    sites: list[Site] = []
    for name in ids:
        report = report_of(store, name)
        if report is None:
            raise BadInputError(f"there is no lead {name}; `weixun leads list` shows those there are")
        sites.append((report.lead, report.deadline or report.lead.first_seen))
    return sites


def _looked(
    provider: Provider, sites: Sequence[Site], night: dt.date, progress: Progress, workers: int
) -> list[Looked]:
    """The summers of each site, from the year before its use on."""
    ground = shapely.union_all([shapely.box(*lead.geometry.buffer(0.01).bounds) for lead, _ in sites])
    first = dt.date(min(lead.last_before.year for lead, _ in sites), 1, 1)
    scenes = [one for one in provider.search(ground, first, night) if one.optical and one.level != "DN"]
    if not scenes:
        return []
    asked = [_asked(lead, night) for lead, _ in sites]

    def work(number: int, series: PatchSeries, grid: GeoBox) -> Recovery:
        lead, deadline = sites[number]
        return recovered(series, duty_of(lead, deadline), night, lead.area_m2)

    past = Past(provider, scenes, night, progress)
    patches = [lead.geometry for lead, _ in sites]
    found = each_series(past, asked, patches, grid_gsd_m(scenes), work, progress, "look back", workers)
    return [(lead, recovery) for (lead, _), recovery in zip(sites, found, strict=True)]


def _asked(lead: LeadRecord, night: dt.date) -> Asked:
    years = tuple(range(lead.last_before.year, night.year + 1))
    history = History(seasons=(SUMMER, MAY, PADS), years=len(years))
    return Asked(lead.geometry, history, years, lead.last_before, lead.first_seen)


def _write(store: Store, home: Path, aoi: str, night: dt.date, looked: Sequence[Looked]) -> None:
    """Enter what was found, and cover it with evidence; twice is as once."""
    names = sorted(lead.id for lead, _ in looked)
    run_id = hashlib.sha256(f"lookback {aoi} {night} {names}".encode()).hexdigest()[:32]
    begin(store, run_id, aoi, night, f"patrol/lookback/{night:%Y%m%d}", "lookback")
    for lead, recovery in looked:
        record(store, lead.id, recovery, run_id)
    store.finish_run(run_id, 0, "", dt.datetime.now(dt.UTC))
    append_store_rows(Ledger(store, signer_of(home)), run_id)


def told(found: Sequence[Looked]) -> Iterator[str]:
    """A line for each site."""
    for lead, one in found:
        said = "；".join(remark.zh for remark in one.remarks)
        yield (
            f"{lead.id} {one.day}: 恢复 restored {one.restored_m2 / 1e4:.2f} ha, "
            f"未恢复 remaining {one.remaining_m2 / 1e4:.2f} ha, "
            f"未观测 not observed {one.unobserved_m2 / 1e4:.2f} ha{f'（{said}）' if said else ''}"
        )


def rows_of(found: Sequence[Looked]) -> list[dict[str, object]]:
    """Plain values."""
    return [
        {
            "lead_id": lead.id,
            "day": one.day.isoformat(),
            "restored_m2": round(one.restored_m2, 1),
            "remaining_m2": round(one.remaining_m2, 1),
            "unobserved_m2": round(one.unobserved_m2, 1),
            "remarks": [remark.zh for remark in one.remarks],
        }
        for lead, one in found
    ]
