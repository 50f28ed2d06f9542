"""The layers of a home folder: checked, in degrees, indexed, each in a GeoPackage that says where it came from."""

import contextlib
import datetime as dt
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataSourceError

from aoi.classification import Classification
from aoi.errors import AoiStoreError, UnreadableVectorError
from aoi.intake.judge import Judged, Tally, judged_rows
from aoi.intake.meta import KEYS, read_meta, write_meta
from aoi.intake.pointer import read_pointer
from aoi.intake.read import opened
from aoi.intake.source import Reading, Source
from aoi.kinds import KIND_NAMES, KINDS
from aoi.layers import REPAIRED, Layer, Status
from aoi.read import slug
from aoi.schema.column import Record, columns_of
from aoi.schema.reading import as_text
from aoi.schema.records import RECORDS
from aoi.stored import ID
from aoi.tables import POINTER
from aoi.vectors import brief, gdal_says_nothing, split_table

ROW = "source_row"
"""Column that says which row of the source a row was."""

TAKEN = frozenset(("fid", "geom", "ogc_fid", ROW, REPAIRED))


@dataclass(frozen=True)
class Checked:
    """What was found in a file."""

    kind: str
    name: str
    """File and table."""

    crs: str
    tally: Tally

    @property
    def good(self) -> bool:
        """Whether nothing in it is an error."""
        return not self.tally.counts["error"]


@dataclass(frozen=True)
class Added:
    """What came of adding a layer."""

    checked: Checked
    layer: Layer | None
    """None where it was refused, or holds no ground (penalties)."""

    path: Path | None
    """None where it was refused."""


def folder_of(home: Path) -> Path:
    """Where a home folder keeps its layers."""
    return home / "layers"


def record_of_kind(kind: str) -> type[Record]:
    """The record of a kind.

    Raises:
        UnreadableVectorError: if there is no such kind; names those that there are.
    """
    if kind not in KINDS:
        known = ", ".join(f"{name} {zh}" for name, (zh, _) in KIND_NAMES.items())
        raise UnreadableVectorError(f"{kind!r} is not a kind of layer; kinds are {known}")
    return RECORDS[kind]


def check_layer(path: Path, kind: str, reading: Reading | None = None) -> Checked:
    """What is wrong with a file as a layer of a kind.

    Args:
        path: of the file; ``FILE:TABLE`` names a table, a sheet or a drawing layer.
        kind: one of `KINDS`.
        reading: what the file does not say.

    Raises:
        MissingCrsError: if nobody says its CRS, or its coordinates do not fit it.
        UnreadableVectorError: if it can not be read at all.
    """
    record, tally = record_of_kind(kind), Tally()
    with opened(path, record, reading or Reading()) as source:
        for _ in judged_rows(source, record, tally):
            pass
        return Checked(kind, source.name, source.crs, tally)


def add_layer(
    path: Path,
    home: Path,
    kind: str,
    *,
    name: str | None = None,
    status: Status = "official",
    classification: Classification = Classification.INTERNAL,
    reading: Reading | None = None,
    accept_rows_with_problems: bool = False,
    overwrite: bool = False,
    now: dt.datetime | None = None,
) -> Added:
    """Check a file and keep it under a home folder, whole or not at all.

    Args:
        path: of the file; ``FILE:TABLE`` names a table, a sheet or a drawing layer.
        home: folder whose ``layers/`` it goes to; made if need be.
        kind: one of `KINDS`.
        name: what to call it; by default the kind, and the file's name.
        status: what it is.
        classification: how widely it may be shown.
        reading: what the file does not say.
        accept_rows_with_problems: whether to take the good rows of a file that has others.
        overwrite: whether a layer stored under this name may be replaced.
        now: when it is checked; for tests.

    Raises:
        MissingCrsError: if nobody says its CRS, or its coordinates do not fit it.
        UnreadableVectorError: if it can not be read at all.
        AoiStoreError: if the name is taken, or the folder can not be written.
    """
    record, tally, how = record_of_kind(kind), Tally(), reading or Reading()
    target = _target(path, home, kind, name, overwrite)
    with opened(path, record, how) as source:
        checked = Checked(kind, source.name, source.crs, tally)
        with _beside(target) as draft:
            _write(draft, source, record, tally)
            if (tally.counts["error"] and not accept_rows_with_problems) or not tally.good:
                return Added(checked, None, None)
            at = (now or dt.datetime.now(dt.UTC)).isoformat(timespec="seconds")
            told = {
                "name": target.stem,
                "kind": kind,
                "status": status,
                "classification": classification.value,
                "source": source.name,
                "source_sha256": sha256_of(split_table(path)[0]),
                "source_crs": source.crs,
                "rows": str(tally.good),
                "rows_left_out": str(tally.rows - tally.good),
                "checked": at,
                "reading": _as_text(how),
                "code": _version(),
            }
            write_meta(draft, told)
            _put(draft, target)
    layer = Layer(kind, target, kind, status, target.stem, classification, told["source_sha256"])
    return Added(checked, layer if record.located else None, target)


