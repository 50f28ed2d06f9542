"""One lead of what one model saw of one site: by the papers of two layers, or by papers and by change."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.area import geodesic_area_m2
from aoi.features import polygonal
from aoi.kinds import KIND_NAMES
from detectors.core.history import Opinion, Remark
from leads.area import lead_interval
from leads.model import Patch
from pipelines.judged import Account, Dated

SAME_SHARE = 0.5
"""Two watched sites are one from this share of the smaller on; a patch is a site's from this share of itself on, and a
survey's patch the pair's."""

TOUCHING_DEG = 1.5e-4
"""Apart by no more than this, patches touch: 17 m from north to south, 11 m from west to east."""

_WATCH = "watch:"


def one_patch_a_site(found: Sequence[Dated], surveys: Sequence[Dated], account: Account) -> list[Dated]:
    """Patches of the pair and of surveys; those of one model on one site are one.

    A survey's patch of which the pair's cover half is theirs, with its remark. Otherwise patches that touch are parts
    of one site if a survey drew one of them: pair and survey each see a part. The largest names and dates it.

    Args:
        found: patches of the pair.
        surveys: those of surveys.
        account: counts what was taken in.
    """
    kept, alone = list(found), []
    for survey in surveys:
        twins = [n for n, one in enumerate(kept) if _touch(one, survey)]
        cover = shapely.union_all([kept[number].patch.geometry for number in twins])
        if shapely.intersection(cover, survey.patch.geometry).area < SAME_SHARE * survey.patch.geometry.area:
            alone.append(survey)
            continue
        account.merged[survey.detector.id] += 1
        for number in twins:
            kept[number] = _remarked(kept[number], survey)
    for survey in sorted(alone, key=lambda one: -one.patch.geometry.area):
        parts = [one for one in kept if _touch(one, survey)]
        account.merged[survey.detector.id] += len(parts)
        largest, *others = sorted([survey, *parts], key=lambda one: -one.patch.geometry.area)
        whole = reduce(_joined, others, largest)
        kept = [*(one for one in kept if one not in parts), whole]
    return kept


def _touch(one: Dated, other: Dated) -> bool:
    """Whether two patches of one model lie within a pixel or two of each other."""
    if one.detector.id != other.detector.id:
        return False
    return bool(shapely.dwithin(one.patch.geometry, other.patch.geometry, TOUCHING_DEG))


def _joined(one: Dated, other: Dated) -> Dated:
    """The larger part of a site with the smaller one taken in."""
    own, told = one.opinion or Opinion(stands=True), other.opinion or Opinion(stands=True)
    remarks = dict.fromkeys((*own.remarks, _beside(other), *told.remarks))
    opinion = replace(own, remarks=tuple(remarks), measures={**told.measures, **own.measures})
    origin = "+".join(dict.fromkeys((*one.origin.split("+"), *other.origin.split("+"))))
    return replace(one, patch=united(one.patch, [other.patch]), opinion=opinion, origin=origin)


def _remarked(one: Dated, survey: Dated) -> Dated:
    own = one.opinion or Opinion(stands=True)
    told = survey.opinion or Opinion(stands=True)
    name = (told.change,) if told.change is not None else ()
    remarks = (*own.remarks, *told.remarks, *name)
    return replace(one, opinion=replace(own, remarks=tuple(dict.fromkeys(remarks))))


def one_lead_a_site(found: Sequence[Dated], sites: Sequence[Dated], account: Account) -> list[Dated]:
    """Patches and watched sites; those of one model on the same ground are one, the site's, with all that was said.

    A patch that lies mostly beyond a site stays beside it: it says more than that the site was left as it is. A lead's
    ground is that of all it was made of: nothing that was seen is lost.

    Args:
        found: patches of the pair and of surveys.
        sites: parts of watched sites.
        account: counts what was taken in.
    """
    kept: list[Dated] = []
    for site in sorted(sites, key=lambda one: -one.patch.geometry.area):
        place = _place(kept, site)
        if place is None:
            kept.append(site)
        else:
            kept[place] = _with(kept[place], site, account)
    alone = []
    for one in found:
        place = _place(kept, one)
        if place is None:
            alone.append(one)
        else:
            kept[place] = _with(kept[place], one, account)
    return [*alone, *kept]


def _place(kept: Sequence[Dated], one: Dated) -> int | None:
    """Number of the kept site that shares most with a smaller site or a patch; None where none shares enough."""
    shape = one.patch.geometry
    least = SAME_SHARE * shape.area
    best, most = None, 0.0
    for number, site in enumerate(kept):
        if site.detector.id != one.detector.id or not site.patch.geometry.intersects(shape):
            continue
        shared = float(shapely.intersection(site.patch.geometry, shape).area)
        if shared >= least and shared > most:
            best, most = number, shared
    return best


def _with(site: Dated, other: Dated, account: Account) -> Dated:
    """A site's lead with what else showed it."""
    account.sites_merged[site.detector.id] += 1
    own, told = site.opinion or Opinion(stands=True), other.opinion or Opinion(stands=True)
    remarks = dict.fromkeys((*own.remarks, _beside(other), *told.remarks))
    label = other.origin.removeprefix(_WATCH)
    measures = {**{f"{label}.{name}": value for name, value in told.measures.items()}, **own.measures}
    opinion = replace(own, remarks=tuple(remarks), measures=measures)
    return replace(
        site, patch=united(site.patch, [other.patch]), opinion=opinion, origin=f"{site.origin}+{other.origin}"
    )


def _beside(one: Dated) -> Remark:
    """What else showed the site, when, and by what name."""
    opinion, sighting = one.opinion, one.sighting
    change = opinion.change if opinion is not None else None
    if change is None and one.patch.transition:
        found = one.detector.transitions[one.patch.transition - 1]
        change = Remark(found.name_zh, found.name_en)
    name = change or Remark("变化", "a change")
    kind = KIND_NAMES.get(one.origin.removeprefix(_WATCH), ("", ""))
    zh, en = {
        "pair": ("前后影像比对亦见", "images before and after show it too"),
        "survey": ("逐年合成影像亦见", "composites of years show it too"),
    }.get(one.origin.split("+")[0], (f"{kind[0]}图层亦列有本场地", f"the layer {kind[1]} has this site too"))
    first, seen = sighting.last_before, sighting.first_seen
    return Remark(
        f"{zh}：{name.zh}（{first} 之后，{seen} 首次可见）", f"{en}: {name.en} (after {first}, first seen {seen})"
    )


def united(one: Patch, others: Sequence[Patch], between: Sequence[BaseGeometry] = ()) -> Patch:
    """A patch with the ground of others, its own in all else.

    Args:
        one: gives name and score.
        others: taken in.
        between: further ground of it, EPSG:4326.
    """
    geometry = polygonal(shapely.union_all([one.geometry, *(other.geometry for other in others), *between]))
    gsd_m = max(patch.gsd_m for patch in (one, *others))
    low, high = lead_interval(geometry, gsd_m, one.score_mean)
    return replace(
        one,
        geometry=geometry,
        area_m2=geodesic_area_m2(geometry),
        area_low_m2=low,
        area_high_m2=high,
        gsd_m=gsd_m,
        clipped=any(patch.clipped for patch in (one, *others)),
        cut=None,
    )
