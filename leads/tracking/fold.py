"""The state of leads as a pure fold over dated days.

`step` takes one day into account, `fold` any number of them from nothing. A day's sightings and looks are sets: nothing
depends on the order in which they were stored, nor on how often. What happens to a track depends on sightings that
touch it and looks over it alone, so any set of tracks that no sighting ties to another may be folded by itself.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely.geometry.base import BaseGeometry

from leads.tracking.clear import CLEAR, shares
from leads.tracking.overlap import Floats, array_of, edges
from leads.tracking.seen import Group, seen, trimmed
from leads.tracking.sightings import united
from leads.tracking.track import LOOKS_TO_WITHDRAW, ClearLook, Day, Sighting, Track


@dataclass(frozen=True)
class Folded:
    """Tracks after a day, and which track each of the day's sightings belongs to."""

    tracks: dict[str, Track]
    """By root."""

    links: dict[str, str]
    """Key of a sighting → root of its track."""


def fold(days: Iterable[Day]) -> Folded:
    """The tracks that all the days together leave, from the first to the last."""
    tracks: dict[str, Track] = {}
    links: dict[str, str] = {}
    past: list[Day] = []
    for day in sorted(days, key=lambda one: one.day):
        stepped = step(tracks, day, past)
        tracks = stepped.tracks
        links |= stepped.links
        past.append(day)
    return Folded(tracks, links)


def step(tracks: Mapping[str, Track], day: Day, past: Sequence[Day] = ()) -> Folded:
    """The tracks after one day more.

    Args:
        tracks: by root, after every earlier day; those that neither a sighting nor a look of the day touches may be
            left out.
        day: later than any day that the tracks know.
        past: the earlier days that may date a beginning, in their order: looks that did not show it yet.
    """
    order = sorted(tracks)
    sightings, keys = united(day.sightings)
    outlines = array_of([tracks[root].outline for root in order])
    grounds = array_of([one.geometry for one in sightings])
    first, second, likeness = edges(outlines, grounds)
    again: dict[str, Track] = {}
    links: dict[str, str] = {}
    for group in _groups(tracks, order, sightings, first, second, likeness):
        changed, roots = seen(group, [look.ground for look in day.looks])
        again |= {track.root: track for track in changed}
        links |= {key: root for sighting, root in roots.items() for key in keys[sighting]}
    after = {**tracks, **_each_its_own(tracks, again)}
    fresh = np.setdiff1d(np.arange(len(sightings)), second)
    for track in _begun([sightings[index] for index in fresh.tolist()], past):
        after[track.root] = track
        links |= dict.fromkeys(keys[track.root], track.root)
    untouched = np.setdiff1d(np.arange(len(order)), first)
    for track in missed([tracks[order[index]] for index in untouched.tolist()], day.looks):
        after[track.root] = track
    return Folded(after, links)


def _each_its_own(before: Mapping[str, Track], today: Mapping[str, Track]) -> Mapping[str, Track]:
    """Tracks of a day, none on the ground of one that had ended in it and shows by itself again.

    What of the wider outline was not seen today is still carried; the part that has its own track is not.
    """
    revived = [root for root, track in today.items() if not track.into and root in before and before[root].into]
    if not revived:
        return today
    standing = sorted((track for track in today.values() if not track.into), key=lambda track: track.age)
    outlines = array_of([track.outline for track in standing])
    out = dict(today)
    for older, younger, _ in zip(*(found.tolist() for found in edges(outlines, outlines)), strict=True):
        if older < younger:
            wide = out[standing[older].root]
            out[wide.root] = trimmed(wide, standing[younger].outline)
    return out


def missed(tracks: Sequence[Track], looks: Sequence[ClearLook]) -> list[Track]:
    """Those tracks that a day speaks against, which had no sighting of them: each with one miss more."""
    asked = [track for track in tracks if not track.into and track.misses < LOOKS_TO_WITHDRAW]
    clear = _clear_shares([track.outline for track in asked], [track.last_before for track in asked], looks)
    out = []
    for track, share in zip(asked, clear.tolist(), strict=True):
        if share >= CLEAR:
            misses = track.misses + 1
            streak = 0 if misses >= LOOKS_TO_WITHDRAW else track.streak
            out.append(replace(track, misses=misses, streak=streak))
    return out


def _clear_shares(
    outlines: Sequence[BaseGeometry], last_befores: Sequence[dt.date], looks: Sequence[ClearLook]
) -> Floats:
    """Share of each outline seen by looks that tell of a change after its date."""
    out = np.zeros(len(outlines))
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place, last_before in enumerate(last_befores):
        groups[tuple(index for index, look in enumerate(looks) if look.tells_of(last_before))].append(place)
    grounds = array_of(outlines)
    for told, places in groups.items():
        if told:
            out[places] = shares(grounds[places], [looks[index].ground for index in told])
    return out


def _groups(
    tracks: Mapping[str, Track],
    order: Sequence[str],
    sightings: Sequence[Sighting],
    first: Iterable[int],
    second: Iterable[int],
    likeness: Iterable[float],
) -> list[Group]:
    """Which tracks and sightings of a day belong together.

    Each sighting has the track that it is most like; a track that is nobody's first choice goes with the sighting that
    it is most like itself. So two sites that one look shows joined come apart again, each as itself, on the next.
    """
    of_sighting: dict[int, tuple[float, int]] = {}
    of_track: dict[int, tuple[float, int]] = {}
    for track, sighting, like in zip(map(int, first), map(int, second), map(float, likeness), strict=True):
        # on equal terms the lower index: both are in the order of their keys
        of_sighting[sighting] = max(of_sighting.get(sighting, (0.0, 0)), (like, -track))
        of_track[track] = max(of_track.get(track, (0.0, 0)), (like, -sighting))
    owners: dict[int, list[int]] = defaultdict(list)
    for sighting, (_, track) in of_sighting.items():
        owners[-track].append(sighting)
    members: dict[int, list[int]] = {owner: [owner] for owner in owners}
    for track, (_, sighting) in of_track.items():
        if track not in owners:
            members[-of_sighting[-sighting][1]].append(track)
    return [
        Group(
            tracks=tuple(tracks[order[index]] for index in sorted(members[owner])),
            sightings=tuple(sightings[index] for index in sorted(found)),
        )
        for owner, found in sorted(owners.items())
    ]


def _begun(sightings: Sequence[Sighting], past: Sequence[Day]) -> list[Track]:
    """Tracks of sightings that are like nothing known, each dated by the earlier looks that did not show it."""
    days = [sighting.last_before for sighting in sightings]
    for day in past:
        asked = [i for i, before in enumerate(days) if before < day.day < sightings[i].day]
        grounds = [sightings[i].geometry for i in asked]
        clear = _clear_shares(grounds, [days[i] for i in asked], day.looks)
        shown = set(edges(array_of(grounds), array_of([one.geometry for one in day.sightings]))[0].tolist())
        for place, index in enumerate(asked):
            if place not in shown and clear[place] >= CLEAR:
                days[index] = day.day
    return [Track.begun(sighting, before) for sighting, before in zip(sightings, days, strict=True)]
