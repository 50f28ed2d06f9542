import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from aoi.area import geodesic_area_m2
from leads.desk.inbox import Beside
from leads.desk.shelf import beside_of, note_inbox
from leads.desk.take import Taken, take_review
from leads.errors import ReviewError
from leads.store.records import LeadRecord, OutlineKind
from leads.store.store import Store
from leads.store.tables import inbox_leads, inboxes

AT = dt.datetime(2024, 7, 22, 9, 0, tzinfo=dt.UTC)
NIGHT = dt.date(2024, 7, 20)
VERDICT = "UPDATE leads SET status = ?, reason = ?, reviewer = ?, remark = ? WHERE lead_id = ?"
EditInbox = Callable[..., None]
Blob = Callable[..., bytes]


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_store: Callable[[], str],
    fill: Callable[..., list[LeadRecord]],
    make_inbox: Callable[..., Path],
) -> tuple[Path, Path]:
    """A store of five leads, and the inbox of them."""
    url = sqlite_store()
    with Store.open(url) as store:
        leads = fill(store, 5)
        inbox = make_inbox(tmp_path_factory.mktemp("made"), leads, beside_of(store, leads))
    return Path(url.removeprefix("sqlite:///")), inbox


@pytest.fixture
def inbox(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(made[1], tmp_path / "back.gpkg"))


@pytest.fixture
def store(made: tuple[Path, Path], tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{shutil.copy(made[0], tmp_path / 'store.sqlite')}") as opened:
        yield opened


@pytest.fixture
def leads(store: Store) -> list[LeadRecord]:
    return list(store.leads())


def kinds(taken: Taken) -> dict[str, str]:
    return {row.lead_id: row.kind for row in taken.rows}


def test_verdict_outline_and_survey_arrive_with_reviewer_and_time(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    lead = leads[0]
    drawn = lead.geometry.buffer(0.0004)
    edit_inbox(
        inbox,
        (VERDICT, ("confirmed", None, "王检", "挖损属实", lead.id)),
        ("UPDATE leads SET area_srv = 40000 WHERE lead_id = ?", (lead.id,)),
        ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(drawn), lead.id)),
    )
    taken = take_review(store, inbox, AT)
    assert kinds(taken) == {one.id: "applied" if one is lead else "unchanged" for one in leads}
    assert taken.whole
    now = store.lead(lead.id)
    assert now is not None
    assert (now.status, now.reviewer, now.remark, now.version) == ("confirmed", "王检", "挖损属实", lead.version + 1)
    (event,) = store.reviews(lead.id)
    assert (event.at, event.source, event.source_sha256) == (AT, "inbox_20240720.gpkg", taken.sha256)
    by_kind = {outline.kind: outline for outline in store.outlines(lead.id)}
    assert by_kind[OutlineKind.ANALYST].area_m2 == pytest.approx(geodesic_area_m2(drawn))
    assert by_kind[OutlineKind.ANALYST].made_by == "王检"
    assert by_kind[OutlineKind.SURVEY].area_m2 == 40000


def test_importing_twice_changes_nothing(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    edit_inbox(
        inbox,
        (VERDICT, ("rejected", "mowing", "王检", "", leads[0].id)),
        ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(leads[0].geometry.buffer(0.0003)), leads[0].id)),
    )
    take_review(store, inbox, AT)
    before = list(store.leads()), store.reviews(leads[0].id), store.outlines(leads[0].id)
    again = take_review(store, inbox, AT + dt.timedelta(hours=1))
    assert set(kinds(again).values()) == {"unchanged"}
    assert (list(store.leads()), store.reviews(leads[0].id), store.outlines(leads[0].id)) == before


def test_two_analysts_on_one_lead_the_second_is_a_conflict_and_nothing_is_overwritten(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, tmp_path: Path
) -> None:
    other = Path(shutil.copy(inbox, tmp_path / "other.gpkg"))
    edit_inbox(inbox, (VERDICT, ("confirmed", None, "王检", "", leads[0].id)))
    edit_inbox(
        other,
        (VERDICT, ("rejected", "water", "李检", "", leads[0].id)),
        (VERDICT, ("known", None, "李检", "", leads[1].id)),
    )
    take_review(store, inbox, AT)
    taken = take_review(store, other, AT)
    assert kinds(taken)[leads[0].id] == "conflict"
    assert kinds(taken)[leads[1].id] == "applied"
    assert not taken.whole
    now = store.lead(leads[0].id)
    assert now is not None
    assert (now.status, now.reviewer) == ("confirmed", "王检")


def test_whoever_goes_on_in_the_same_inbox_corrects_himself(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, tmp_path: Path
) -> None:
    first = tmp_path / "first.gpkg"
    for number, status in enumerate(("confirmed", "known", "confirmed")):
        edit_inbox(inbox, (VERDICT, (status, None, "王检", "", leads[0].id)))
        if number == 0:
            shutil.copy(inbox, first)
        assert kinds(take_review(store, inbox, AT))[leads[0].id] == "applied"
        now = store.lead(leads[0].id)
        assert now is not None
        assert now.status == status
    assert [event.status for event in store.reviews(leads[0].id)] == ["confirmed", "known", "confirmed"]
    edit_inbox(inbox, (VERDICT, ("known", None, "王检", "", leads[0].id)))
    take_review(store, inbox, AT)
    # the file that was taken over first says nothing new, and does not bring its verdict back
    assert kinds(take_review(store, first, AT))[leads[0].id] == "unchanged"
    now = store.lead(leads[0].id)
    assert now is not None
    assert now.status == "known"


