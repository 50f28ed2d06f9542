"""Files inside zip and tar archives, read where they lie: nothing is unpacked.

A file inside an archive has a path that GDAL reads: ``/vsizip/{ARCHIVE}/NAME`` or ``/vsitar/{ARCHIVE}/NAME``. An
archive is judged by its directory before anything in it is believed.
"""

import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from imagery.errors import UnreadableImageError

MAX_MEMBERS = 20_000
MAX_DIRECTORY_BYTES = 16 << 20
MAX_MEMBER_BYTES = 16 << 30
MAX_TOTAL_BYTES = 64 << 30
"""A Sentinel-2 product has some 300 members, the largest of 150 MB, together 1 GB."""

RATIO_MAX = 200
RATIO_FREE_BYTES = 64 << 20
"""Up to this size how well a member is packed does not matter: masks of one value pack very well."""

_PATH = re.compile(r"^/vsi(zip|tar)/\{([^{}]+)\}/(.+)$")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")

Info = zipfile.ZipInfo | tarfile.TarInfo


def is_packed(path: Path) -> bool:
    """Whether a path leads into an archive."""
    return _PATH.match(str(path)) is not None


def on_disk(path: Path) -> Path:
    """The file itself, or the archive that holds it."""
    match = _PATH.match(str(path))
    return Path(match[2]) if match else path


def inside(archive: Path, name: str) -> Path:
    """The path of a file in an archive, by its name from `names_in`."""
    return Path(f"/vsi{'zip' if archive.suffix.lower() == '.zip' else 'tar'}/{{{archive.resolve()}}}/{name}")


def names_in(archive: Path) -> tuple[str, ...]:
    """Names of the files in a zip or tar.

    Raises:
        UnreadableImageError: if it is damaged, encrypted, points outside itself, or claims more than a product has.
    """
    with _directory(archive) as (_, members):
        return tuple(members)


def size_of(path: Path) -> int:
    """Bytes of a file on disk or, unpacked, in an archive.

    Raises:
        UnreadableImageError: if it is not there.
    """
    match = _PATH.match(str(path))
    if match is None:
        try:
            return path.stat().st_size
        except OSError as error:
            raise UnreadableImageError(f"{path} can not be read ({error.strerror}).") from error
    with _directory(Path(match[2])) as (_, members):
        return _bytes_of(_member(members, match[3], path))


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file on disk or in an archive; a zip's checksum is tested as they are read to the end.

    Raises:
        UnreadableImageError: if it is missing, damaged or hostile, here or inside the block.
    """
    match = _PATH.match(str(path))
    if match is None:
        if not path.is_file():
            raise UnreadableImageError(f"{path} is missing or not a file.")
        try:
            with path.open("rb") as stream:
                yield stream
        except OSError as error:
            raise UnreadableImageError(f"{path} can not be read ({error.strerror}).") from error
        return
    with _directory(Path(match[2])) as (opened, members):
        member = _member(members, match[3], path)
        if isinstance(opened, zipfile.ZipFile) and isinstance(member, zipfile.ZipInfo):
            with opened.open(member) as stream:
                yield stream
        elif isinstance(opened, tarfile.TarFile) and isinstance(member, tarfile.TarInfo):
            plain = opened.extractfile(member)
            if plain is None:
                raise UnreadableImageError(f"{path} is no plain file.")
            with plain:
                yield plain


def _member(members: dict[str, Info], name: str, path: Path) -> Info:
    if name not in members:
        raise UnreadableImageError(f"{path} is missing: {on_disk(path).name} has no such file.")
    return members[name]


def _bytes_of(member: Info) -> int:
    return member.file_size if isinstance(member, zipfile.ZipInfo) else member.size


@contextmanager
def _directory(archive: Path) -> Iterator[tuple[zipfile.ZipFile | tarfile.TarFile, dict[str, Info]]]:
    """An archive, open and judged, and its plain files by name."""
    try:
        if archive.suffix.lower() == ".zip":
            _refuse_large_directory(archive)
            with zipfile.ZipFile(archive) as opened_zip:
                yield opened_zip, _judged(archive, iter(opened_zip.infolist()))
        else:
            with tarfile.open(archive, "r:") as opened_tar:
                yield opened_tar, _judged(archive, iter(opened_tar))
    # zipfile raises NotImplementedError for methods it can not unpack, and RuntimeError for encrypted members
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        raise UnreadableImageError(f"{archive} is truncated, damaged or encrypted ({error}).") from error
    except OSError as error:
        raise UnreadableImageError(f"{archive} can not be read ({error.strerror or error}).") from error


def _refuse_large_directory(archive: Path) -> None:
    """By the zip's last record alone: the reader takes the whole directory into memory."""
    size = archive.stat().st_size
    with archive.open("rb") as stream:
        stream.seek(max(0, size - 65_600))
        tail = stream.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + _END.size:
            raise UnreadableImageError(f"{archive} is truncated or not a zip (it has no end record).")
        _, _, _, _, members, length, _, _ = _END.unpack_from(tail, at)
        if members == 0xFFFF or length == 0xFFFFFFFF:
            locator = tail[max(0, at - 20) : at]
            if locator[:4] != b"PK\x06\x07":
                raise UnreadableImageError(f"{archive} is damaged: its end record points nowhere.")
            stream.seek(struct.unpack_from("<Q", locator, 8)[0])
            record = stream.read(_END_64.size)
            if len(record) < _END_64.size:
                raise UnreadableImageError(f"{archive} is damaged: its end record points nowhere.")
            *_, members, length, _ = _END_64.unpack(record)
    if members > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise UnreadableImageError(f"{archive} is refused: it claims {members:,} files (at most {MAX_MEMBERS:,}).")


