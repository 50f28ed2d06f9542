"""A folder of weights: its manifest and files, read whole and written whole."""

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from weights.errors import ChangedFileError, ManifestError, MissingFileError, NoRoomError, NotWrittenError
from weights.manifest import Entry, Manifest

MANIFEST = "manifest.json"

MOST_MANIFEST_BYTES = 4_000_000
"""A thousand times what ours need."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; one without any has no entries.

    Raises:
        ManifestError: if it can not be read or says what can not be; names the file and what is wrong.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            data = file.read(MOST_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise ManifestError(f"{path} can not be read: {error.strerror}; {_remedy(folder)}") from error
    if len(data) > MOST_MANIFEST_BYTES:
        raise ManifestError(f"{path} is larger than {MOST_MANIFEST_BYTES:,} bytes: no manifest; {_remedy(folder)}")
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        raise ManifestError(f"{path} is no manifest of weights: {_first_problem(error)}; {_remedy(folder)}") from error


def read_bytes(folder: Path, entry: Entry) -> bytes:
    """The contents of an entry's file, read once and only when the size is right.

    Raises:
        MissingFileError: if there is no such file.
        ChangedFileError: if it can not be read or has another size.
    """
    path = folder / entry.file
    if not path.is_file():  # asked before it is opened: a named pipe would block
        raise MissingFileError(f"{path} is missing, though {MANIFEST} names it; {_remedy(folder)}")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size) if size == entry.bytes else b""
    except OSError as error:
        raise ChangedFileError(f"{path} can not be read: {error.strerror}; {_remedy(folder)}") from error
    if len(data) != entry.bytes:
        raise ChangedFileError(
            f"{path} has {size:,} bytes where {MANIFEST} says {entry.bytes:,}: it was changed; {_remedy(folder)}"
        )
    return data


def changed(folder: Path, entry: Entry, what: str) -> ChangedFileError:
    """The error that says how a file differs from its manifest."""
    return ChangedFileError(f"{folder / entry.file} {what}; {_remedy(folder)}")


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, each whole; none appears unless all could be written.

    They take their places one after the other in the order given, after all bytes are on the disk.

    Raises:
        NoRoomError: if the disk is full.
        NotWrittenError: if the folder can not be written.
    """
    parts: dict[Path, Path] = {}
    try:
        for name, data in files.items():
            part = folder / f".{name}-{secrets.token_hex(4)}.part"
            parts[part] = folder / name
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for part, place in parts.items():
            os.replace(part, place)
    except OSError as error:
        raise refusal(folder, error) from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def refusal(folder: Path, error: OSError) -> NotWrittenError:
    """The one sentence that says why weights could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoRoomError(f"the disk is full: no weights were written to {folder}; free some space and save again")
    return NotWrittenError(f"no weights were written to {folder}: {error.strerror}; choose a folder you may write")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One at a time in a folder, among threads and processes; the system lets go when a process dies.

    The folder itself is locked, so nothing is left behind. Where that can not be done (Windows, some network shares)
    the block runs all the same: manifests stay whole there, and of two saves at one moment the last one wins.
    """
    handle = None
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _first_problem(error: ValidationError) -> str:
    """The first thing pydantic found, on one line; the file's own words are quoted, lest they act on a terminal."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    said = " ".join(problem["msg"].removeprefix("Value error, ").split())
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place!r}: {said}{more}" if place else f"{said}{more}"


def _remedy(folder: Path) -> str:
    if folder == Path(__file__).resolve().parent:
        return "reinstall Weixun"
    return f"retrain, or remove {folder} to use the weights that are shipped"
