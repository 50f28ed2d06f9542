import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from leads.desk.exif import Photo, PhotoError, read_photo
from leads.desk.keep import attachment_path
from leads.desk.photos import Match, nearest_lead, take_photos
from leads.store.records import LeadRecord
from leads.store.store import Store
from leads.store.tables import attachments

AT = dt.datetime(2024, 7, 25, 9, 0, tzinfo=dt.UTC)
MakeLead = Callable[..., LeadRecord]


def degrees(value: float) -> tuple[IFDRational, ...]:
    whole = int(value)
    minutes = int((value - whole) * 60)
    seconds = round(((value - whole) * 60 - minutes) * 60 * 10_000)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, 10_000)


def photo(
    path: Path, lon: float | None = None, lat: float | None = None, taken: str = "2024:07:22 10:30:00", **gps: Any
) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.DateTime] = taken
    if lon is not None and lat is not None:
        exif[ExifTags.IFD.GPSInfo] = {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: degrees(lat),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: degrees(lon),
            **{ExifTags.GPS[name]: value for name, value in gps.items()},
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = hashlib.sha256(path.name.encode()).digest()[:3]
    Image.new("RGB", (16, 12), tuple(seed)).save(path, exif=exif)
    return path


def test_place_and_time_are_read(tmp_path: Path) -> None:
    found = read_photo(photo(tmp_path / "a.jpg", 119.756789, 49.212345))
    assert found.lon == pytest.approx(119.756789, abs=1e-6)
    assert found.lat == pytest.approx(49.212345, abs=1e-6)
    assert found.taken == dt.datetime(
        2024, 7, 22, 2, 30, tzinfo=dt.UTC
    )  # a camera without an offset shows Beijing time
    assert found.sha256 == hashlib.sha256((tmp_path / "a.jpg").read_bytes()).hexdigest()


def test_the_satellites_time_wins(tmp_path: Path) -> None:
    made = photo(tmp_path / "a.jpg", 119.7, 49.2, GPSDateStamp="2024:07:21", GPSTimeStamp=degrees(23.5))
    assert read_photo(made).taken == dt.datetime(2024, 7, 21, 23, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "gps",
    [
        {"GPSLatitude": (IFDRational(49, 0), IFDRational(0, 1), IFDRational(0, 1))},
        {"GPSLatitude": (IFDRational(400, 1), IFDRational(0, 1), IFDRational(0, 1))},
        {"GPSLatitude": (IFDRational(49, 1),)},
    ],
)
def test_a_place_that_makes_no_sense_is_none(tmp_path: Path, gps: dict[str, Any]) -> None:
    assert read_photo(photo(tmp_path / "a.jpg", 119.7, 49.2, **gps)).lon is None


def test_damaged_files_are_refused_or_have_no_place(tmp_path: Path) -> None:
    whole = photo(tmp_path / "a.jpg", 119.7, 49.2).read_bytes()
    refused = 0
    for number in range(0, len(whole), 7):
        bad = tmp_path / "bad.jpg"
        bad.write_bytes(whole[:number] + b"\xff" + whole[number + 1 :])
        try:
            read_photo(bad)
        except PhotoError:
            refused += 1
    for size in (0, 3, 10):
        (tmp_path / "cut.jpg").write_bytes(whole[:size])
        with pytest.raises(PhotoError):
            read_photo(tmp_path / "cut.jpg")
    assert refused > 0


def test_bombs_links_and_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(bomb)
    with pytest.raises(PhotoError, match="million pixels"):
        read_photo(bomb)
    os.symlink(photo(tmp_path / "real.jpg"), tmp_path / "link.jpg")
    with pytest.raises(PhotoError, match="plain file"):
        read_photo(tmp_path / "link.jpg")
    monkeypatch.setattr("leads.desk.exif.MOST_BYTES", 100)
    with pytest.raises(PhotoError, match="larger than"):
        read_photo(tmp_path / "real.jpg")


def at(lead: LeadRecord, east_deg: float = 0.0, taken: dt.datetime | None = AT) -> Photo:
    place = lead.geometry.centroid
    return Photo(Path("x.jpg"), "0" * 64, place.x + east_deg, place.y, taken)


def test_the_nearest_lead_within_the_limit(make_lead: MakeLead) -> None:
    leads = [make_lead(0), make_lead(1)]
    assert nearest_lead(at(leads[1]), leads) == Match(leads[1].id, 0.0)
    beside = nearest_lead(at(leads[0], -0.004), leads)
    assert isinstance(beside, Match)
    assert beside.lead_id == leads[0].id
    assert 100 < beside.distance_m < 300
    assert nearest_lead(at(leads[0], -0.05), leads) == "far"
    assert nearest_lead(Photo(Path("x"), "", None, None, AT), leads) == "no_place"


def test_a_photo_from_before_the_change_can_not_show_it(make_lead: MakeLead) -> None:
    lead = make_lead(0)
    early = dt.datetime.combine(lead.last_before, dt.time(1), dt.UTC)
    assert nearest_lead(at(lead, taken=early), [lead]) == "too_early"
    assert isinstance(nearest_lead(at(lead, taken=None), [lead]), Match)


def test_of_two_on_the_same_ground_the_later_one(make_lead: MakeLead) -> None:
    older, newer = make_lead(0), make_lead(6, make_lead(0).geometry, first_seen=dt.date(2024, 7, 15))
    assert nearest_lead(at(older), [older, newer]) == Match(newer.id, 0.0)


@pytest.fixture
def store(sqlite_store: Callable[[], str]) -> Iterator[Store]:
    with Store.open(sqlite_store()) as opened:
        yield opened


def test_photos_are_kept_byte_by_byte_and_only_once(store: Store, make_lead: MakeLead, tmp_path: Path) -> None:
    lead = make_lead(0)
    place = lead.geometry.centroid
    good = photo(tmp_path / "in" / "sub" / "现场 1.JPG", place.x, place.y)
    photo(tmp_path / "in" / "far.jpg", 100.0, 40.0)
    photo(tmp_path / "in" / "plain.jpg")
    (tmp_path / "in" / "fake.jpg").write_text("<html>")
    home = tmp_path / "home"

    def take() -> dict[str, str]:
        taken = take_photos(store, lambda _: [lead], tmp_path / "in", home, "王检", AT)
        return {one.name: one.kind for one in taken}

    assert take() == {"far.jpg": "far", "fake.jpg": "refused", "plain.jpg": "no_place", "sub/现场 1.JPG": "attached"}
    assert take()["sub/现场 1.JPG"] == "known"
    with store.reading() as connection:
        (row,) = connection.execute(attachments.select()).mappings()
    assert (row["lead_id"], row["name"], row["by"], row["added"]) == (lead.id, "现场 1.JPG", "王检", AT)
    kept = attachment_path(home, row["sha256"], row["name"])
    assert kept.read_bytes() == good.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o444