def test_a_verdict_without_a_name_is_refused_and_the_option_gives_it(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox
) -> None:
    edit_inbox(inbox, (VERDICT, ("confirmed", None, None, None, leads[0].id)))
    assert kinds(take_review(store, inbox, AT))[leads[0].id] == "invalid"
    assert store.reviews(leads[0].id) == ()
    assert kinds(take_review(store, inbox, AT, "李检"))[leads[0].id] == "applied"
    assert store.reviews(leads[0].id)[0].reviewer == "李检"


def test_a_lead_that_this_store_does_not_know_is_told(
    store: Store,
    make_lead: Callable[..., LeadRecord],
    make_inbox: Callable[..., Path],
    edit_inbox: EditInbox,
    tmp_path: Path,
) -> None:
    stranger = make_lead(3)
    path = make_inbox(tmp_path / "other", [stranger])
    edit_inbox(path, (VERDICT, ("confirmed", None, "王检", "", stranger.id)))
    assert kinds(take_review(store, path, AT)) == {stranger.id: "unknown"}


def test_a_withdrawn_lead_is_reviewed_and_the_analyst_is_told(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, take_night: Callable[..., None]
) -> None:
    kept = [lead.geometry for lead in leads[1:]]
    for number in range(4):  # clear days that no longer show the first
        take_night(store, f"later{number}", kept, dt.date(2024, 8, 1) + dt.timedelta(days=8 * number))
    withdrawn = store.lead(leads[0].id)
    assert withdrawn is not None
    assert withdrawn.confidence == "withdrawn"
    edit_inbox(inbox, (VERDICT, ("confirmed", None, "王检", "", leads[0].id)))
    row = next(row for row in take_review(store, inbox, AT).rows if row.lead_id == leads[0].id)
    assert (row.kind, "withdrawn" in row.message) == ("applied", True)
    now = store.lead(leads[0].id)
    assert now is not None
    assert (now.status, now.confidence) == ("confirmed", "withdrawn")  # a person's word beside the imagery's


HOSTILE = "<img src=x onerror=alert(1)>=cmd|' /C calc'!A0 \"'; DROP TABLE leads; --\x00\x1b[2J"


def test_hostile_text_goes_through_as_text(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox
) -> None:
    edit_inbox(inbox, (VERDICT, ("known", None, "王'检\"", HOSTILE, leads[0].id)))
    row = next(row for row in take_review(store, inbox, AT).rows if row.lead_id == leads[0].id)
    now = store.lead(leads[0].id)
    assert now is not None
    assert row.kind == "applied"
    assert now.remark == "<img src=x onerror=alert(1)>=cmd|' /C calc'!A0 \"'; DROP TABLE leads; --[2J"
    assert now.reviewer == "王'检\""
    assert "control characters" in row.message


def test_a_half_written_inbox_changes_nothing(store: Store, inbox: Path, leads: list[LeadRecord]) -> None:
    inbox.write_bytes(inbox.read_bytes()[:40_000])
    with pytest.raises(ReviewError):
        take_review(store, inbox, AT)
    assert list(store.leads()) == leads


def test_the_next_inbox_shows_what_was_drawn_and_surveyed(
    store: Store, inbox: Path, leads: list[LeadRecord], edit_inbox: EditInbox, gpkg_blob: Blob
) -> None:
    drawn = leads[0].geometry.buffer(0.0004)
    edit_inbox(
        inbox,
        (VERDICT, ("confirmed", None, "王检", "", leads[0].id)),
        ("UPDATE leads SET area_srv = 40000 WHERE lead_id = ?", (leads[0].id,)),
        ("UPDATE outlines SET geom = ? WHERE lead_id = ?", (gpkg_blob(drawn), leads[0].id)),
    )
    take_review(store, inbox, AT)
    beside = beside_of(store, leads)
    assert beside.outlines[leads[0].id].equals(drawn)
    assert beside.surveys == {leads[0].id: 40000}


def test_what_was_handed_out_is_noted_once(store: Store, made: tuple[Path, Path], leads: list[LeadRecord]) -> None:
    for _ in range(2):
        note_inbox(store, made[1], NIGHT, leads, AT)
    with store.reading() as connection:
        (row,) = connection.execute(inboxes.select()).mappings()
        versions = dict(connection.execute(sa.select(inbox_leads.c.lead_id, inbox_leads.c.base_version)).all())
    assert (row["name"], row["night"], row["leads"]) == ("inbox_20240720.gpkg", NIGHT, 5)
    assert versions == {lead.id: lead.version for lead in leads}


def test_beside_is_empty_where_nobody_drew(store: Store, leads: list[LeadRecord]) -> None:
    assert beside_of(store, leads) == Beside()
