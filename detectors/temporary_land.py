"""临时用地未复垦: permitted temporary sites still bare after their day, used beyond their outline, or built on."""

from detectors.core.history import History, Opinion, PatchSeries, Remark, Season, Site, Watch
from detectors.core.lasting_loss import lasting
from detectors.core.papers import accepted, day_of, looked_at, reclaim_by
from detectors.core.recovery import Duty, still_open
from detectors.core.timelogic import MAY, PADS, SUMMER
from detectors.core.types import BARE, BUILT, VEGETATION, WATER, Detector, Transition

PERMITS = "temporary_land_permits"

BEYOND_M = 100.0
"""Use beyond an outline begins beside it; what is farther off is no use of that permit."""

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


def judge(series: PatchSeries) -> Opinion:
    """Holds use beyond an outline and building in term against drought, recovery and the ground's own years before."""
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
            due=due,
            judge=not_reclaimed,
            change=Remark("临时用地逾期未复垦", "temporary land not reclaimed in time"),
        ),
    ),
)
