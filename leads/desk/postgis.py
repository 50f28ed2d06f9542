"""The desk of a team on PostGIS: views to look at, triggers that write verdicts, and who may do what.

A row's key is its lead and version, so an edit can only reach the version that the analyst had on the screen; one that
reaches none is an error, never a silence. Verdicts are appended with the login's name and the server's time.
"""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from leads.desk.columns import INBOX_FIELDS
from leads.desk.drawn import LEAST_M2, MOST_VERTICES, REACH_DEG
from leads.desk.handback import MOST_CHARACTERS
from leads.fields import REASONS, STATUS, Field

SCHEMA = "desk"
READER, ANALYST, MAINTAINER = "weixun_reader", "weixun_analyst", "weixun_maintainer"

EDITABLE = ("status", "reason", "remark", "area_srv", "geom")
"""Columns that an analyst may write."""

DESK_FIELDS: tuple[Field, ...] = tuple(field for field in INBOX_FIELDS if field.name not in ("rank", "dms"))
"""Columns of `desk.leads` besides its key and its geometry."""

_TYPES = {"text": "text", "real": "float8", "integer": "int", "date": "date"}

_OWN = {
    "priority": "p.score",
    "lead_id": "l.id",
    "status": "l.status",
    "reason": "nullif(l.reason, '')",
    "reviewer": "nullif(l.reviewer, '')",
    "remark": "nullif(l.remark, '')",
    "model": "l.detector",
    "change": "l.change",
    "change_zh": "l.change_zh",
    "grade": "l.confidence",
    "conf": "l.score",
    "date_bef": "l.last_before",
    "date_aft": "l.last_seen",
    "seen_first": "l.first_seen",
    "looks": "l.looks",
    "area_m2": "l.area_m2",
    "area_lo": "l.area_low_m2",
    "area_hi": "l.area_high_m2",
    "area_mu": "l.area_m2 * 3 / 2000",
    "mu_lo": "l.area_low_m2 * 3 / 2000",
    "mu_hi": "l.area_high_m2 * 3 / 2000",
    "area_anl": "a.area_m2",
    "area_srv": "s.area_m2",
    "place": "nullif(l.place, '')",
    "lon": "ST_X(ST_PointOnSurface(l.geometry))",
    "lat": "ST_Y(ST_PointOnSurface(l.geometry))",
    "classif": "l.classification",
    "stock": "l.stock",
    "base_version": "l.version",
}
"""What the lead itself knows; every other column is the newest observation's."""


