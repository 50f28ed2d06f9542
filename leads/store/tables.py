"""The tables, for SQLite and PostGIS alike. A change here needs a migration; a test holds the two together.

Facts (looks, observations, reviews, outlines, evidence, case events) are only ever appended: triggers refuse anything
else. Leads and their links are what tracking makes of the facts, and are rewritten.
"""

import sqlalchemy as sa

from leads.store.types import Document, Ground, Moment

metadata = sa.MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

APPEND_ONLY = ("looks", "observations", "outlines", "reviews", "evidence", "case_events")
"""Tables whose rows are never changed nor taken out."""

PLACED = {"leads": "reach", "looks": "clear", "zones": "geometry", "coverage": "geometry"}
"""Tables with a spatial index, and the column it is over: an R*Tree beside the table in SQLite, GiST in PostGIS."""


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **more)  # type: ignore[arg-type]


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(53), nullable=False)


def _key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True)


leads = sa.Table(
    "leads",
    metadata,
    _key("number"),
    _text("id", unique=True),
    _text("aoi"),
    _text("detector"),
    _text("confidence"),
    _text("stock"),
    _text("status"),
    _text("reason"),
    _text("reviewer"),
    _text("remark"),
    sa.Column("version", sa.Integer, nullable=False),
    _text("change"),
    _text("change_zh"),
    sa.Column("last_before", sa.Date, nullable=False),
    sa.Column("first_seen", sa.Date, nullable=False),
    sa.Column("last_seen", sa.Date, nullable=False),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("geometry", Ground, nullable=False),
    _number("area_m2"),
    _number("area_low_m2"),
    _number("area_high_m2"),
    _number("score"),
    _text("place"),
    _text("classification"),
    sa.Column("parents", Document, nullable=False),
    _text("merged_into"),
    sa.Column("created", Moment, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    # what tracking needs to take the next look into account without reading the earlier ones
    _text("root"),
    _text("newest"),
    sa.Column("parent_roots", Document, nullable=False),
    _text("into_root"),
    sa.Column("alias", sa.Boolean, nullable=False),
    sa.Column("streak", sa.Integer, nullable=False),
    sa.Column("misses", sa.Integer, nullable=False),
    _number("gsd_m"),
    sa.Column("apart", Ground),
    sa.Column("reach", Ground, nullable=False),
    sa.Column("handed_out", Ground, nullable=False),
    sa.Column("judged", Ground),
    _text("rejected_for"),
    sa.UniqueConstraint("detector", "root"),
    sa.Index(None, "aoi", "first_seen"),
    sa.Index(None, "updated"),
    sa.Index(None, "merged_into"),
)
"""Leads as tracking and reviews leave them."""

looks = sa.Table(
    "looks",
    metadata,
    _key(),
    _text("run_id"),
    _text("aoi"),
    _text("detector"),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("before", sa.Date),
    sa.Column("inventory", sa.Boolean, nullable=False),
    sa.Column("clear", Ground, nullable=False),
    _text("digest"),
    sa.UniqueConstraint("detector", "day", "digest"),
)
"""Clear days, with the ground on which a change would have shown."""

observations = sa.Table(
    "observations",
    metadata,
    _key(),
    sa.Column("look_id", sa.Integer, sa.ForeignKey("looks.id"), nullable=False),
    _text("run_id"),
    _text("aoi"),
    _text("detector"),
    sa.Column("day", sa.Date, nullable=False),
    _text("key"),
    _text("proposal"),
    sa.Column("inventory", sa.Boolean, nullable=False),
    sa.Column("last_before", sa.Date, nullable=False),
    sa.Column("geometry", Ground, nullable=False),
    _number("area_m2"),
    _number("area_low_m2"),
    _number("area_high_m2"),
    _number("score"),
    _number("gsd_m"),
    _text("place"),
    sa.Column("row", Document, nullable=False),
    sa.UniqueConstraint("detector", "key"),
    sa.Index(None, "look_id"),
)
"""What was found, with the flat row of the day."""

links = sa.Table(
    "links",
    metadata,
    sa.Column("observation_id", sa.Integer, sa.ForeignKey("observations.id"), primary_key=True, autoincrement=False),
    sa.Column("lead", sa.Integer, sa.ForeignKey("leads.number"), nullable=False),
    sa.Index(None, "lead"),
)
"""Which lead an observation belongs to: tracking's answer, not a fact."""

outlines = sa.Table(
    "outlines",
    metadata,
    _key(),
    _text("lead_id"),
    sa.Column("version", sa.Integer, nullable=False),
    _text("kind"),
    sa.Column("geometry", Ground, nullable=False),
    _number("area_m2"),
    _text("made_by"),
    sa.Column("made_at", Moment, nullable=False),
    _text("source"),
    sa.Index(None, "lead_id"),
)

reviews = sa.Table(
    "reviews",
    metadata,
    _key(),
    _text("lead_id"),
    sa.Column("base_version", sa.Integer, nullable=False),
    _text("status"),
    _text("reason"),
    _text("remark"),
    _text("reviewer"),
    sa.Column("at", Moment, nullable=False),
    _text("source"),
    _text("source_sha256"),
    sa.Column("judged", Ground, nullable=False),
    _text("drawn_sha256"),
    sa.Index(None, "lead_id"),
)
"""Verdicts, each with the outline that was judged and the hash of what the analyst drew beside it."""

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("kind"),
    _text("aoi"),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("started", Moment, nullable=False),
    sa.Column("finished", Moment),
    sa.Column("exit_code", sa.Integer, nullable=False),
    _text("code"),
    _text("run_json"),
    _text("run_sha256"),
    sa.Index(None, "aoi", "night"),
)

