"""Of several processings of one acquisition, the newest."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from imagery.providers.stac_item import Kept

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SAME_PASS = dt.timedelta(minutes=10)
SAME_GROUND = 0.8
"""Of two processings of one acquisition, the footprints agree so far (shared area over that of both together)."""


def newest(items: Collection[Kept]) -> list[Kept]:
    """Each acquisition once: of several processings of one, the newest."""
    passes: dict[tuple[object, ...], list[Kept]] = defaultdict(list)
    for item in sorted(items, key=_processing, reverse=True):
        place, pace = _place(item), int((item.when - _EPOCH) / SAME_PASS)
        # two that are closer than the bucket is wide lie in one bucket or in neighbours
        if not any(_same(item, other) for step in (-1, 0, 1) for other in passes.get((*place, pace + step), ())):
            passes[(*place, pace)].append(item)
    return sorted((item for group in passes.values() for item in group), key=lambda item: (item.when, item.id))


def _place(item: Kept) -> tuple[str, ...]:
    """What two processings of one acquisition certainly share; the item's own id where nothing says."""
    said = item.content["properties"]
    path = "/".join(str(said[name]) for name in ("landsat:wrs_path", "landsat:wrs_row") if name in said)
    tile = str(said.get("grid:code") or said.get("s2:mgrs_tile") or path)
    return (item.collection, str(said.get("platform") or ""), tile.removeprefix("MGRS-")) if tile else (item.id,)


def _processing(item: Kept) -> tuple[str, ...]:
    """The greater the newer."""
    said = item.content["properties"]
    baseline = str(said.get("s2:processing_baseline") or said.get("processing:version") or "")
    made = str(said.get("s2:generation_time") or said.get("processing:datetime") or "")
    return baseline, made, item.updated, item.id


def _same(one: Kept, other: Kept) -> bool:
    if abs(one.when - other.when) > SAME_PASS:
        return False
    shared = one.footprint.intersection(other.footprint).area
    return bool(shared > SAME_GROUND * (one.footprint.area + other.footprint.area - shared))
