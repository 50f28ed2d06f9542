"""The first tables.

Written out rather than taken from `leads.store.tables`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

from leads.store.places import create
from leads.store.types import Document, Ground, Moment

revision = "0001"
down_revision = None

_PLACED = {"leads": "reach", "looks": "clear", "zones": "geometry", "coverage": "geometry"}
_APPEND_ONLY = ("looks", "observations", "outlines", "reviews", "evidence", "case_events")


def upgrade() -> None:
    """Makes tables, spatial indices and the triggers that keep facts."""
    _tables()
    connection = op.get_bind()
    for table, column in _PLACED.items():
        create(connection, table, column)
    if connection.dialect.name == "sqlite":
        for table in _APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        return
    op.execute("CREATE INDEX ix_leads_geometry_place ON leads USING gist (geometry)")  # the desk draws from it
    op.execute(
        "CREATE FUNCTION weixun_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION weixun_refuse()"
        )


def _tables() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("taken", Moment(), nullable=True),
        sa.Column("lon", sa.Float(precision=53), nullable=True),
        sa.Column("lat", sa.Float(precision=53), nullable=True),
        sa.Column("added", Moment(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_attachments_lead_id"), "attachments", ["lead_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("regulator", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("opened", sa.Date(), nullable=False),
        sa.Column("closed", sa.Date(), nullable=True),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("updated", Moment(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "coverage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("observed", sa.Float(precision=53), nullable=False),
        sa.Column("cloudy", sa.Float(precision=53), nullable=False),
        sa.Column("snow", sa.Float(precision=53), nullable=False),
        sa.Column("no_scene", sa.Float(precision=53), nullable=False),
        sa.Column("failed", sa.Text(), nullable=False),
        sa.Column("geometry", Ground(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "run_id", "aoi", "block", "role", "day", name=op.f("uq_coverage_run_id_aoi_block_role_day")
        ),
    )
    op.create_index(op.f("ix_coverage_aoi_day"), "coverage", ["aoi", "day"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("prev", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_evidence_run_id"), "evidence", ["run_id"], unique=False)
    op.create_index(op.f("ix_evidence_kind_name"), "evidence", ["kind", "name"], unique=False)
    op.create_table(
        "heads",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("prev_head", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "inboxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "leads",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("stock", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("change_zh", sa.Text(), nullable=False),
        sa.Column("last_before", sa.Date(), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("last_seen", sa.Date(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("geometry", Ground(), nullable=False),
        sa.Column("area_m2", sa.Float(precision=53), nullable=False),
        sa.Column("area_low_m2", sa.Float(precision=53), nullable=False),
        sa.Column("area_high_m2", sa.Float(precision=53), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("parents", Document, nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("updated", Moment(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("newest", sa.Text(), nullable=False),
        sa.Column("parent_roots", Document, nullable=False),
        sa.Column("into_root", sa.Text(), nullable=False),
        sa.Column("alias", sa.Boolean(), nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("gsd_m", sa.Float(precision=53), nullable=False),
        sa.Column("apart", Ground(), nullable=True),
        sa.Column("reach", Ground(), nullable=False),
        sa.Column("handed_out", Ground(), nullable=False),
        sa.Column("judged", Ground(), nullable=True),
        sa.Column("rejected_for", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("detector", "root", name=op.f("uq_leads_detector_root")),
        sa.UniqueConstraint("id", name=op.f("uq_leads_id")),
    )
    op.create_index(op.f("ix_leads_aoi_first_seen"), "leads", ["aoi", "first_seen"], unique=False)
    op.create_index(op.f("ix_leads_merged_into"), "leads", ["merged_into"], unique=False)
    op.create_index(op.f("ix_leads_updated"), "leads", ["updated"], unique=False)
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("before", sa.Date(), nullable=True),
        sa.Column("inventory", sa.Boolean(), nullable=False),
        sa.Column("clear", Ground(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("detector", "day", "digest", name=op.f("uq_looks_detector_day_digest")),
    )
    op.create_table(
        "outlines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("geometry", Ground(), nullable=False),
        sa.Column("area_m2", sa.Float(precision=53), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_outlines_lead_id"), "outlines", ["lead_id"], unique=False)
    op.create_table(
        "priorities",
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("terms", Document, nullable=False),
        sa.Column("week", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("lead_id"),
    )
    op.create_table(
        "recoveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("restored_m2", sa.Float(precision=53), nullable=False),
        sa.Column("remaining_m2", sa.Float(precision=53), nullable=False),
        sa.Column("observed_share", sa.Float(precision=53), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_recoveries_lead_id"), "recoveries", ["lead_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("judged", Ground(), nullable=False),
        sa.Column("drawn_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_reviews_lead_id"), "reviews", ["lead_id"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("started", Moment(), nullable=False),
        sa.Column("finished", Moment(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("run_json", sa.Text(), nullable=False),
        sa.Column("run_sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_runs_aoi_night"), "runs", ["aoi", "night"], unique=False)
    op.create_table(
        "seen_scenes",
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("scene_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("aoi", "block", "scene_id"),
    )
    op.create_table(
        "zones",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("geometry", Ground(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_zones_aoi"), "zones", ["aoi"], unique=False)
    op.create_table(
        "case_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_case_events_case_id"), "case_events", ["case_id"], unique=False)
    op.create_table(
        "case_leads",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("added", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "lead_id"),
    )
    op.create_index(op.f("ix_case_leads_lead_id"), "case_leads", ["lead_id"], unique=False)
    op.create_table(
        "inbox_leads",
        sa.Column("inbox_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"],
            ["inboxes.id"],
        ),
        sa.PrimaryKeyConstraint("inbox_id", "lead_id"),
    )
    op.create_index(op.f("ix_inbox_leads_lead_id"), "inbox_leads", ["lead_id"], unique=False)
    op.create_table(
        "observations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("look_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("aoi", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("inventory", sa.Boolean(), nullable=False),
        sa.Column("last_before", sa.Date(), nullable=False),
        sa.Column("geometry", Ground(), nullable=False),
        sa.Column("area_m2", sa.Float(precision=53), nullable=False),
        sa.Column("area_low_m2", sa.Float(precision=53), nullable=False),
        sa.Column("area_high_m2", sa.Float(precision=53), nullable=False),
        sa.Column("score", sa.Float(precision=53), nullable=False),
        sa.Column("gsd_m", sa.Float(precision=53), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("row", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["look_id"],
            ["looks.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("detector", "key", name=op.f("uq_observations_detector_key")),
    )
    op.create_index(op.f("ix_observations_look_id"), "observations", ["look_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("observation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead"],
            ["leads.number"],
        ),
        sa.ForeignKeyConstraint(
            ["observation_id"],
            ["observations.id"],
        ),
        sa.PrimaryKeyConstraint("observation_id"),
    )
    op.create_index(op.f("ix_links_lead"), "links", ["lead"], unique=False)