def prepare(connection: Connection) -> None:
    """Makes schema, views, triggers and roles, or brings them to this program's state; repeating it changes nothing.

    Args:
        connection: to the store, as the owner of its tables, in a transaction that is committed afterwards.
    """
    schema = str(connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
    for statement in statements(schema):
        connection.exec_driver_sql(statement)


def statements(store: str) -> Sequence[str]:
    """The DDL, in its order.

    Args:
        store: schema of the store's tables, quoted.
    """
    return (*_roles(), *_views(store), *_functions(store), *_grants(store))


def _roles() -> list[str]:
    made = (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
        f"CREATE ROLE {role} NOLOGIN; END IF; END $$"
        for role in (READER, ANALYST, MAINTAINER)
    )
    return [*made, f"GRANT {READER} TO {ANALYST}", f"GRANT {ANALYST} TO {MAINTAINER}"]


def _views(store: str) -> list[str]:
    columns = ",\n  ".join(f'{_value(field)} AS "{field.name}"' for field in DESK_FIELDS)
    seen = ", ".join(f'c."{name}"' for name in ("block", "role", "observed", "cloudy", "snow", "no_scene"))
    last = "SELECT {what} FROM {store}.outlines WHERE lead_id = l.id AND kind = '{kind}' ORDER BY id DESC LIMIT 1"
    drawn = last.format(what="geometry, area_m2", store=store, kind="analyst")
    surveyed = last.format(what="area_m2", store=store, kind="survey")
    key = "(l.id || '@' || l.version::text)"
    return [
        f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
        f"CREATE INDEX IF NOT EXISTS ix_leads_desk_key ON {store}.leads ((id || '@' || version::text))",
        *(f"DROP VIEW IF EXISTS {SCHEMA}.{name}" for name in ("leads", "machine", "coverage")),
        f"""CREATE VIEW {SCHEMA}.leads AS SELECT {key} AS "key",
  {columns},
  ST_Multi(coalesce(a.geometry, l.geometry))::geometry(MultiPolygon, 4326) AS geom
FROM {store}.leads l
LEFT JOIN {store}.observations o ON o.detector = l.detector AND o.key = l.newest
LEFT JOIN {store}.priorities p ON p.lead_id = l.id
LEFT JOIN LATERAL ({drawn}) a ON true
LEFT JOIN LATERAL ({surveyed}) s ON true
WHERE l.merged_into = '' AND (l.confidence = 'confirmed' OR l.status <> 'new')""",
        f"""CREATE VIEW {SCHEMA}.machine AS
SELECT l.number, l.id AS lead_id, l.detector AS model, l.confidence AS grade, l.status, l.area_m2 * 3 / 2000 AS area_mu,
  ST_Multi(l.geometry)::geometry(MultiPolygon, 4326) AS geom
FROM {store}.leads l WHERE l.merged_into = '' AND (l.confidence = 'confirmed' OR l.status <> 'new')""",
        f"""CREATE VIEW {SCHEMA}.coverage AS
SELECT DISTINCT ON (c.aoi, c.block, c.role) c.id, {seen}, c.day AS "date", c.observed AS best,
  nullif(c.failed, '') AS failed, ST_Multi(c.geometry)::geometry(MultiPolygon, 4326) AS geom
FROM {store}.coverage c ORDER BY c.aoi, c.block, c.role, c.day DESC, c.id DESC""",
    ]


def _value(field: Field) -> str:
    told = _OWN.get(field.name, f"nullif(o.\"row\"->>'{field.name}', '')")
    return f"({told})::{_TYPES[field.type]}"


def _listed(choices: Sequence[tuple[str, str, str]]) -> str:
    return ", ".join(f"'{value}'" for value, _, _ in choices)


def _functions(store: str) -> list[str]:
    shut = f"SECURITY DEFINER SET search_path = pg_catalog, {store}, public, pg_temp"
    return [
        f"""CREATE OR REPLACE FUNCTION {SCHEMA}.begin_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM set_config('weixun.reached', '0', true); RETURN NULL; END $$""",
        f"""CREATE OR REPLACE FUNCTION {SCHEMA}.end_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('weixun.reached', true) IS DISTINCT FROM '1' THEN
    RAISE EXCEPTION '{_STALE}' USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NULL;
END $$""",
        f"CREATE OR REPLACE FUNCTION {SCHEMA}.take_review() RETURNS trigger LANGUAGE plpgsql {shut} "
        f"AS $$\n{_body(store)}\n$$",
        *(
            f"CREATE TRIGGER {name}_review {when} UPDATE ON {SCHEMA}.leads FOR EACH {each} "
            f"EXECUTE FUNCTION {SCHEMA}.{name}_review()"
            for name, when, each in (
                ("begin", "BEFORE", "STATEMENT"),
                ("take", "INSTEAD OF", "ROW"),
                ("end", "AFTER", "STATEMENT"),
            )
        ),
    ]


_STALE = (
    "该线索已被他人或夜间巡查更新，您的修改未保存：请刷新后重试 "
    "the lead was changed by somebody else or by a night since you loaded it; nothing was saved: reload and look again"
)


def _body(store: str) -> str:
    """What a verdict does, as `leads.store.reviews.enter` does it; a test holds the two together."""
    return f"""DECLARE
  lead {store}.leads;
  moment timestamptz := clock_timestamp();
  who text := session_user;
  status_ text := coalesce(NEW.status, 'new');
  reason_ text := coalesce(NEW.reason, '');
  remark_ text := btrim(regexp_replace(coalesce(NEW.remark, ''), '[\\x01-\\x08\\x0b-\\x1f\\x7f]', '', 'g'));
  moved boolean := ST_AsBinary(NEW.geom) IS DISTINCT FROM ST_AsBinary(OLD.geom);
  surveyed boolean := NEW.area_srv IS DISTINCT FROM OLD.area_srv AND NEW.area_srv IS NOT NULL;
  ground geometry;
BEGIN
  PERFORM set_config('weixun.reached', '1', true);
  SELECT * INTO lead FROM leads WHERE id = OLD.lead_id FOR UPDATE;
  IF NOT FOUND OR lead.version <> OLD.base_version OR lead.merged_into <> '' THEN
    RAISE EXCEPTION '{_STALE}' USING ERRCODE = 'serialization_failure';
  END IF;
  IF (status_, reason_, remark_) IS NOT DISTINCT FROM (lead.status, lead.reason, lead.remark)
      AND NOT moved AND NOT surveyed THEN
    RETURN NEW;
  END IF;
  IF status_ NOT IN ({_listed(STATUS)}) THEN
    RAISE EXCEPTION USING MESSAGE = '审核状态无效 unknown status ' || left(status_, 40), ERRCODE = 'check_violation';
  END IF;
  IF reason_ <> '' AND reason_ NOT IN ({_listed(REASONS)}) THEN
    RAISE EXCEPTION USING MESSAGE = '原因无效 unknown reason ' || left(reason_, 40), ERRCODE = 'check_violation';
  END IF;
  IF status_ = 'rejected' AND reason_ = '' THEN
    RAISE EXCEPTION '不属实须填原因 rejected without a reason' USING ERRCODE = 'check_violation';
  END IF;
  IF length(remark_) > {MOST_CHARACTERS} THEN
    RAISE EXCEPTION '备注过长 the remark is longer than {MOST_CHARACTERS} characters' USING ERRCODE = 'check_violation';
  END IF;
  IF surveyed AND NOT (NEW.area_srv > 0 AND NEW.area_srv < 1e11) THEN
    RAISE EXCEPTION '勘测面积无效 the surveyed area is no area in m²' USING ERRCODE = 'check_violation';
  END IF;
  IF moved THEN
    ground := ST_Force2D(NEW.geom);
    IF ground IS NULL OR ST_IsEmpty(ground) OR ST_NPoints(ground) > {MOST_VERTICES} OR NOT ST_IsValid(ground)
        OR NOT ST_Distance(ground, lead.geometry) <= {REACH_DEG} THEN
      RAISE EXCEPTION '轮廓为空、自相交或远离线索 the outline is empty, crosses itself or lies far away'
        USING ERRCODE = 'check_violation';
    END IF;
    IF ST_Area(ST_SetSRID(ground, 4490)::geography) < {LEAST_M2} THEN
      RAISE EXCEPTION '轮廓没有面积 the outline has no area' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  INSERT INTO reviews (lead_id, base_version, status, reason, remark, reviewer, at, source, source_sha256, judged,
      drawn_sha256)
    VALUES (lead.id, lead.version, status_, reason_, remark_, who, moment, 'postgis', '',
      coalesce(ground, lead.geometry), CASE WHEN moved OR surveyed THEN
        encode(sha256(coalesce(ST_AsBinary(ground), '') || convert_to(coalesce(NEW.area_srv::text, ''), 'UTF8')), 'hex')
        ELSE '' END);
  UPDATE leads SET status = status_, reason = reason_, remark = remark_, reviewer = who, version = lead.version + 1,
      updated = moment, judged = CASE WHEN status_ = 'rejected' THEN lead.geometry END,
      rejected_for = CASE WHEN status_ = 'rejected' THEN reason_ ELSE '' END
    WHERE number = lead.number;
  IF moved THEN
    INSERT INTO outlines (lead_id, version, kind, geometry, area_m2, made_by, made_at, source)
      VALUES (lead.id, lead.version + 1, 'analyst', ground, ST_Area(ST_SetSRID(ground, 4490)::geography), who, moment,
        'postgis');
  END IF;
  IF surveyed THEN
    INSERT INTO outlines (lead_id, version, kind, geometry, area_m2, made_by, made_at, source)
      VALUES (lead.id, lead.version + 1, 'survey', coalesce(ground, lead.geometry), NEW.area_srv, who, moment,
        'postgis');
  END IF;
  NEW.base_version := lead.version + 1;
  NEW."key" := lead.id || '@' || (lead.version + 1)::text;
  RETURN NEW;
END"""


def _grants(store: str) -> list[str]:
    columns = ", ".join(EDITABLE)
    return [
        f"REVOKE ALL ON SCHEMA {SCHEMA} FROM PUBLIC",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}",
        f"GRANT SELECT ON {SCHEMA}.leads, {SCHEMA}.machine, {SCHEMA}.coverage TO {READER}",
        f"GRANT UPDATE ({columns}) ON {SCHEMA}.leads TO {ANALYST}",
        f"GRANT USAGE ON SCHEMA {store} TO {MAINTAINER}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {store} TO {MAINTAINER}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {store} TO {MAINTAINER}",
    ]
