"""Logs of a night as JSON lines: each says when, what, and of which run and block."""

import datetime as dt
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.patrol.files import Places

LOG = logging.getLogger("weixun.patrol")
_KEYS = ("run", "aoi", "night", "block", "scene", "day", "stage", "seconds", "kept", "bytes", "blocks", "leads")
"""What a line may carry besides its words."""


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        said = {"at": at, "level": record.levelname.lower(), "said": record.getMessage()}
        said |= {key: getattr(record, key) for key in _KEYS if hasattr(record, key)}
        return json.dumps(said, ensure_ascii=False, default=str)


@contextmanager
def logged(places: Places, night: dt.date) -> Iterator[None]:
    """While it lasts, what `LOG` is told goes to ``patrol/logs/patrol-YYYYMMDD.jsonl``."""
    places.logs.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(places.logs / f"patrol-{night:%Y%m%d}.jsonl", encoding="utf-8")
    handler.setFormatter(_JsonLines())
    level = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(level)
        handler.close()
