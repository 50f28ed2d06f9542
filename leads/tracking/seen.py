"""What a day's sightings do to the tracks that they belong to: seen again, grown, joined, come apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from leads.tracking.clear import WHOLE, shares
from leads.tracking.overlap import areas_shared, array_of, together, without
from leads.tracking.track import Sighting, Track

HALF = 0.5
"""Share of a piece that must have lain apart on the look before."""

_LEAST_CARRIED_PX = 1.0
"""A smaller piece that was not seen is the rim of a cloud mask, not a part of the site."""


@dataclass(frozen=True)
class Group:
    """Tracks and sightings of one day that belong together, each in the order of its keys."""

    tracks: tuple[Track, ...]
    sightings: tuple[Sighting, ...]


def seen(group: Group, grounds: Sequence[BaseGeometry]) -> tuple[list[Track], dict[str, str]]:
    """The tracks after the day, and the root of the track of each sighting.

    The longest known track goes on for all of them; the others end in it, keeping their outlines, so that one that
    shows by itself again later is itself again: as far as it shows, for what of its old outline nobody saw that day is
    still carried by the track that it had ended in. A piece that lies apart becomes a track of its own on the second
    look in a row that shows it apart: clouds and thresholds cut sites on single days.

    Args:
        group: at least one track and one sighting.
        grounds: seen clear that day.
    """
    survivor, *others = sorted(group.tracks, key=lambda track: track.age)
    ended = [replace(track, into=survivor.root) for track in others]
    kept, off = _pieces(survivor, group.sightings)
    children = [_child(survivor, piece) for piece in off]
    base = together([track.outline for track in group.tracks if not track.into])
    parents = tuple(sorted({*survivor.parents, *(track.root for track in others)}))
    going_on = replace(_seen_again(survivor, kept, base, grounds, children), parents=parents, into="")
    links = {piece.key: survivor.root for piece in kept} | {child.root: child.root for child in children}
    return [going_on, *ended, *children], links


def _pieces(track: Track, sightings: Sequence[Sighting]) -> tuple[list[Sighting], list[Sighting]]:
    """The pieces that stay with the track, its main one first, and those that have come off."""
    if len(sightings) == 1:
        return list(sightings), []
    shared = areas_shared(array_of([one.geometry for one in sightings]), track.outline).tolist()
    main = max(range(len(sightings)), key=lambda index: (shared[index], sightings[index].key))
    rest = [one for index, one in enumerate(sightings) if index != main]
    off = [one for one in rest if track.apart is not None and _same(one.geometry, track.apart)]
    return [sightings[main], *(one for one in rest if one not in off)], off


def _same(piece: BaseGeometry, apart: BaseGeometry) -> bool:
    """Whether a piece lay apart on the last look already."""
    shared = float(areas_shared(array_of([piece]), apart)[0])
    return shared >= HALF * float(piece.area)


def _child(track: Track, piece: Sighting) -> Track:
    """A piece that has come off: the conduct is as old as its parent's, and so are its looks."""
    began = Track.begun(piece, track.last_before)
    return replace(
        began,
        first_seen=track.first_seen,
        looks=track.looks + 1,
        streak=track.streak + 1,
        inventory=track.inventory or piece.inventory,
        parents=(track.root,),
    )


def _seen_again(
    track: Track,
    pieces: Sequence[Sighting],
    base: BaseGeometry,
    grounds: Sequence[BaseGeometry],
    children: Sequence[Track],
) -> Track:
    main = pieces[0]
    outline, area = main.geometry, main.area_m2
    slack = main.area_m2 - main.area_low_m2, main.area_high_m2 - main.area_m2
    unseen = _unseen(base, grounds, [*(one.geometry for one in pieces), *(one.outline for one in children)], main.gsd_m)
    if len(pieces) > 1 or not unseen.is_empty:
        parts = [one.geometry for one in pieces]
        outline = together([*parts, unseen] if not unseen.is_empty else parts)
        area = geodesic_area_m2(outline)
        slack = (
            sum(one.area_m2 - one.area_low_m2 for one in pieces),
            sum(one.area_high_m2 - one.area_m2 for one in pieces),
        )
    befores = {before for one in pieces for before in (one.last_before, *one.befores)}
    dates = [before for before in befores if before < track.first_seen]
    return replace(
        track,
        newest=main.key,
        last_before=max(track.last_before, *dates) if dates else track.last_before,
        last_seen=main.day,
        looks=track.looks + 1,
        streak=track.streak + 1,
        misses=0,
        outline=outline,
        area_m2=area,
        area_low_m2=max(area - slack[0], 0.0),
        area_high_m2=area + slack[1],
        score=main.score,
        gsd_m=main.gsd_m,
        inventory=track.inventory or any(one.inventory for one in pieces),
        apart=together([one.geometry for one in pieces[1:]]) if len(pieces) > 1 else None,
    )


def trimmed(track: Track, ground: BaseGeometry) -> Track:
    """A track without ground that is another's; its interval of the area keeps its widths."""
    outline = without(track.outline, ground)
    if outline.is_empty:
        return track
    area = geodesic_area_m2(outline)
    low, high = track.area_m2 - track.area_low_m2, track.area_high_m2 - track.area_m2
    return replace(track, outline=outline, area_m2=area, area_low_m2=max(area - low, 0.0), area_high_m2=area + high)


def _unseen(
    base: BaseGeometry, grounds: Sequence[BaseGeometry], shown: Sequence[BaseGeometry], gsd_m: float
) -> BaseGeometry:
    """The part of the earlier outline that nobody could see that day: it is still part of the site."""
    nothing = shapely.Polygon()
    if base.is_empty:
        return nothing
    if float(shares(array_of([base]), [*grounds, *shown])[0]) >= WHOLE:
        return nothing
    west, south, east, north = base.buffer(1e-4).bounds
    near = [shapely.make_valid(shapely.clip_by_rect(ground, west, south, east, north)) for ground in grounds]
    rest = without(base, together([*near, *shown]))
    parts = [part for part in shapely.get_parts(rest) if geodesic_area_m2(part) >= _LEAST_CARRIED_PX * gsd_m**2]
    return together(parts) if parts else nothing
