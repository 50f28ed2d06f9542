"""When a scene was taken, by what lies around it."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from imagery.names import date_in_name, noon


def dated(folder: Path, names: list[str]) -> tuple[dt.datetime | None, str]:
    """From ``dates.txt`` with one date, else from the first name that carries one; and where it was found.

    Args:
        folder: of the scene.
        names: of its files, then of its folder.
    """
    listed = folder / "dates.txt"
    if listed.is_file():
        with listed.open("rb") as stream:
            text = stream.read(10_000).decode("utf-8", errors="replace")
        if match := re.search(r"^\s*date\s*[:=]\s*(\d{4})-?(\d{2})-?(\d{2})\s*$", text, re.MULTILINE):
            when = date_in_name("".join(match.groups()))
            return when, "dates.txt"
    return next(_from_names(names), (None, ""))


def _from_names(names: list[str]) -> Iterator[tuple[dt.datetime, str]]:
    for source, name in zip(("file name", "folder name"), names, strict=True):
        if when := date_in_name(name):
            # a browser export spans the whole day: its 00:00 is not the overpass
            yield (noon(when.date()) if when.hour == 0 else when), source