coverage = sa.Table(
    "coverage",
    metadata,
    _key(),
    _text("run_id"),
    _text("aoi"),
    _text("block"),
    _text("role"),
    sa.Column("day", sa.Date, nullable=False),
    _number("observed"),
    _number("cloudy"),
    _number("snow"),
    _number("no_scene"),
    _text("failed"),
    sa.Column("geometry", Ground, nullable=False),
    sa.UniqueConstraint("run_id", "aoi", "block", "role", "day"),
    sa.Index(None, "aoi", "day"),
)

seen_scenes = sa.Table(
    "seen_scenes",
    metadata,
    sa.Column("aoi", sa.Text, primary_key=True),
    sa.Column("block", sa.Text, primary_key=True),
    sa.Column("scene_id", sa.Text, primary_key=True),
    _text("run_id"),
    sa.Column("day", sa.Date, nullable=False),
)

zones = sa.Table(
    "zones",
    metadata,
    _key(),
    _text("aoi"),
    _text("detector"),
    sa.Column("geometry", Ground, nullable=False),
    _text("reason"),
    _text("state"),
    _text("decided_by"),
    sa.Index(None, "aoi"),
)
"""Zones of recurring false leads: ``proposed``, ``accepted`` or ``declined``."""

# --- tables that other rooms fill -------------------------------------------------------------------------------------

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("title"),
    _text("state"),
    _text("regulator"),
    _text("addressee"),
    _text("jurisdiction"),
    sa.Column("opened", sa.Date, nullable=False),
    sa.Column("closed", sa.Date),
    sa.Column("created", Moment, nullable=False),
    sa.Column("updated", Moment, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

case_leads = sa.Table(
    "case_leads",
    metadata,
    sa.Column("case_id", sa.Text, sa.ForeignKey("cases.id"), primary_key=True),
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("added", Moment, nullable=False),
    sa.Index(None, "lead_id"),
)

case_events = sa.Table(
    "case_events",
    metadata,
    _key(),
    sa.Column("case_id", sa.Text, sa.ForeignKey("cases.id"), nullable=False),
    _text("state"),
    sa.Column("at", Moment, nullable=False),
    sa.Column("due", sa.Date),
    _text("by"),
    _text("note"),
    sa.Index(None, "case_id"),
)

recoveries = sa.Table(
    "recoveries",
    metadata,
    _key(),
    _text("lead_id"),
    sa.Column("day", sa.Date, nullable=False),
    _number("restored_m2"),
    _number("remaining_m2"),
    _number("observed_share"),
    _text("run_id"),
    sa.Index(None, "lead_id"),
)

evidence = sa.Table(
    "evidence",
    metadata,
    _key("seq"),
    _text("run_id"),
    _text("kind"),
    _text("name"),
    _text("sha256"),
    _text("prev"),
    _text("link"),
    sa.Index(None, "run_id"),
    sa.Index(None, "kind", "name"),
)

heads = sa.Table(
    "heads",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    _text("head"),
    _text("prev_head"),
    _text("signature"),
    sa.Column("created", Moment, nullable=False),
)

inboxes = sa.Table(
    "inboxes",
    metadata,
    _key(),
    sa.Column("night", sa.Date, nullable=False),
    _text("name"),
    _text("sha256"),
    sa.Column("created", Moment, nullable=False),
    sa.Column("leads", sa.Integer, nullable=False),
)

inbox_leads = sa.Table(
    "inbox_leads",
    metadata,
    sa.Column("inbox_id", sa.Integer, sa.ForeignKey("inboxes.id"), primary_key=True),
    sa.Column("lead_id", sa.Text, primary_key=True),
    sa.Column("base_version", sa.Integer, nullable=False),
    sa.Index(None, "lead_id"),
)

attachments = sa.Table(
    "attachments",
    metadata,
    _key(),
    _text("lead_id"),
    _text("name"),
    _text("sha256"),
    sa.Column("taken", Moment),
    sa.Column("lon", sa.Float(53)),
    sa.Column("lat", sa.Float(53)),
    sa.Column("added", Moment, nullable=False),
    _text("by"),
    sa.Index(None, "lead_id"),
)

priorities = sa.Table(
    "priorities",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True),
    _number("score"),
    sa.Column("terms", Document, nullable=False),
    sa.Column("week", sa.Date),
)
