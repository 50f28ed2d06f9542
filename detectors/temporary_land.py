"""临时用地未复垦: permitted temporary sites still bare after their day, used beyond their outline, or built on."""

import warnings

import numpy as np

from detectors.core.arrays import BoolArray, FloatArray
from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Site, Watch
from detectors.core.lasting_loss import burnt, lasting
from detectors.core.papers import accepted, day_of, looked_at, reclaim_by
from detectors.core.recovery import Duty, still_open
from detectors.core.timelogic import MAY, PADS, SUMMER
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Transition

PERMITS = "temporary_land_permits"

BEYOND_M = 50.0
"""Use beyond an outline begins beside it; what is farther off is no use of that permit."""

RISE, CONCRETE, BARE_NDVI_MOST = 0.05, 0.85, 0.25
"""Ground that was covered: rise of blue reflectance, blue over red (soil 0.55–0.75, bright roofs 0.9–1.1) and highest
NDVI. Weathered concrete (0.76) and red or brown roofs can not be told from soil by that."""

HIDDEN_LOOKS, HIDDEN, HIDDEN_BEFORE, CLEAR = 4, 0.8, 0.3, 0.8
"""A cloud mask takes white roofs and new concrete for cloud. No cloud stands over the same spot on every day that is
clear around it: hidden on this share of the newest year's looks, so many at least, that saw as much of the ring, and on
no more than that of those of years before, a pixel was covered with something white."""

LEAST_BUILT_M2 = 1000.0
BUILT_WITHIN = Remark("临时用地期内建房或硬化", "built on or paved within the term")

ON_BARE, ON_BUILT = 3, 4
"""Places, from 1, of the transitions of ground that a site had cleared before."""


def due(site: Site) -> bool:
    """Whether a permit's ground had to be given back by the last day looked at, and nobody accepted it as restored.

    A term of four years (energy, transport, water works) is in the permit's own dates; a permit whose end is not
    written is not overdue: nobody knows.
    """
    day = reclaim_by(site.attributes)
    return day is not None and day < looked_at(site) and not accepted(site)


def not_reclaimed(series: PatchSeries, site: Site) -> Opinion:
    """Whether an overdue permit's ground is still bare or built: two summers, its ring, its own level before use."""
    duty = Duty(
        due=reclaim_by(site.attributes),
        used_from=day_of(site.attributes, "approved"),
        cropland=site.attributes.get("ground", "") == "cropland",
    )
    opinion = still_open(series, duty, looked_at(site))
    if not opinion.stands or duty.due is None:
        return opinion
    over = (looked_at(site) - duty.due).days
    told = Remark(f"复垦期限{duty.due}已过{over}天", f"it was to be reclaimed by {duty.due}, {over} days ago")
    return Opinion(
        True, (told, *opinion.remarks), opinion.change, {**opinion.measures, "days_overdue": float(over)},
        opinion.unsure, opinion.where,
    )  # fmt: skip


def looked_into(site: Site) -> bool:
    """Whether a permit's ground is looked at: past its day as `due` says, before it for building inside the term."""
    approved = day_of(site.attributes, "approved")
    in_term = approved is not None and approved < looked_at(site) and not accepted(site)
    return due(site) or (in_term and reclaim_by(site.attributes) is not None)


def held(series: PatchSeries, site: Site) -> Opinion:
    """Past its day a site has to be restored; before it nothing may be built there for good (土地管理法 art. 57)."""
    return not_reclaimed(series, site) if due(site) else built_on(series, site)


def built_on(series: PatchSeries, site: Site) -> Opinion:
    """Whether part of a site in its term was covered with roofs or concrete, as the last two looks of a pixel show it.

    Huts of a camp look alike from above, so the lead asks for a look on the ground.
    """
    until_now = np.array([day <= looked_at(site) for day in series.days], np.bool_)
    blue, red, plants = (one[until_now] for one in (series.band("blue"), series.band("red"), series.index("ndvi")))
    if len(blue) < 3:
        return Opinion(False, (Remark("影像不足三期", "fewer than three looks"),), unsure=True)
    newest = _newest_two(blue)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN: never observed
        usual = np.nanpercentile(np.where(newest, np.nan, blue), 30, axis=0)
        last = np.nanmin(np.where(newest, blue, np.nan), axis=0)
        colour = np.nanmin(np.where(newest, blue / np.maximum(red, np.float32(1e-3)), np.nan), axis=0)
        green = np.nanmax(np.where(newest, plants, np.nan), axis=0)
    with np.errstate(invalid="ignore"):
        covered = (last - usual >= RISE) & (colour >= CONCRETE) & (green < BARE_NDVI_MOST)
    white = _hidden_by_itself(series, until_now)
    covered |= white
    ground = _blocks(covered & series.inside, LEAST_BUILT_M2 / series.pixel_m**2) & series.inside
    if not ground.any():
        seen = np.isfinite(last)[series.inside].mean() if series.inside.any() else 0.0
        return Opinion(False, (Remark("期内未见建房", "nothing built within the term"),), unsure=bool(seen < 0.5))
    area = float(ground.sum()) * series.pixel_m**2
    told = Remark(
        f"期内约{area:.0f}平方米变为屋面或硬化地面，是否永久性建筑须实地核实",
        f"about {area:.0f} m² became roofs or concrete within the term; whether for good has to be seen on the ground",
    )
    remarks = [told]
    if (white & ground).sum() > 0.5 * ground.sum():
        remarks.append(
            Remark(
                "云掩膜逐日将其误判为云（白色屋面、新浇混凝土），掩膜外扩，面积偏大",
                "the cloud mask takes it for cloud day after day (white roofs, new concrete); masks are wider than "
                "what they hide, so the area is too large",
            )
        )
    return Opinion(True, tuple(remarks), BUILT_WITHIN, {"built_m2": area}, where=ground)


