"""监测编号: a name for a lead that its detector, first day and place decide, and nothing else."""

from collections import defaultdict
from collections.abc import Iterable

from leads.model import Finding, Lead

_BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"

PLACE_CHARACTERS = 8
"""Of a geohash: a cell of about 19 m north–south, and at 49° N 25 m east–west."""


def lead_id(finding: Finding) -> str:
    """Id of a finding, e.g. ``WX-LANDIS-20180309-y8bs0q4e``; two findings in one place and day share it.

    The place is the centroid, as a geohash that any mapping tool can read back.
    """
    centre = finding.patch.geometry.centroid
    day = f"{finding.first_seen:%Y%m%d}"
    return f"WX-{_short(finding.patch.detector)}-{day}-{geohash(centre.x, centre.y)}"


def assign_ids(findings: Iterable[Finding]) -> tuple[Lead, ...]:
    """Leads in the order of their ids, each id once.

    Findings that would share an id are told apart by ``-2``, ``-3`` …, the largest first, so that neither blocks nor
    the order in which they come change an id.
    """
    namesakes: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        namesakes[lead_id(finding)].append(finding)
    return tuple(
        Lead(base if number == 1 else f"{base}-{number}", finding)
        for base in sorted(namesakes)
        for number, finding in enumerate(sorted(namesakes[base], key=_size_and_place), start=1)
    )


def _size_and_place(finding: Finding) -> tuple[object, ...]:
    patch = finding.patch
    return -patch.area_m2, *patch.geometry.bounds, patch.detector


def _short(detector: str) -> str:
    """``mine`` → MINE, ``land_disturbance`` → LANDIS."""
    words = detector.upper().split("_")
    return words[0][:6] if len(words) == 1 else "".join(word[:3] for word in words[:2])


def geohash(lon: float, lat: float, characters: int = PLACE_CHARACTERS) -> str:
    """Geohash of a place in degrees."""
    spans = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = 0
    for turn in range(5 * characters):
        span, value = spans[turn % 2], (lon, lat)[turn % 2]
        middle = (span[0] + span[1]) / 2
        upper = value >= middle
        span[0 if upper else 1] = middle
        bits = bits << 1 | upper
    return "".join(_BASE32[bits >> 5 * place & 31] for place in reversed(range(characters)))
