"""One door for all formats in which leads go out."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from aoi.classification import Classification
from leads.errors import OutputError
from leads.exports.kml import write_kml
from leads.exports.row import Row
from leads.exports.tables import write_csv, write_xlsx
from leads.exports.vectors import write_geojson, write_gpkg, write_shapefile

FORMATS: tuple[str, ...] = ("gpkg", "shp", "geojson", "kml", "csv", "xlsx")
_ALSO = {"json": "geojson"}


def format_of(path: Path, named: str = "") -> str:
    """The format that a person named, or that the file's ending means.

    Raises:
        OutputError: if it is none that is written here.
    """
    ending = path.suffix.casefold().removeprefix(".")
    wanted = named.strip().casefold() or ending
    wanted = _ALSO.get(wanted, wanted)
    if wanted not in FORMATS:
        raise OutputError(f"{named or path.name!r} is no format that leads are written in; choose {', '.join(FORMATS)}")
    if named and _ALSO.get(ending, ending) != wanted:
        raise OutputError(f"{path} does not end in .{wanted}: programs go by the ending; name it so, or drop --format")
    return wanted


def write_leads(path: Path, rows: Iterable[Row], format: str = "", title: str = "卫巡线索 Weixun leads") -> int:
    """Write leads in a format and return how many; the file carries the strictest classification among them.

    Args:
        path: replaced when it is there, except a GeoPackage that somebody edited.
        rows: leads.
        format: one of `FORMATS`; by the file's ending when left out.
        title: of the table or document.

    Raises:
        OutputError: if the format is unknown, the folder can not be written, the disk is full, or edits are in the way.
    """
    wanted = format_of(path, format)
    kept = list(rows)
    strict = _strictest(kept)
    if wanted == "gpkg":
        return write_gpkg(path, kept, strict)
    if wanted == "shp":
        return write_shapefile(path, kept)
    if wanted == "csv":
        return write_csv(path, kept)
    writer = {"kml": write_kml, "geojson": write_geojson, "xlsx": write_xlsx}[wanted]
    return writer(path, kept, title, strict.value)


def _strictest(rows: Sequence[Row]) -> Classification:
    order = list(Classification)
    return max((row.classification for row in rows), key=order.index, default=Classification.PUBLIC)