def _newest_two(picture: FloatArray) -> BoolArray:
    """(T, H, W) the newest two looks that saw a pixel, pixel by pixel; none of it where it was seen but once."""
    seen = np.isfinite(picture)
    from_the_end = np.cumsum(seen[::-1], axis=0)[::-1]
    return np.asarray(seen & (from_the_end <= 2) & (from_the_end[:1] >= 2))


def _hidden_by_itself(series: PatchSeries, until_now: BoolArray) -> BoolArray:
    """(H, W) what the cloud mask hid on the days of the newest year that were clear around it, and seldom before."""
    hidden = ~np.isfinite(series.band("blue"))
    around = 1 - hidden[:, series.ring].mean(axis=1) if series.ring.any() else np.zeros(len(hidden))
    clear = until_now & (around >= CLEAR)
    years = np.array([day.year for day in series.days])
    now = clear & (years == years[until_now].max())
    before = clear & ~now
    if now.sum() < HIDDEN_LOOKS or before.sum() < HIDDEN_LOOKS:
        return np.zeros(series.inside.shape, np.bool_)
    return np.asarray((hidden[now].mean(axis=0) >= HIDDEN) & (hidden[before].mean(axis=0) <= HIDDEN_BEFORE))


def _blocks(mask: BoolArray, least_px: float) -> BoolArray:
    """Pieces of at least so many pixels, gaps of two pixels between roofs closed."""
    from scipy import ndimage

    eight = np.ones((3, 3), np.bool_)
    closed = ndimage.binary_closing(np.pad(mask, 2), eight)[2:-2, 2:-2]
    label, count = ndimage.label(closed, eight)
    sizes = np.bincount(label[mask], minlength=count + 1)
    sizes[0] = 0
    return np.asarray(sizes[label] >= max(least_px, 1))


def judge(series: PatchSeries) -> Opinion:
    """Holds use beyond an outline and building in term against drought, recovery and the ground's own years before."""
    char = burnt(series)
    if char is not None:
        return Opinion(False, (char,))
    return lasting(series, from_plants=series.transition not in (ON_BARE, ON_BUILT))


DETECTOR = Detector(
    id="temporary_land",
    name_zh="临时用地未复垦",
    name_en="Temporary land not reclaimed",
    # Pads show before green-up, everything else while grass is green: hay and yellowing come after.
    seasons=(Season((4, 25), (8, 14)),),
    transitions=(
        Transition(VEGETATION, BUILT, 1.0, "临时用地变建设", "temporary site built on"),
        Transition(VEGETATION, BARE, 1.0, "临时用地挖损压占", "temporary site cleared"),
        Transition(BARE, BUILT, 0.9, "临时用地内建房", "building on a temporary site"),
        Transition(BUILT, BARE, 0.8, "临时用地翻动", "temporary site worked on"),
        Transition(BARE | VEGETATION, WATER, 0.8, "取土坑积水", "borrow pit filled with water"),
    ),
    layers=(PERMITS, "grassland", "forest_land", "basic_farmland", "land_approvals", "dltb"),
    layers_required=(PERMITS,),
    ground=(PERMITS,),
    ground_within_m=BEYOND_M,
    history=History(seasons=(SUMMER, PADS, MAY), years=3),
    judge=judge,
    watches=(
        Watch(
            kind=PERMITS,
            history=History(seasons=(SUMMER, PADS, MAY), years=7, most_looks=56),
            due=looked_into,
            judge=held,
            change=Remark("临时用地逾期未复垦", "temporary land not reclaimed in time"),
        ),
    ),
)
