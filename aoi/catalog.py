"""The AOIs that are shipped, and those that an office keeps."""

import contextlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from aoi.errors import AoiStoreError
from aoi.model import Aoi
from aoi.read import aoi_from, slug
from aoi.stored import ID, folder_of, starter_file, starter_ids, stored_file, stored_ids


def starter() -> tuple[Aoi, ...]:
    """The shipped AOIs, by id: drawn by hand for orientation, without legal standing."""
    return tuple(aoi_from(file) for name in starter_ids() if (file := starter_file(name)) is not None)


def known(home: Path) -> tuple[Aoi, ...]:
    """The stored AOIs of a home folder and the shipped ones, by id; a stored one hides a shipped one of the same id.

    Raises:
        AoiError: if a stored one can not be used; names its file.
    """
    names = sorted({*starter_ids(), *stored_ids(home)})
    return tuple(aoi_from(file) for name in names if (file := stored_file(name, home) or starter_file(name)))


def add(
    path: Path,
    home: Path,
    id: str | None = None,
    *,
    name_zh: str | None = None,
    name_en: str | None = None,
    detectors: tuple[str, ...] | None = None,
    layers: tuple[str, ...] | None = None,
    overwrite: bool = False,
) -> Aoi:
    """Store the AOI of a vector file under a home folder, whole or not at all.

    Args:
        path: of the file, in any format that `read_aoi` reads.
        home: folder whose ``aoi/`` it goes to; made if need be.
        id: what to call it; by default what the file says, or its name.
        name_zh: replaces the file's, as do the following.
        name_en: for tables and reports in English.
        detectors: ids of the detectors that patrol it; empty means all.
        layers: kinds of the layers it is crossed with.
        overwrite: whether an AOI stored under this id may be replaced.

    Raises:
        AoiStoreError: if the id is not one, is taken, or the folder can not be written.
        AoiError: if the file can not be used.
    """
    given: dict[str, Any] = {
        "id": id,
        "name_zh": name_zh,
        "name_en": name_en,
        "detectors": detectors,
        "layers": layers,
    }
    aoi = replace(aoi_from(path), **{key: value for key, value in given.items() if value is not None})
    if not ID.fullmatch(aoi.id):
        raise AoiStoreError(f"{aoi.id!r} is not an id: lower-case letters, digits, - and _, such as {slug(aoi.id)!r}")
    target = folder_of(home) / f"{aoi.id}.geojson"
    if target.exists() and not overwrite:
        raise AoiStoreError(f"{target}: an AOI {aoi.id!r} is stored already; choose another id, or overwrite it")
    _write(target, json.dumps(as_geojson(aoi), ensure_ascii=False, indent=1))
    return aoi


def as_geojson(aoi: Aoi) -> dict[str, Any]:
    """The AOI as a GeoJSON FeatureCollection that `read_aoi` gives back."""
    properties = {
        "id": aoi.id,
        "name_zh": aoi.name_zh,
        "name_en": aoi.name_en,
        "detectors": list(aoi.detectors),
        "layers": list(aoi.layers),
        "approximate": aoi.approximate,
    }
    geometry = json.loads(shapely.to_geojson(aoi.geometry))
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": properties, "geometry": geometry}],
    }


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-", suffix=".tmp")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise AoiStoreError(f"{target}: can not be written ({error.strerror})") from error
