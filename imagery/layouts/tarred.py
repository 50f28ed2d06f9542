"""Products packed as ``.tar.gz``: judged by what they claim before anything is unpacked."""

import shutil
import tarfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from imagery.errors import ArchiveError, UnreadableImageError

MAX_MEMBERS = 500
MAX_BYTES = 40 * 2**30
"""Unpacked: ten times the largest product of these satellites."""

CHUNK = 1 << 20


def members(path: Path) -> tuple[str, ...]:
    """Names of the files that a packed product holds, without their folders.

    Raises:
        UnreadableImageError: if it is damaged, points outside itself, or claims more than a product has.
    """
    with _opened(path) as archive:
        return tuple(PurePosixPath(member.name).name for member in _judged(archive, path))


def unpack(path: Path, wanted: Collection[str], folder: Path) -> None:
    """Write some of its files, whatever folders they lie in, into one folder.

    Raises:
        UnreadableImageError: as `members`.
        ArchiveError: if the disk has no room for them.
    """
    with _opened(path) as archive:
        for member in _judged(archive, path):
            name = PurePosixPath(member.name).name
            if name not in wanted or (folder / name).exists():
                continue
            if member.size > shutil.disk_usage(folder).free:
                raise ArchiveError(f"There is no room on the disk to unpack {name} ({member.size:,} bytes).")
            source = archive.extractfile(member)
            if source is None:
                continue
            with source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            yield archive
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise UnreadableImageError(f"{path} is truncated, damaged or not a .tar.gz ({error}).") from error
    except OSError as error:
        raise UnreadableImageError(f"{path} can not be unpacked ({error.strerror or error}).") from error


def _judged(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """Its plain files, one by one as the stream passes them."""
    total = 0
    for count, member in enumerate(archive, 1):
        parts = PurePosixPath(member.name.replace("\\", "/")).parts
        if member.name.startswith(("/", "\\")) or ".." in parts or ":" in member.name:
            raise UnreadableImageError(f"{path} is refused: its member {member.name[:80]!r} points outside it.")
        if not (member.isdir() or (member.isreg() and not member.issparse())):
            raise UnreadableImageError(f"{path} is refused: its member {member.name[:80]!r} is no plain file.")
        total += member.size
        if count > MAX_MEMBERS or total > MAX_BYTES:
            raise UnreadableImageError(
                f"{path} is refused: it claims more than {MAX_MEMBERS} members or {MAX_BYTES >> 30} GiB."
            )
        if member.isreg():
            yield member
