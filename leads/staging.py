"""Nothing half-written: a file is made beside its place and moved there when it is whole."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leads.errors import DiskFullError, OutputError


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A temporary place for a file that appears at `path` only when the block ends without an error.

    The temporary name lies in a hidden folder next to `path`, so that the move is atomic and so that whatever the
    writer leaves beside it (journals, overviews) goes with the folder. Missing parent folders are made.

    Raises:
        DiskFullError: if there is no room.
        OutputError: if the folder can not be written.
    """
    folder = stage(path)
    try:
        yield folder / path.name
        os.replace(folder / path.name, path)
    except OSError as error:
        raise refusal(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage(path: Path) -> Path:
    """A new hidden folder beside `path`, for writers that outlive one block; theirs to remove.

    Raises:
        OutputError: if the folder can not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: BaseException) -> OutputError:
    """The one sentence that says why a file could not be written.

    Args:
        path: what was to be written.
        error: what the writer said; libraries hide the system's error number, so the disk is asked again.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{path.parent} is read-only: {path.name} was not written; choose a folder you may write")
    if number in (errno.ENOSPC, errno.EDQUOT) or _is_full(path):
        return DiskFullError(f"the disk is full: {path} was not written; free some space or choose another folder")
    if isinstance(error, OSError) and error.strerror:
        return OutputError(f"{path} could not be written: {error.strerror}")
    said = " ".join(str(error).split()) or type(error).__name__
    return OutputError(f"{path} could not be written ({said}): the disk may have been full, or the folder gone")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < 1 << 20
    except OSError:
        return False
