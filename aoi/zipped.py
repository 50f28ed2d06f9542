"""Zip archives from outside: judged by their directory before one byte is unpacked."""

import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from aoi.errors import UnreadableVectorError

MEMBERS_MAX = 1000
DIRECTORY_MAX_BYTES = 1 << 20
ARCHIVE_MAX_BYTES = 512 << 20
UNPACKED_MAX_BYTES = 1 << 30
RATIO_MAX = 200
"""Unpacked over packed size; polygons pack 2 to 20 times, a bomb 1000 times."""

RATIO_FREE_BYTES = 1 << 20
"""Below this much unpacked the ratio does not matter."""

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")

UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for an archive it can not read: NotImplementedError for members packed in a way it does not
know, RuntimeError for encrypted ones, zlib.error and EOFError for damaged ones."""


@contextmanager
def unpacked(path: Path, wanted: str) -> Iterator[Path]:
    """The one file of a kind inside an archive, in a folder that is gone afterwards.

    Args:
        path: of the archive.
        wanted: suffix, ``.shp`` (its other parts come along) or ``.kml``.

    Raises:
        UnreadableVectorError: if the archive is damaged or hostile, or does not hold exactly one such file.
    """
    try:
        _refuse_large(path)
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="weixun-") as folder:
            members = _judged(archive, path)
            for member, suffix in _chosen(members, wanted, path):
                _copy(archive, member, Path(folder) / f"unpacked{suffix}")
            yield Path(folder) / f"unpacked{wanted}"
    except UNREADABLE as error:
        raise UnreadableVectorError(f"{path}: damaged, encrypted or not a zip archive ({error})") from error
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be unpacked ({error.strerror or error})") from error


def refuse_hostile_zip(path: Path, most_bytes: int = UNPACKED_MAX_BYTES) -> None:
    """Refuse an archive that another reader is to open, by its directory alone.

    Args:
        path: of the archive.
        most_bytes: it may unpack to.

    Raises:
        UnreadableVectorError: if it is damaged or hostile.
    """
    try:
        _refuse_large(path)
        with zipfile.ZipFile(path) as archive:
            _judged(archive, path, most_bytes)
    except UNREADABLE as error:
        raise UnreadableVectorError(f"{path}: damaged, encrypted or not a zip archive ({error})") from error
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror or error})") from error


def _refuse_large(path: Path) -> None:
    """Refuse by the last record alone: the reader below takes the whole directory into memory."""
    size = path.stat().st_size
    if size > ARCHIVE_MAX_BYTES:
        raise UnreadableVectorError(f"{path}: larger than {ARCHIVE_MAX_BYTES >> 20} MiB, too much for an archive")
    with path.open("rb") as file:
        file.seek(max(0, size - 65_557))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise UnreadableVectorError(f"{path}: damaged or not a zip archive (it has no end record)")
    members, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    if members > MEMBERS_MAX or directory_bytes > DIRECTORY_MAX_BYTES:
        raise UnreadableVectorError(f"{path}: refused, it claims {members} members (at most {MEMBERS_MAX})")


def _judged(archive: zipfile.ZipFile, path: Path, most_bytes: int = UNPACKED_MAX_BYTES) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise UnreadableVectorError(f"{path}: refused, it has {len(members)} members (at most {MEMBERS_MAX})")
    total = 0
    for member in members:
        name = member.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name or stat.S_ISLNK(member.external_attr >> 16):
            raise UnreadableVectorError(f"{path}: refused, its member {name[:80]!r} points outside the archive")
        if member.file_size > RATIO_FREE_BYTES and member.file_size > RATIO_MAX * max(member.compress_size, 1):
            raise UnreadableVectorError(
                f"{path}: refused as a zip bomb, its member {name[:80]!r} unpacks to {member.file_size:,} bytes "
                f"from {member.compress_size:,}"
            )
        total += member.file_size
    if total > most_bytes:
        raise UnreadableVectorError(
            f"{path}: refused, it unpacks to {total:,} bytes (at most {most_bytes:,}); "
            "unpack it yourself, or give a GeoPackage"
        )
    return members


def _chosen(members: list[zipfile.ZipInfo], wanted: str, path: Path) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    named = {member: PurePosixPath(member.filename) for member in members if not member.is_dir()}
    # The Mac adds a folder of resource forks with the same names.
    named = {member: name for member, name in named.items() if name.parts[0] != "__MACOSX"}
    found = [name for name in named.values() if name.suffix.casefold() == wanted]
    if wanted == ".kml" and PurePosixPath("doc.kml") in found:
        found = [PurePosixPath("doc.kml")]
    if len(found) != 1:
        names = f" ({', '.join(map(str, found[:5]))})" if found else ""
        raise UnreadableVectorError(f"{path}: holds {len(found)} {wanted} files{names}; it must hold exactly one")
    parts = SHAPEFILE_PARTS if wanted == ".shp" else (wanted,)
    for member, name in named.items():
        suffix = name.suffix.casefold()
        if name.with_suffix("") == found[0].with_suffix("") and suffix in parts:
            yield member, suffix


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with archive.open(member) as source, target.open("wb") as sink:
        left = member.file_size  # what was judged; more than that is not written
        while chunk := source.read(min(1 << 20, left)):
            sink.write(chunk)
            left -= len(chunk)
