"""`weixun leads field`, `weixun leads photos`: out to the ground, and back with photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # not against a circle: the command line must answer at once
    from leads.desk.photos import PhotoTaken

FIELD_HELP = """Write a field pack for QField and KML for a phone 生成外业包.

The folder holds an offline project with a form for visits and photos, the leads as KML in WGS 84, and in GCJ-02 for
Chinese phone maps: that one is shifted by hundreds of metres and only for finding the way.

\b
Examples:
  weixun leads field WX-MINE-20240710-y8xje33t --out pack
  weixun leads field ID1 ID2 --image dom.tif --out pack
"""

PHOTOS_HELP = """Attach photos from the field to their leads, by the position and time in their EXIF 关联外业照片.

The bytes are kept as they came. A photo without position, far from every lead, or from before the change stays where
it is and is told. Importing a folder twice changes nothing.

\b
Examples:
  weixun leads photos pack/DCIM --by 王检
  weixun leads photos /media/card --limit 200 --json
"""


def field_command(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Leads to be visited.")],
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.")],
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="An image to take along (GeoTIFF); may be repeated.")
    ] = None,
) -> int:
    """Write a field pack."""
    from aoi.classification import Classification
    from leads.desk.field import write_field_pack
    from leads.qgis.rasters import RasterLayer
    from leads.store.store import LeadQuery, home_store
    from pipelines.errors import BadInputError, Exit
    from pipelines.home import home

    with home_store(home(), create=False) as store:
        found = {lead.id: lead for lead in store.leads(LeadQuery(ids=tuple(ids)))}
    lost = [name for name in ids if name not in found]
    if lost:
        raise BadInputError(f"there is no lead {lost[0]}: weixun leads list shows them  没有该线索")
    leads = [found[name] for name in dict.fromkeys(ids)]
    marks = {level.value: level for level in Classification}
    order = list(Classification)
    strictest = max((marks.get(lead.classification, Classification.SENSITIVE) for lead in leads), key=order.index)
    rasters = [RasterLayer(path.stem, path, "after") for path in image or ()]
    for path in write_field_pack(out, leads, strictest, rasters):
        typer.echo(str(path))
    return Exit.DONE


def photos_command(
    folder: Annotated[Path, typer.Argument(help="A folder with photos, at any depth.")],
    by: Annotated[str, typer.Option("--by", help="Who hands them in 提交人.")] = "",
    limit: Annotated[float, typer.Option("--limit", min=1, max=20_000, help="Greatest distance to a lead, m.")] = 500.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> int:
    """Attach photos to their leads."""
    import datetime as dt

    from leads.desk.exif import Photo, PhotoError
    from leads.desk.photos import photo_files, take_photos
    from leads.evidence.chain import Ledger
    from leads.evidence.cover import append_store_rows
    from leads.evidence.sign import signer_of
    from leads.store.records import LeadRecord
    from leads.store.store import LeadQuery, home_store
    from pipelines.errors import BadInputError, Exit
    from pipelines.home import home
    from pipelines.progress import reporter

    if not folder.is_dir():
        raise BadInputError(f"{folder} is no folder: name the one that holds the photos")
    around = limit / 40_000  # degrees: wide enough up to 68° N

    try:
        count = len(photo_files(folder))
        with home_store(home(), create=False) as store, reporter(quiet=as_json).stage("photos", count) as step:

            def near(photo: Photo) -> list[LeadRecord]:
                if photo.lon is None or photo.lat is None:
                    return []
                box = (photo.lon - around, photo.lat - around, photo.lon + around, photo.lat + around)
                return list(store.leads(LeadQuery(bbox=box)))

            taken = take_photos(store, near, folder, home(), by, dt.datetime.now(dt.UTC), limit, step)
            if any(one.kind in ("attached", "known") for one in taken):
                append_store_rows(Ledger(store, signer_of(home())), "photos")
    except PhotoError as error:
        raise BadInputError(str(error)) from error
    _print(taken, as_json)
    return Exit.DONE if all(one.kind in ("attached", "known") for one in taken) else Exit.PARTIAL


def _print(taken: "tuple[PhotoTaken, ...]", as_json: bool) -> None:
    from leads.desk.photos import KINDS

    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(one) for one in taken], ensure_ascii=False, indent=2))
        return
    for one in taken:
        zh, en = KINDS[one.kind]
        distance = "" if one.distance_m is None else f"{one.distance_m:.0f} m"
        typer.echo(f"{zh} {en:<24} {one.name}  {one.lead_id} {distance} {one.message}".rstrip())
    typer.echo(f"{sum(one.kind == 'attached' for one in taken)} / {len(taken)} 已关联 attached")
