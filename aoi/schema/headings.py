"""Which heading of a table holds which field of a record."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from aoi.schema.column import Column, Record, Unit, columns_of

DBF_NAME_BYTES = 10

UNITS: Mapping[str, Unit] = {
    **dict.fromkeys(("平方米", "m2", "sqm"), "m2"),
    **dict.fromkeys(("公顷", "hm2", "ha"), "ha"),
    **dict.fromkeys(("亩", "mu"), "mu"),
    **dict.fromkeys(("平方公里", "平方千米", "km2"), "km2"),
}

_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")


def plain(heading: str) -> str:
    """A heading without what varies: width, case, spaces, underscores, brackets, stars, colons, units."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    stem, stroke, unit = _BRACKETS.sub("", text).rpartition("/")
    bare = stem if stroke and unit.strip() in UNITS else _BRACKETS.sub("", text)
    return re.sub(r"[\s_\-*:：]+", "", bare)


def unit_of(heading: str) -> Unit | None:
    """The unit that a heading names, in brackets or behind a stroke or an underscore; None where it names none."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    for part in re.findall(r"[(\[【/_]\s*(?:单位[::]?)?\s*([^()\[\]【】/_]+)", text):
        if unit := UNITS.get(part.strip()):
            return unit
    return None


def columns_in(record: type[Record], headings: Iterable[str]) -> Mapping[str, str]:
    """For each field that is found, the heading that holds it.

    Our own name and the Chinese one come before the others, whole names before the ten bytes that a Shapefile keeps; a
    heading serves one field only.
    """
    return _columns_in(columns_of(record), tuple(headings))


@lru_cache(maxsize=4096)
def _columns_in(columns: tuple[Column, ...], headings: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    free = dict.fromkeys(headings)
    for rank in (_own, _other, _cut):
        for column in columns:
            if column.name not in found and (heading := rank(column, free)) is not None:
                found[column.name] = heading
                del free[heading]
    return found


def _own(column: Column, free: Iterable[str]) -> str | None:
    return _first((column.name, column.zh), free)


def _other(column: Column, free: Iterable[str]) -> str | None:
    return _first(column.also, free)


def _first(names: Iterable[str], free: Iterable[str]) -> str | None:
    by_plain = {plain(heading): heading for heading in reversed(list(free))}
    return next((by_plain[key] for name in names if (key := plain(name)) in by_plain), None)


def _cut(column: Column, free: Iterable[str]) -> str | None:
    names = (column.name, column.zh, *column.also)
    return next((heading for name in names for heading in free if is_cut(heading.casefold().strip(), name)), None)


def is_cut(heading: str, name: str) -> bool:
    """Whether a heading may be what ten bytes of a name are."""
    lengths = len(heading.encode()), len(heading.encode("gb18030"))
    return name.startswith(heading) and any(DBF_NAME_BYTES - 1 <= length <= DBF_NAME_BYTES for length in lengths)
