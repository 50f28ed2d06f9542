"""The project of a team: the same desk as an inbox, on live PostGIS."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from shapely.geometry import box
from shapely.geometry.base import BaseGeometry
from sqlalchemy.engine import URL

from aoi.classification import Classification
from leads.desk.columns import AOI_FIELDS
from leads.desk.inbox import GROUND_MARGIN_DEG
from leads.desk.postgis import DESK_FIELDS, SCHEMA
from leads.desk.project import Vector, desk_document
from leads.desk.style import aoi_style, ground_style, machine_style, team_style
from leads.errors import OutputError
from leads.geopackage import Table, write_tables
from leads.qgis.document import write_document
from leads.qgis.style import coverage_style, qml
from leads.store.records import LeadRecord

NAME = "weixun_desk"


def write_team_project(
    folder: Path,
    url: URL,
    leads: Sequence[LeadRecord],
    images: Mapping[str, Path],
    ground: BaseGeometry,
    classification: Classification,
) -> Path:
    """Writes ``weixun_desk.qgz``, and beside it the ground that is not in the database.

    Neither user nor password is written: QGIS asks for them, or takes them from the analyst's own settings.

    Args:
        folder: made when it is missing; an earlier project of this name is replaced, no analyst's work is in it.
        url: of the store.
        leads: for bookmarks, in their order.
        images: ``before_32650`` or ``after_32650`` → a COG that all desks can read, named as seen from `folder`.
        ground: area of interest in EPSG:4326; the first view.
        classification: how widely it may be shown.

    Raises:
        OutputError: if the store is no PostgreSQL, the folder is read-only, or an image can not be read.
    """
    if url.get_backend_name() != "postgresql":
        raise OutputError("a team's desk needs PostgreSQL with PostGIS: name it in WEIXUN_STORE; inboxes need neither")
    path, beside = folder / f"{NAME}.qgz", folder / f"{NAME}_ground.gpkg"
    wide = box(*ground.bounds).buffer(GROUND_MARGIN_DEG, join_style="mitre")
    day = max((lead.last_seen for lead in leads), default=None)
    tables = (
        Table("aoi", AOI_FIELDS, [(ground, {"name": "巡查区 AOI"})], qml(aoi_style(), labels=False)),
        Table("ground", AOI_FIELDS, [(wide, {"name": "未观测 not observed"})], qml(ground_style(), labels=False)),
    )
    write_tables(beside, tables, day or dt.date(1970, 1, 1), classification)

    def live(kind: str, table: str, name: str, key: str, style: Sequence[Element], editable: bool = False) -> Vector:
        return Vector(kind, name, source(url, table, key), "postgres", style, editable)

    def file(kind: str, name: str, style: Sequence[Element]) -> Vector:
        return Vector(kind, name, f"./{beside.name}|layername={kind}", "ogr", style)

    top = [
        live("review", "leads", "审核 review", "key", team_style(DESK_FIELDS), editable=True),
        live("leads", "machine", "线索 leads", "number", machine_style()),
        live("coverage", "coverage", "观测情况 coverage", "id", coverage_style()),
        file("aoi", "巡查区 AOI", aoi_style()),
    ]
    below = file("ground", "未观测 not observed", ground_style())
    write_document(path, desk_document(path, top, (), below, images, leads, ground, classification))
    return path


def source(url: URL, table: str, key: str) -> str:
    """A view of the desk as QGIS names it, without user and password."""
    host = url.query.get("host") or url.host
    port = url.query.get("port") or url.port or 5432
    server = {"dbname": url.database, "host": host, "port": port}
    named = " ".join(f"{name}={_quoted(str(value))}" for name, value in server.items() if value)
    return (
        f"{named} key='{key}' estimatedmetadata=true srid=4326 type=MultiPolygon checkPrimaryKeyUnicity='0' "
        f'table="{SCHEMA}"."{table}" (geom)'
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
