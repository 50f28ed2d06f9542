import datetime as dt

import pytest
import shapely

from leads.model import Crossing, Finding, Patch
from leads.standing import PermitState
from leads.temporary import temporary_use

DATES = {"approved": "2022-06-01", "expires": "2024-06-01"}
TODAY = dt.date(2025, 9, 1)


def finding(
    *crossings: Crossing,
    seen: str = "2023-07-01",
    detector: str = "temporary_land",
    missing: tuple[str, ...] = (),
) -> Finding:
    patch = Patch(detector, shapely.box(120, 49, 120.01, 49.01), 0.9, 0.8, 1, 1000.0, 900.0, 1100.0, 10.0)
    day = dt.date.fromisoformat(seen)
    return Finding(patch, day - dt.timedelta(days=20), day, (day,), 1, crossings, missing)


def permit(area_m2: float, name: str = "P", **more: str) -> Crossing:
    return Crossing("temporary_land_permits", name, "", area_m2, {**DATES, **more})


def test_the_day_first_seen_and_today_are_apart() -> None:
    use = temporary_use(finding(permit(1000.0)), "植被变裸地", TODAY)
    assert use is not None
    (one,) = use.permits
    assert (one.at_first_seen.state, one.today.state) == (PermitState.IN_TERM, PermitState.OVERDUE)
    assert (one.at_first_seen.on, one.today.on) == (dt.date(2023, 7, 1), TODAY)
    assert (use.beyond, use.building_in_term) == ("no", False)


@pytest.mark.parametrize(
    ("inside", "beyond"),
    [(1000.0, "no"), (985.0, "no"), (950.0, "unknown"), (900.0, "unknown"), (899.0, "yes"), (500.0, "yes")],
)
def test_beyond_the_outline_is_told_from_the_outlines_doubt(inside: float, beyond: str) -> None:
    use = temporary_use(finding(permit(inside)), "", TODAY)
    assert use is not None
    assert use.beyond == beyond
    assert use.beyond_m2.value == pytest.approx(1000 - inside)
    assert use.beyond_m2.low <= 1000 - inside <= use.beyond_m2.high


def test_two_permits_side_by_side_cover_it_together() -> None:
    use = temporary_use(finding(permit(400.0, "B"), permit(600.0, "A")), "", TODAY)
    assert use is not None
    assert ([one.permit.id for one in use.permits], use.beyond) == (["A", "B"], "no")


def test_ground_in_no_permit_is_wholly_beyond() -> None:
    use = temporary_use(finding(), "", TODAY)
    assert use is not None
    assert (use.permits, use.beyond, use.beyond_m2.high) == ((), "yes", 1100.0)


def test_without_the_layer_nothing_is_said() -> None:
    assert temporary_use(finding(missing=("temporary_land_permits",)), "", TODAY) is None
    assert temporary_use(finding(detector="grassland"), "", TODAY) is None


@pytest.mark.parametrize(("share", "state"), [(0.6, PermitState.OVERDUE), (0.4, PermitState.RECLAIMING)])
def test_most_of_it_on_grassland_makes_it_grassland(share: float, state: PermitState) -> None:
    crossings = permit(1000.0), Crossing("grassland", "g", "", 1000 * share)
    use = temporary_use(finding(*crossings), "", dt.date(2024, 9, 1))
    assert use is not None
    assert use.permits[0].today.state == state


@pytest.mark.parametrize(
    ("change", "seen", "built"),
    [("植被变建设", "2023-07-01", True), ("植被变裸地", "2023-07-01", False), ("植被变建设", "2024-07-01", False)],
)
def test_building_counts_inside_the_term_only(change: str, seen: str, built: bool) -> None:
    use = temporary_use(finding(permit(1000.0), seen=seen), change, TODAY)
    assert use is not None
    assert use.building_in_term is built
