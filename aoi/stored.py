"""Where AOIs are kept: the shipped ones in the package, the office's own under its home folder."""

import re
from importlib.resources import files
from pathlib import Path

from aoi.errors import AoiStoreError

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""An AOI's id: lower-case ASCII, safe as a file name."""

_STARTER = Path(str(files("aoi"))) / "starter"


def folder_of(home: Path) -> Path:
    """Where a home folder keeps its AOIs."""
    return home / "aoi"


def stored_file(aoi_id: str, home: Path | None) -> Path | None:
    """File of a stored AOI, if there is one."""
    return _present(folder_of(home), aoi_id) if home is not None else None


def starter_file(aoi_id: str) -> Path | None:
    """File of a shipped AOI, if there is one."""
    return _present(_STARTER, aoi_id)


def stored_ids(home: Path | None) -> tuple[str, ...]:
    """Ids of the stored AOIs, sorted."""
    return _ids(folder_of(home)) if home is not None else ()


def starter_ids() -> tuple[str, ...]:
    """Ids of the shipped AOIs, sorted."""
    return _ids(_STARTER)


def _present(folder: Path, aoi_id: str) -> Path | None:
    file = folder / f"{aoi_id}.geojson"
    return file if ID.fullmatch(aoi_id) and file.is_file() else None


def _ids(folder: Path) -> tuple[str, ...]:
    try:
        stems = sorted(file.stem for file in folder.glob("*.geojson"))
    except OSError as error:
        raise AoiStoreError(f"{folder}: the stored AOIs can not be listed ({error.strerror})") from error
    return tuple(stem for stem in stems if ID.fullmatch(stem))
