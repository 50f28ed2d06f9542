"""Files of the evidence: copies of what a run gave, read-only, each where the chain looks for it."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leads.desk.keep import ORIGINALS, attachment_path
from leads.errors import OutputError
from leads.evidence.link import Item, sha256_of
from leads.staging import refusal, staged

FOLDER, INBOX = "evidence", "inbox"

_LINKED = frozenset({".tif", ".png", ".bin", ".html"})
"""Files that nobody opens for writing share their bytes with the result; QGIS writes into GeoPackages it opens."""

_MOST_BYTES = 64 << 20


def kept_path(home: Path, part: str, kind: str, name: str, sha256: str) -> Path | None:
    """Where the file of an item lies; None where the item has none.

    Args:
        home: state folder.
        part: the part of a run that the item is in.
        kind: of the item.
        name: of the item.
        sha256: of the item.
    """
    root = home / FOLDER
    if kind in ("run", "output"):
        return root / part.partition("#")[0] / name
    if kind == "review":
        return root / name
    if kind == "inbox":
        return home / INBOX / name
    return root / "files" / sha256 if kind == "file" else None


def named_by_row(home: Path, table: str, name: str, sha256: str) -> Path | None:
    """Where the file lies that a row of the store names; None where rows of the table name none.

    Args:
        home: state folder.
        table: of the row.
        name: of the file, as the row has it.
        sha256: of the file, as the row has it.
    """
    if table == "inboxes":
        return home / INBOX / ORIGINALS / name
    return attachment_path(home, sha256, name) if table == "attachments" else None


def inbox_items(home: Path, name: str) -> list[Item]:
    """What was handed out beside an inbox's GeoPackage, which the store names itself: project and images.

    Args:
        home: state folder.
        name: of the GeoPackage.

    Raises:
        OutputError: if one of them can not be read.
    """
    folder = home / INBOX
    stem = Path(name).stem
    files = [folder / f"{stem}.qgz", *sorted((folder / f"{stem}_imagery").glob("*"))]
    return [Item("inbox", file.relative_to(folder).as_posix(), file_sha256(file)) for file in files if file.is_file()]


def keep(home: Path, run_id: str, result: Path) -> dict[str, str]:
    """Keeps a result under ``evidence/<run_id>/<name of the result>/``: its record and all that it lists.

    Keeping the same result twice changes nothing. Images and pictures are links to the same bytes where the file
    system allows it, so that they cost no room and outlive the result.

    Args:
        home: state folder.
        run_id: the run it belongs to.
        result: folder with a ``run.json``.

    Returns:
        sha256 by name in that folder, of all that was kept.

    Raises:
        OutputError: if a file of the result is missing or is not what the record says, or the home can not be written.
        leads.errors.DiskFullError: if there is no room.
    """
    outputs = _outputs(result / "run.json")
    target = home / FOLDER / run_id / result.name
    kept = {name: keep_at(result / name, target / name, sha256) for name, sha256 in sorted(outputs.items())}
    return kept | {"run.json": keep_at(result / "run.json", target / "run.json")}


def keep_record(home: Path, run_id: str, file: Path) -> str:
    """Keeps a single file of a run as ``evidence/<run_id>/<file name>``; gives its sha256.

    Raises:
        OutputError: as `keep`.
    """
    return keep_at(file, home / FOLDER / run_id / file.name)


def keep_file(home: Path, file: Path) -> str:
    """Keeps a file that many runs use (weights, a layer, an area) once, under its sha256; gives that.

    Raises:
        OutputError: as `keep`.
    """
    digest = file_sha256(file)
    return keep_at(file, home / FOLDER / "files" / digest, digest)


def keep_bytes(home: Path, content: bytes) -> str:
    """Keeps what is no file yet (an area's ground) as `keep_file` does; gives its sha256.

    Raises:
        OutputError: if the home can not be written.
    """
    digest = sha256_of(content)
    target = home / FOLDER / "files" / digest
    try:
        if not target.is_file() or file_sha256(target) != digest:
            with staged(target) as temporary:
                temporary.write_bytes(content)
                os.chmod(temporary, 0o444)
    except OSError as error:
        raise refusal(target, error) from error
    return digest


def keep_at(file: Path, target: Path, expected: str | None = None) -> str:
    """A file at a place of the evidence, read-only; gives its sha256.

    Args:
        file: to keep.
        target: where.
        expected: sha256 that it must have.

    Raises:
        OutputError: if it is missing, is another, or can not be kept.
    """
    digest = file_sha256(file)
    if expected is not None and digest != expected:
        raise OutputError(f"{file} was changed after its run: it is no evidence; scan again")
    try:
        if target.is_file() and file_sha256(target) == digest:
            return digest
        if file.suffix in _LINKED and _linked(file, target):
            return digest
        with staged(target) as temporary:
            shutil.copyfile(file, temporary)
            os.chmod(temporary, 0o444)
    except OSError as error:
        raise refusal(target, error) from error
    return digest


def file_sha256(file: Path) -> str:
    """sha256 of a file.

    Raises:
        OutputError: if it can not be read.
    """
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise OutputError(f"{file} can not be read ({error.strerror}): the result is not whole") from error


def _linked(file: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(file, target)
        os.chmod(target, 0o444)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
            return False
        raise
    return True


def _outputs(record: Path) -> Mapping[str, str]:
    try:
        if record.stat().st_size > _MOST_BYTES:
            raise OutputError(f"{record} is larger than any run's record: it is not one of ours")
        run: Any = json.loads(record.read_bytes())
    except OSError as error:
        raise OutputError(f"{record} can not be read ({error.strerror}): the result is not whole") from error
    except ValueError as error:
        raise OutputError(f"{record} is damaged: scan again") from error
    outputs = run.get("outputs") if isinstance(run, dict) else None
    if not isinstance(outputs, dict):
        raise OutputError(f"{record} lists no outputs: it is no record of a run")
    for name in outputs:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise OutputError(f"{record} names a file outside its folder: {name[:80]}")
    return {str(name): str(sha256) for name, sha256 in outputs.items()}
