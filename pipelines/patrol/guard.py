"""Disk and memory: no night begins without room, and what may go goes by age. Evidence never does."""

import datetime as dt
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import Exit, PipelineError
from pipelines.patrol.config import Keep, PatrolConfig
from pipelines.patrol.files import Places
from pipelines.patrol.logs import LOG
from pipelines.readers import reader_of

GB = 10**9
BLOCK_BYTES = 500
"""Bytes of memory that the work of a block takes for each pixel with its halo: a scan with two workers on blocks of
1,024 px peaks at 2.1 GB, a gigabyte of it libraries and weights."""

_DAY_S = 86_400.0


class NoRoomError(PipelineError):
    """The disk has too little room for a night."""

    exit_code = Exit.LOCKED_OR_FULL


def check_room(places: Places, keep: Keep) -> None:
    """Refuse to begin a night that would fill the disk.

    Raises:
        NoRoomError: with what is free, what is wanted, and what to do.
    """
    places.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(places.root).free
    if free < keep.min_free_gb * GB:
        raise NoRoomError(
            f"{places.home} has {free / GB:.1f} GB free, a night wants {keep.min_free_gb:g} GB ([keep] min_free_gb): "
            f"free some room, or lower results_days and cache_gb; evidence is never removed"
        )


def workers_that_fit(wanted: int, block_px: int, halo_px: int) -> int:
    """As many blocks at a time as memory holds, at most those wanted and at least one."""
    free = _available_bytes()
    if free is None:
        return wanted
    fits = int(free * 0.8 / (BLOCK_BYTES * (block_px + 2 * halo_px) ** 2))
    if fits < wanted:
        LOG.warning("memory holds %d blocks at a time, %d were wanted", max(fits, 1), wanted)
    return max(1, min(wanted, fits))


def _available_bytes() -> int | None:
    """Memory that can be had without swapping, by Linux's own estimate; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = (line.split() for line in lines if line.startswith("MemAvailable:"))
    return next((int(words[1]) * 1024 for words in found), None)


def bounded(config: PatrolConfig, home: Path) -> PatrolConfig:
    """The configuration with no more workers than memory holds blocks."""
    halo = reader_of(config.work.method, home).reach_px
    workers = workers_that_fit(config.work.workers, config.work.block_px, halo)
    return config.model_copy(update={"work": config.work.model_copy(update={"workers": workers})})


def retain(places: Places, keep: Keep, night: dt.date, now: float | None = None) -> int:
    """Remove what is older than the policy; gives the bytes that were freed.

    Inboxes, bulletins, evidence and the store stay whatever their age. Of a night's folder the images and pictures go,
    the leads and records stay.
    """
    now = time.time() if now is None else now
    freed = _older(places.cache / "blocks", keep.blocks_days, now) + _older(places.logs, keep.logs_days, now)
    freed += _older(places.cache / "normals", keep.before_days, now)
    freed += _older(places.cache / "before", keep.before_days, now)
    for folder in sorted((places.root / "nights").glob("*")):
        if re.fullmatch(r"\d{8}", folder.name) and _night_of(folder) + dt.timedelta(days=keep.results_days) < night:
            freed += sum(_removed(part) for name in ("imagery", "quicklook") for part in folder.glob(f"*/*/{name}"))
    return freed


def _night_of(folder: Path) -> dt.date:
    return dt.datetime.strptime(folder.name, "%Y%m%d").date()


def _older(folder: Path, days: int, now: float) -> int:
    freed = 0
    for file in _files(folder):
        state = file.stat()
        if now - max(state.st_mtime, state.st_atime) > days * _DAY_S:
            file.unlink(missing_ok=True)
            freed += state.st_size if state.st_nlink == 1 else 0
    return freed


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _removed(folder: Path) -> int:
    """Bytes that no other name keeps: images are linked into the evidence and into inboxes, and stay there."""
    states = [file.stat() for file in _files(folder)]
    names = Counter((state.st_dev, state.st_ino) for state in states)
    last = {(s.st_dev, s.st_ino): s.st_size for s in states if names[s.st_dev, s.st_ino] == s.st_nlink}
    shutil.rmtree(folder, ignore_errors=True)
    return sum(last.values())