def _judged(archive: Path, members: Iterator[Info]) -> dict[str, Info]:
    if set("{}") & set(str(archive.resolve())):
        raise UnreadableImageError(f"{archive} can not be read in place: its path must not hold braces.")
    found: dict[str, Info] = {}
    total = 0
    for count, member in enumerate(members, 1):
        if count > MAX_MEMBERS:
            raise UnreadableImageError(f"{archive} is refused: it has more than {MAX_MEMBERS:,} files.")
        name = _safe_name(archive, member)
        if member.is_dir() if isinstance(member, zipfile.ZipInfo) else member.isdir():
            continue
        if name in found:
            raise UnreadableImageError(f"{archive} is refused: it holds {name[:80]!r} twice.")
        size = _bytes_of(member)
        if isinstance(member, zipfile.ZipInfo):
            _refuse_bomb(archive, member)
        total += size
        if size > MAX_MEMBER_BYTES or total > MAX_TOTAL_BYTES:
            raise UnreadableImageError(
                f"{archive} is refused: {name[:80]!r} would take it to {total:,} bytes unpacked."
            )
        found[name] = member
    return found


def _safe_name(archive: Path, member: Info) -> str:
    name = member.filename if isinstance(member, zipfile.ZipInfo) else member.name
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or set(name) & set('\\:{}"<>|?*') or not name.isprintable():
        raise UnreadableImageError(f"{archive} is refused: its member {name[:80]!r} points outside it or is no name.")
    linked = (
        stat.S_ISLNK(member.external_attr >> 16)
        if isinstance(member, zipfile.ZipInfo)
        else not (member.isdir() or (member.isreg() and not member.issparse()))
    )
    if linked:
        raise UnreadableImageError(f"{archive} is refused: its member {name[:80]!r} is no plain file.")
    return "/".join(parts)


def _refuse_bomb(archive: Path, member: zipfile.ZipInfo) -> None:
    if member.file_size > RATIO_FREE_BYTES and member.file_size > RATIO_MAX * max(member.compress_size, 1):
        raise UnreadableImageError(
            f"{archive} is refused: {member.filename[:80]!r} claims {member.file_size:,} bytes "
            f"packed into {member.compress_size:,}."
        )
    if member.flag_bits & 1:
        raise UnreadableImageError(f"{archive} is encrypted; unpack it yourself and name the folder.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableImageError(f"{archive} is packed in a way that can not be read in place; unpack it yourself.")
