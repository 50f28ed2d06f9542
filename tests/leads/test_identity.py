import dataclasses
import datetime as dt

import shapely

from leads.identity import assign_ids, geohash, lead_id
from leads.model import Finding, Patch

DAY = dt.date(2018, 3, 9)


def finding(lon: float = 119.91, lat: float = 49.2, size: float = 0.001, detector: str = "mine") -> Finding:
    ground = shapely.box(lon - size, lat - size, lon + size, lat + size)
    area_m2 = size * 1e9
    patch = Patch(detector, ground, 0.9, 0.7, 1, area_m2, area_m2 * 0.9, area_m2 * 1.1, 10.0)
    return Finding(patch, dt.date(2016, 12, 9), DAY, (DAY,), 1)


def test_a_geohash_is_the_usual_one() -> None:
    assert geohash(10.40744, 57.64911, 11) == "u4pruydqqvj"
    assert geohash(-5.6, 42.6, 5) == "ezs42"


def test_an_id_says_detector_day_and_place() -> None:
    assert lead_id(finding()) == f"WX-MINE-20180309-{geohash(119.91, 49.2)}"
    assert lead_id(finding(detector="land_disturbance")).startswith("WX-LANDIS-")


def test_another_day_or_place_is_another_id() -> None:
    later = dataclasses.replace(finding(), first_seen=dt.date(2018, 3, 10))
    assert len({lead_id(finding()), lead_id(later), lead_id(finding(lat=49.201))}) == 3


def test_namesakes_are_told_apart_by_size_whatever_their_order() -> None:
    small, large, elsewhere = finding(size=0.0005), finding(size=0.002), finding(lat=48)
    leads = assign_ids([small, elsewhere, large])
    assert leads == assign_ids([large, small, elsewhere])
    assert len({lead.id for lead in leads}) == 3
    by_id = {lead.id: lead.finding for lead in leads}
    assert by_id[lead_id(large)] == large
    assert by_id[lead_id(small) + "-2"] == small
