"""What follows the looking: the desk's inbox, evidence, the page of the morning, and who is told."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

from aoi.classification import Classification
from aoi.read import read_aoi
from leads.store.records import LeadRecord
from leads.store.store import Store
from pipelines.patrol.alarms import alarms_of
from pipelines.patrol.areafile import AreaNight
from pipelines.patrol.bulletin import coverage_of, gather, write_bulletin
from pipelines.patrol.config import PatrolConfig
from pipelines.patrol.desk import choose, hand_out
from pipelines.patrol.files import Places
from pipelines.patrol.journal import Journal
from pipelines.patrol.logs import LOG
from pipelines.patrol.notify import tell
from pipelines.patrol.proof import prove, prove_inbox, tampered


def morning(
    config: PatrolConfig, places: Places, store: Store, journal: Journal, areas: Sequence[AreaNight]
) -> tuple[Journal, Path | None, Path | None, tuple[str, ...]]:
    """Take the steps that are left of a night whose areas are all in the store.

    Returns:
        The journal, the bulletin, the inbox (None where there is nothing to hand out), and notes on what went wrong
        with telling people.
    """
    night = journal.night
    if "inbox" not in journal.done:
        journal = journal.with_step("inbox", _inbox(config, places, store, night, areas))
    if journal.done["inbox"]:
        prove_inbox(places, store, journal.done["inbox"])
    for area in areas:
        if f"evidence {area.aoi}" not in journal.done:
            head = prove(places, store, config, area, journal.turn)
            journal = journal.with_step(f"evidence {area.aoi}", head)
    heads = {area.aoi: journal.done[f"evidence {area.aoi}"] for area in areas}
    inbox = places.inbox / journal.done["inbox"] if journal.done["inbox"] else None
    if "bulletin" not in journal.done:
        warnings = (*alarms_of(config.alarms, places, night, areas), *tampered(store, areas))
        for warning in warnings:
            LOG.warning("alarm: %s", warning.en)
        told = gather(config, places, store, journal, areas, heads, inbox, warnings)
        journal = journal.with_step("bulletin", write_bulletin(places, told, config.notify.pdf).name)
    bulletin = places.bulletins / journal.done["bulletin"]
    notes: tuple[str, ...] = ()
    if "told" not in journal.done:
        notes = tell(config.notify, places, night, areas, bulletin)
        journal = journal.with_step("told")
    return journal, bulletin, inbox, notes


def _inbox(config: PatrolConfig, places: Places, store: Store, night: dt.date, areas: Sequence[AreaNight]) -> str:
    """The name of the night's inbox; empty on a night without a lead for the desk."""
    chosen = choose(store, [area.aoi for area in areas], config.budget, night)
    if not chosen.now:
        return ""
    named = {watch.aoi: read_aoi(watch.aoi, places.home) for watch in config.watch}
    grounds = [aoi.geometry for aoi in named.values() if aoi.id in {area.aoi for area in areas}]
    coverage = [row for area in areas for row in coverage_of(store, area)]
    order = list(Classification)
    marked = max((Classification(area.classification) for area in areas), key=order.index)
    images = images_of(places, night, areas, chosen.now)
    file = hand_out(store, places, night, chosen, coverage, grounds, images, marked)
    return file.name


def images_of(
    places: Places, night: dt.date, areas: Sequence[AreaNight], leads: Sequence[LeadRecord]
) -> Mapping[str, Path]:
    """``before_32650`` → the newest image of that role and zone, and those of earlier looks that leads waited since.

    Args:
        places: of the home.
        night: whose results are taken first.
        areas: of the night.
        leads: that are handed out; the images of the day that showed each last come along.
    """
    found: dict[str, Path] = {}
    for area in areas:
        folder = places.result(night, area.aoi, area.turn)
        for file in sorted(folder.glob("*/imagery/*.tif")):
            found[file.stem if len(areas) == 1 else f"{file.stem}_{area.aoi}"] = file
    known = set(found.values())
    for aoi, day in sorted({(lead.aoi, lead.last_seen) for lead in leads}):
        made = sorted((places.root / "nights").glob(f"*/{aoi}-*/{day:%Y%m%d}/imagery/*.tif"))
        newest = {file.name: file for file in made}
        found |= {f"{file.stem}_{aoi}_{day:%Y%m%d}": file for file in newest.values() if file not in known}
    return found
