"""`weixun leads desk`: the desk of a team on PostGIS."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """Write the QGIS project of a team on live PostGIS 生成团队审核工程.

WEIXUN_STORE must name a PostgreSQL store. --prepare makes the views, triggers and roles in it, once and after an
update, and wants the owner of the tables; give each analyst a login and GRANT weixun_analyst (weixun_reader,
weixun_maintainer) TO it. Verdicts are written with the login's name and the server's time; an edit of what somebody
else changed meanwhile is an error, and nothing is overwritten.

\b
Examples:
  weixun leads desk --prepare --out desk
  weixun leads desk --out desk --image before_32650=before.tif --image after_32650=after.tif
"""


def desk_command(
    out: Annotated[Path, typer.Option("--out", help="Folder for weixun_desk.qgz.")],
    prepare: Annotated[bool, typer.Option("--prepare", help="Make views, triggers and roles first.")] = False,
    image: Annotated[
        list[str] | None, typer.Option("--image", help="ROLE_EPSG=FILE, such as after_32650=after.tif; repeatable.")
    ] = None,
) -> int:
    """Write the project of a team."""
    import shapely

    from aoi.catalog import known
    from aoi.classification import Classification
    from leads.desk.postgis import prepare as prepare_desk
    from leads.desk.team import write_team_project
    from leads.store.records import Confidence
    from leads.store.store import LeadQuery, home_store
    from pipelines.errors import BadInputError, Exit
    from pipelines.home import home

    with home_store(home(), create=prepare) as store:
        if store.engine.dialect.name != "postgresql":
            raise BadInputError(
                "a team's desk needs PostgreSQL with PostGIS: name it in WEIXUN_STORE; one analyst works in inboxes"
            )
        if prepare:
            with store.writing(alone=True) as connection:
                prepare_desk(connection)
        leads = list(store.leads(LeadQuery(confidences=(Confidence.CONFIRMED,), limit=500)))
        watched = {lead.aoi for lead in leads}
        areas = [area.geometry for area in known(home()) if not watched or area.id in watched]
        ground = shapely.union_all(areas or [lead.geometry.envelope for lead in leads])
        if ground.is_empty:
            raise BadInputError("there is neither a lead nor an area yet: run a patrol, or weixun aoi add, first")
        order = list(Classification)
        marks = [level for level in order for lead in leads if lead.classification == level.value]
        strictest = max(marks, key=order.index, default=Classification.INTERNAL)
        path = write_team_project(out, store.engine.url, leads, _images(image or []), ground, strictest)
    typer.echo(str(path))
    return Exit.DONE


def _images(given: list[str]) -> dict[str, Path]:
    images = {}
    for one in given:
        name, _, file = one.partition("=")
        if name.partition("_")[0] not in ("before", "after") or not file:
            raise typer.BadParameter(f"{one!r} is not like after_32650=FILE", param_hint="--image")
        images[name] = Path(file)
    return images
