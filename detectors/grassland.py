"""草原破坏监督: grass turned into cropland, pits, roads, buildings and dumps, and camps past their term."""

import math
from dataclasses import replace

from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Site, Survey, Watch
from detectors.core.lasting_loss import burnt, lasting, lost, mown, old_strip
from detectors.core.papers import accepted, day_of, looked_at, term_end
from detectors.core.pits import ponding
from detectors.core.ploughing import may_bare
from detectors.core.recovery import Duty, still_open
from detectors.core.timelogic import MAY, PADS, SUMMER, barest, green_looks, since, summers
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Left, Surface, Transition

APPROVALS = "grassland_use_approvals"

PERMITS, ALL_INSIDE = "temporary_land_permits", 0.8
"""Use inside the outline of a temporary-land permit is what was permitted, and what was not (huts for good, ground not
given back) is for the model of these permits. Half inside, half beyond, it is use of grassland without a permit."""

BARE_IN_MAY = 0.45
"""Share of the ring's cover lacking between 10 May and 15 June where the sward was turned over."""

GREEN_AGAIN = 0.2

GREENER = 0.1
"""NDVI above the ring's in summer from which what was bare in one May only is a crop: what burnt or was grazed in
spring comes back to its ring and not beyond it."""

REGROWN = 0.5
"""Less than this lacking on the last looks, ground that was bare in one May only is growing back."""

TO_WATER = 4

PLOUGHED = Remark("疑似开垦（五月裸露、七月返绿）", "ploughed by its look (bare in May, green in July)")

TRANSITIONS = (
    Transition(VEGETATION - {Surface.TREE}, BARE, 1.0, "草原开垦或剥离", "grass ploughed or stripped"),
    Transition(VEGETATION - {Surface.TREE}, BUILT, 1.0, "草原变建设", "grass built or paved over"),
    Transition(BARE, BUILT, 0.8, "裸地变建设", "bare ground built on"),
    Transition(VEGETATION - {Surface.TREE}, WATER, 0.8, "挖塘", "pond or pit dug"),
)


def judge(series: PatchSeries) -> Opinion:
    """Holds a patch against mowing, fire, firebreaks, re-seeding, voles, grazing and drought."""
    looks = since(series, series.first_seen) & green_looks(series)
    mays = barest(series, MAY, looks)
    may = max(mays.values(), default=math.nan)
    stood = ponding(series) if series.transition == TO_WATER else None
    for why in (burnt(series), mown(series, may), old_strip(series), stood):
        if why is not None:
            return Opinion(False, (why,))
    opinion = lasting(series, from_plants=series.transition != 3)
    repeated = [year for year, share in sorted(mays.items()) if share >= BARE_IN_MAY]
    green = [one for one in summers(series, of=looks) if one.lacking < GREEN_AGAIN]
    if not repeated or not green or repeated[-1] < green[-1].year:
        opinion = _regrowing(series, opinion) if opinion.stands and len(repeated) < 2 else opinion
        return _reseeded(opinion, may, green[-1].gap) if green and may < BARE_IN_MAY else opinion
    share = mays[repeated[-1]]
    if len(repeated) < 2 and green[-1].gap < GREENER:
        return Opinion(False, (_as_before(repeated[0], share, green[-1].gap),))
    told = Remark(
        f"{'、'.join(map(str, repeated))}年5月10日至6月15日曾缺失周边植被{share:.0%}，"
        f"{green[-1].year}年夏季NDVI较周边{green[-1].gap:+.2f}",
        f"from 10 May to 15 June of {', '.join(map(str, repeated))} it lacked up to {share:.0%} of its "
        f"surroundings' cover; in summer {green[-1].year} NDVI {green[-1].gap:+.2f}",
    )
    measures = {**opinion.measures, "may_lacking": share, "years_bare_in_may": float(len(repeated))}
    return Opinion(True, (told,), PLOUGHED, measures, unsure=len(repeated) < 2)


def _as_before(year: int, share: float, gap: float) -> Remark:
    return Remark(
        f"仅{year}年五月缺失{share:.0%}，夏季恢复到周边水平（NDVI较周边{gap:+.2f}）：春季火烧或放牧",
        f"bare in May {year} alone ({share:.0%} lacking), in summer as its surroundings (NDVI {gap:+.2f}): burnt or "
        "grazed in spring",
    )


def _regrowing(series: PatchSeries, opinion: Opinion) -> Opinion:
    """What only the survey found, in one May, and grows back through the summer."""
    latest = lost(series).latest
    if series.transition or not latest < REGROWN:
        return opinion
    why = Remark(
        f"仅一年五月裸露，最近两次仅缺失{max(latest, 0):.0%}：正在恢复",
        f"bare in one May alone, {max(latest, 0):.0%} lacking on the last two looks: growing back",
    )
    return replace(opinion, stands=False, remarks=(*opinion.remarks, why), unsure=False)


def _reseeded(opinion: Opinion, may: float, gap: float) -> Opinion:
    if not opinion.stands:
        return opinion
    why = Remark(
        f"补播：五月仅缺失{max(may, 0):.0%}，夏季已返绿（NDVI较周边{gap:+.2f}）",
        f"re-seeded: only {max(may, 0):.0%} lacking in May, green in summer (NDVI {gap:+.2f})",
    )
    return replace(opinion, stands=False, remarks=(*opinion.remarks, why), unsure=False)


def due(site: Site) -> bool:
    """Whether a temporary use of grassland was over by the last day looked at: there it is to be restored on expiry."""
    ends = term_end(site.attributes)
    temporary = site.attributes.get("use", "") == "temporary"
    return temporary and ends is not None and ends < looked_at(site) and not accepted(site)


def not_restored(series: PatchSeries, site: Site) -> Opinion:
    """Whether a camp or other temporary use is still there after its term."""
    duty = Duty(due=term_end(site.attributes), used_from=day_of(site.attributes, "approved"))
    opinion = still_open(series, duty, looked_at(site))
    if not opinion.stands:
        return opinion
    told = Remark(f"临时占用期满日{duty.due}（草原期满即应恢复）", f"its term ended on {duty.due}: grass is due then")
    return replace(opinion, remarks=(told, *opinion.remarks))


DETECTOR = Detector(
    id="grassland",
    name_zh="草原破坏监督",
    name_en="Grassland",
    seasons=(Season((5, 10), (9, 30)),),
    transitions=TRANSITIONS,
    layers=("grassland", APPROVALS, "mining_rights", "land_approvals", PERMITS, "dltb"),
    ground=("grassland",),
    leaves=(Left(PERMITS, "temporary_land", least_share=ALL_INSIDE),),
    history=History(seasons=(MAY, SUMMER, Season((8, 11), (9, 30))), years=4, most_looks=48),
    judge=judge,
    watches=(
        Watch(
            kind=APPROVALS,
            history=History(seasons=(SUMMER, PADS, MAY), years=6, most_looks=48),
            due=due,
            judge=not_restored,
            change=Remark("临时占用草原逾期未恢复", "temporary use of grassland not restored in time"),
        ),
    ),
    surveys=(
        Survey(
            season=MAY,
            years=4,
            bands=("blue", "green", "red", "nir", "swir16", "swir22"),
            ground=("grassland",),
            score=may_bare,
            change=Remark("疑似开垦（五月裸露）", "ploughed by its look (bare in May)"),
            # one look of one day, held against the same day around: a median would mix weeks where clouds lay
            choose="latest",
            judged=True,
        ),
    ),
)
