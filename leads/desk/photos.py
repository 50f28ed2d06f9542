"""Photos from the field, each attached to the lead it was taken at, their bytes kept as they came."""

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import shapely
import sqlalchemy as sa
from shapely.geometry import Point

from aoi.area import CGCS2000
from aoi.grid import to_crs, zone_of
from leads.desk.exif import LOCAL, SUFFIXES, Photo, PhotoError, read_photo
from leads.desk.keep import attachment_path
from leads.staging import refusal
from leads.store.records import LeadRecord
from leads.store.store import Store
from leads.store.tables import attachments

LIMIT_M = 500.0
"""A photo taken further from every outline belongs to none."""

MOST_PHOTOS = 20_000

Kind = Literal["attached", "known", "no_place", "far", "too_early", "refused"]

KINDS: dict[Kind, tuple[str, str]] = {
    "attached": ("已关联", "attached"),
    "known": ("已在库中", "there already"),
    "no_place": ("照片无坐标", "the photo has no position"),
    "far": ("附近无线索", "no lead near"),
    "too_early": ("早于变化", "taken before the change"),
    "refused": ("未接收", "refused"),
}
"""What becomes of a photo, in Chinese and English."""


@dataclass(frozen=True)
class Match:
    """Which lead a photo was taken at."""

    lead_id: str
    distance_m: float
    """To its outline; 0 inside."""


@dataclass(frozen=True)
class PhotoTaken:
    """What became of a photo."""

    name: str
    kind: Kind
    lead_id: str = ""
    distance_m: float | None = None
    message: str = ""


def nearest_lead(photo: Photo, leads: Sequence[LeadRecord], limit_m: float = LIMIT_M) -> Match | Kind:
    """The lead a photo belongs to, or why it belongs to none.

    Of several at the same distance it is the one seen last before the photo was taken. A photo from before the last
    clear day before the change can not show it.

    Args:
        photo: with its place and time.
        leads: all that lie near.
        limit_m: greatest distance from an outline, metres.
    """
    if photo.lon is None or photo.lat is None:
        return "no_place"
    near = [(round(_distance_m(photo.lon, photo.lat, lead), 1), lead) for lead in leads]
    near = [(distance, lead) for distance, lead in near if distance <= limit_m]
    if not near:
        return "far"
    day = photo.taken.astimezone(LOCAL).date() if photo.taken else None
    after = [(distance, lead) for distance, lead in near if day is None or day > lead.last_before]
    if not after:
        return "too_early"
    distance, lead = min(after, key=lambda one: (one[0], -one[1].first_seen.toordinal(), one[1].id))
    return Match(lead.id, distance)


def _distance_m(lon: float, lat: float, lead: LeadRecord) -> float:
    here = Point(lon, lat)
    if lead.geometry.distance(here) > 1.0:
        return float("inf")
    zone = zone_of(lon, lat)
    there = shapely.ops.nearest_points(to_crs(lead.geometry, 4326, zone), to_crs(here, 4326, zone))[0]
    place = to_crs(there, zone, 4326)
    return 0.0 if lead.geometry.covers(here) else float(CGCS2000.inv(lon, lat, place.x, place.y)[2])


def photo_files(folder: Path) -> list[Path]:
    """The photos in a folder and those inside it, by name; links are not followed."""
    found = []
    for place, _, names in os.walk(folder, followlinks=False):
        found += [Path(place) / name for name in names if name.lower().endswith(SUFFIXES)]
        if len(found) > MOST_PHOTOS:
            raise PhotoError(f"{folder} holds more than {MOST_PHOTOS} photos: hand them over in parts")
    return sorted(found)


def take_photos(
    store: Store,
    leads: Callable[[Photo], Sequence[LeadRecord]],
    folder: Path,
    home: Path,
    by: str,
    at: dt.datetime,
    limit_m: float = LIMIT_M,
    step: Callable[[], object] = lambda: None,
) -> tuple[PhotoTaken, ...]:
    """Attaches each photo of a folder to its lead; taking a folder over again changes nothing.

    Args:
        store: the store.
        leads: those near a photo.
        folder: with photos, at any depth.
        home: the bytes are kept under ``home/attachments``, named by their hash, read-only.
        by: who hands them in.
        at: when; aware.
        limit_m: greatest distance from an outline, metres.
        step: called after each photo.

    Raises:
        PhotoError: if there are too many.
        OutputError: if the home can not be written.
    """
    rows = []
    for path in photo_files(folder):
        rows.append(_take(store, leads, path, _plain(path.relative_to(folder).as_posix()), home, by, at, limit_m))
        step()
    return tuple(rows)


def _take(
    store: Store,
    leads: Callable[[Photo], Sequence[LeadRecord]],
    path: Path,
    name: str,
    home: Path,
    by: str,
    at: dt.datetime,
    limit_m: float,
) -> PhotoTaken:
    try:
        photo = read_photo(path)
    except PhotoError as error:
        return PhotoTaken(name, "refused", message=str(error))
    near = leads(photo) if photo.lon is not None else ()
    match = nearest_lead(photo, near, limit_m)
    if isinstance(match, str):
        return PhotoTaken(name, match)
    # The bytes first: a row never speaks of a file that is not there.
    try:
        keep_bytes(path, photo.sha256, home)
    except PhotoError as error:
        return PhotoTaken(name, "refused", message=str(error))
    with store.writing() as connection:
        known = connection.scalar(sa.select(attachments.c.lead_id).where(attachments.c.sha256 == photo.sha256).limit(1))
        if known is not None:
            return PhotoTaken(name, "known", known)
        connection.execute(
            attachments.insert().values(
                lead_id=match.lead_id, name=_plain(path.name), sha256=photo.sha256, taken=photo.taken, lon=photo.lon,
                lat=photo.lat, added=at, by=by,
            )
        )  # fmt: skip
    return PhotoTaken(name, "attached", match.lead_id, match.distance_m)


def _plain(name: str) -> str:
    """A file name as text: one that is no UTF-8 keeps its readable part."""
    return name.encode("utf-8", "replace").decode("utf-8")


def keep_bytes(path: Path, sha256: str, home: Path) -> Path:
    """Copies a file, byte by byte, to where its hash says, read-only.

    Raises:
        PhotoError: if it changed while it was read.
        OutputError: if the home can not be written.
    """
    target = attachment_path(home, sha256, path.name)
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent)
        os.close(handle)
        shutil.copyfile(path, temporary)
        os.chmod(temporary, 0o444)
        if read_photo(Path(temporary)).sha256 != sha256:
            os.unlink(temporary)
            raise PhotoError("读取时文件被改动 it changed while it was read")
        os.replace(temporary, target)
    except OSError as error:
        raise refusal(target, error) from error
    return target