def stored_rows(home: Path) -> list[dict[str, str]]:
    """What each layer of a home folder says of itself, for a list; files that nobody checked are named as such.

    Raises:
        AoiStoreError: if a stored layer is damaged.
        UnreadableVectorError: if a pointer is wrong.
    """
    blank = dict.fromkeys(KEYS, "")
    rows = []
    folder = folder_of(home)
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        if file.name.endswith(POINTER):
            pointer = read_pointer(file)
            told = {"kind": pointer.kind, "status": pointer.status, "classification": pointer.classification}
            rows.append(blank | told | {"name": file.name.removesuffix(POINTER), "source": f"PostGIS {pointer.table}"})
        elif file.suffix == ".gpkg":
            rows.append(blank | {"name": file.stem, "status": "unchecked"} | dict(read_meta(file) or {}))
    return rows


def sha256_of(path: Path) -> str:
    """Hash of a file; of a folder (a file geodatabase), of its files' names and bytes in order.

    Raises:
        UnreadableVectorError: if it can not be read.
    """
    digest = hashlib.sha256()
    try:
        for file in sorted(path.iterdir()) if path.is_dir() else (path,):
            if path.is_dir():
                digest.update(file.name.encode() + b"\0")
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    except OSError as error:
        raise UnreadableVectorError(f"{path}: can not be read ({error.strerror})") from error
    return digest.hexdigest()


def _target(path: Path, home: Path, kind: str, name: str | None, overwrite: bool) -> Path:
    stem = split_table(path)[0].stem
    own = name or (kind if slug(stem) == kind else f"{kind}_{slug(stem)}"[:64].rstrip("_-"))
    if not ID.fullmatch(own):
        raise AoiStoreError(f"{own!r} is not a name: lower-case letters, digits, - and _, such as {slug(own)!r}")
    target = folder_of(home) / f"{own}.gpkg"
    if target.exists() and not overwrite:
        raise AoiStoreError(f"{target}: a layer {own!r} is stored already; give --name another, or --overwrite")
    return target


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A draft in the folder of the target, gone afterwards unless it was put in place."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-")
    except OSError as error:
        raise AoiStoreError(f"{target}: can not be written ({error.strerror})") from error
    with folder as name:
        yield Path(name) / target.name


def _put(draft: Path, target: Path) -> None:
    try:
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        raise AoiStoreError(f"{target}: can not be written ({error.strerror})") from error


def _write(draft: Path, source: Source, record: type[Record], tally: Tally) -> None:
    ours = [column.name for column in columns_of(record)]
    others = _other_columns(source.headings, ours)
    for batch in judged_rows(source, record, tally):
        good = [judged for judged in batch if judged.good]
        if good:
            _append(draft, good, record, ours, others)


def _other_columns(headings: Sequence[str], ours: Sequence[str]) -> dict[str, str]:
    """For each heading of the source, its column: its own name, unless one of ours or another has it."""
    used = {name.casefold() for name in ours} | {name.casefold() for name in TAKEN}
    columns = {}
    for heading in headings:
        name, number = heading, 1
        while name.casefold() in used:
            name, number = f"{heading}_src{'' if number == 1 else number}", number + 1
        used.add(name.casefold())
        columns[heading] = name
    return columns


def _append(
    draft: Path, good: Sequence[Judged], record: type[Record], ours: Sequence[str], others: dict[str, str]
) -> None:
    told = [as_text(judged.record) for judged in good]
    fields = [ROW, REPAIRED, *ours, *others.values()]
    columns = [
        [str(judged.row.number) for judged in good],
        ["1" if judged.repaired else None for judged in good],
        *([row.get(name) for row in told] for name in ours),
        *([judged.row.properties.get(heading) for judged in good] for heading in others),
    ]
    located = {"geometry_type": "MultiPolygon", "crs": "EPSG:4326", "promote_to_multi": True} if record.located else {}
    ground = np.array([judged.ground for judged in good], dtype=object)
    try:
        with gdal_says_nothing():
            pyogrio.raw.write(
                draft,
                shapely.to_wkb(ground) if record.located else None,
                [np.array(column, dtype=object) for column in columns],
                fields,
                layer=record.kind,
                driver="GPKG",
                append=draft.exists(),
                **located,
            )
    except (DataSourceError, OSError) as error:
        raise AoiStoreError(f"{draft.name}: can not be written ({brief(error)})") from error


def _as_text(how: Reading) -> str:
    told = {"crs": how.crs, "close_lines_m": how.close_lines_m, "swap_xy": how.swap_xy, "set": dict(how.fixed)}
    return json.dumps({key: value for key, value in told.items() if value}, ensure_ascii=False, sort_keys=True)


def _version() -> str:
    try:
        return version("weixun")
    except PackageNotFoundError:
        return ""
