"""When a watched site, and a patch, are one lead."""

import datetime as dt
from dataclasses import replace

import pytest
import shapely

from aoi.area import geodesic_area_m2
from detectors.core.history import Opinion, Remark
from detectors.core.registry import choose
from leads.area import Cut
from leads.model import Patch
from pipelines.dating import Sighting
from pipelines.judged import Account, Dated
from pipelines.samesite import one_lead_a_site, one_patch_a_site

(MINE, OTHER) = choose(("mine", "land_disturbance"))
CLOSED = Sighting(dt.date(2021, 5, 31), dt.date(2021, 7, 20), (dt.date(2021, 7, 20), dt.date(2024, 7, 20)), 6)
STRIPPED = Sighting(dt.date(2023, 7, 17), dt.date(2024, 7, 20), (dt.date(2024, 7, 20),), 1)
RIGHTS, PLAN = "watch:mining_rights", "watch:restoration_plans"
TOLD = {
    RIGHTS: Opinion(True, (Remark("闭坑后仍裸露", "bare since"),), Remark("闭坑未修复", "closed"), {"lacking": 0.9}),
    PLAN: Opinion(True, (Remark("方案期满仍裸露", "bare yet"),), Remark("修复逾期", "overdue"), {"lacking": 0.8}),
}
HUNDRED_M = 0.0009


def dated(origin: str, west: float, width: float, *, detector: object = MINE, transition: int = 0) -> Dated:
    """A strip of 1,000 m from south to north; west and width in hundreds of metres north-south."""
    ground = shapely.box(119.6 + west * HUNDRED_M, 49.2, 119.6 + (west + width) * HUNDRED_M, 49.209)
    score = 1.0 if origin in TOLD else 0.7
    area = geodesic_area_m2(ground)
    patch = Patch(detector.id, ground, score, score, transition, area, 0.9 * area, 1.1 * area, 10.0)
    return Dated(detector, patch, CLOSED if origin in TOLD else STRIPPED, TOLD.get(origin), origin)


def test_a_mine_that_two_layers_hold_is_one_lead_with_both_remarks_and_both_origins() -> None:
    account = Account()
    (lead,) = one_lead_a_site([], [dated(PLAN, 1, 3), dated(RIGHTS, 0, 4)], account)
    assert lead.origin == f"{RIGHTS}+{PLAN}"
    assert lead.opinion is not None
    assert [remark.zh for remark in lead.opinion.remarks] == [
        "闭坑后仍裸露",
        "矿山生态修复方案图层亦列有本场地：修复逾期（2021-05-31 之后，2021-07-20 首次可见）",
        "方案期满仍裸露",
    ]
    assert lead.opinion.change == Remark("闭坑未修复", "closed")
    assert lead.opinion.measures == {"lacking": 0.9, "restoration_plans.lacking": 0.8}
    assert account.sites_merged == {"mine": 1}


@pytest.mark.parametrize(
    ("west", "leads"),
    [(3.0, 1), (3.05, 2), (4.0, 2), (9.0, 2)],  # half of the smaller, just less, side by side, apart
)
def test_sites_are_one_from_half_of_the_smaller_on(west: float, leads: int) -> None:
    sites = [dated(RIGHTS, 0, 4), dated(PLAN, west, 2)]
    assert len(one_lead_a_site([], sites, Account())) == leads


def test_what_the_smaller_adds_is_in_the_leads_ground_and_interval() -> None:
    large, small = dated(RIGHTS, 0, 4), dated(PLAN, 3, 2)
    (lead,) = one_lead_a_site([], [large, small], Account())
    assert lead.patch.geometry.covers(small.patch.geometry.buffer(-1e-7))
    assert lead.patch.area_m2 == pytest.approx(large.patch.area_m2 * 5 / 4, rel=1e-6)
    assert lead.patch.area_low_m2 < lead.patch.area_m2 < lead.patch.area_high_m2
    assert lead.patch.score_mean == 1.0


def test_a_patch_of_the_pair_in_a_site_is_the_sites_with_its_dates_beside() -> None:
    account = Account()
    site, patch = dated(RIGHTS, 0, 4), dated("pair", 3, 2, transition=1)
    (lead,) = one_lead_a_site([patch], [site], account)
    assert (lead.origin, lead.sighting) == (f"{RIGHTS}+pair", CLOSED)
    assert lead.opinion is not None
    name = MINE.transitions[0].name_zh
    assert f"前后影像比对亦见：{name}（2023-07-17 之后，2024-07-20 首次可见）" in [
        one.zh for one in lead.opinion.remarks
    ]
    assert lead.opinion.change == Remark("闭坑未修复", "closed")
    assert account.sites_merged == {"mine": 1}


def test_a_patch_mostly_beyond_a_site_or_of_another_model_stays_a_lead_of_its_own() -> None:
    site = dated(RIGHTS, 0, 4)
    for patch in (dated("pair", 3, 4), dated("pair", 0, 4, detector=OTHER), dated("survey", 6, 1)):
        account = Account()
        assert one_lead_a_site([patch], [site], account) == [patch, site]
        assert not account.sites_merged


def test_two_patches_of_a_pair_stay_two_and_a_part_of_a_site_takes_the_one_it_shares_most_with() -> None:
    near, far = dated(RIGHTS, 0, 4), dated(RIGHTS, 5, 4)
    found = one_lead_a_site([dated("pair", 6, 1), dated("pair", 20, 1)], [near, far], Account())
    assert sorted(one.origin for one in found) == ["pair", RIGHTS, f"{RIGHTS}+pair"]
    assert replace(near) in found


def test_reasons_are_counted_by_the_sentence_without_its_numbers_and_one_example_is_kept() -> None:
    account = Account()
    for year, ndvi in ((2023, "0.31"), (2024, "-0.28、0.30"), (2022, "nan")):
        remark = Remark(f"{year} 年7月NDVI {ndvi}，swir16 占 12%", f"NDVI of {ndvi} in July {year}; 0.5–0.8 of swir16")
        account.drop("mine", Opinion(False, (remark,)))
    account.drop("mine", Opinion(False))
    first, second = account.dropped()["mine"]
    assert first == {
        "reason": "# 年#月NDVI #，swir16 占 # NDVI of # in July #; # of swir16",
        "count": 3,
        "example": "2023 年7月NDVI 0.31，swir16 占 12% NDVI of 0.31 in July 2023; 0.5–0.8 of swir16",
    }
    assert (second["reason"], second["count"]) == ("未说明 no reason given", 1)


# --- pair and survey ------------------------------------------------------------------------------------------------

NIBBLED = Opinion(True, (Remark("依据", "ground"),), Remark("蚕食", "nibbled"))


def survey(west: float, width: float) -> Dated:
    return replace(dated("survey", west, width), opinion=NIBBLED)


@pytest.mark.parametrize(
    "pairs",
    [[(0, 5.01)], [(0, 2), (3, 3.01)]],
    ids=["just half of the survey's", "half of it together"],
)
def test_a_survey_that_is_half_a_pairs_is_the_pairs(pairs: list[tuple[float, float]]) -> None:
    account = Account()
    whole = [dated("pair", *one) for one in pairs]
    found = one_patch_a_site(whole, [survey(0, 10)], account)
    assert [one.patch for one in found] == [one.patch for one in whole]
    remarks = (Remark("依据", "ground"), Remark("蚕食", "nibbled"))
    assert [one.opinion.remarks for one in found if one.opinion] == [remarks] * len(pairs)
    assert account.merged == {"mine": 1}


def test_parts_of_a_site_that_touch_are_one_named_and_dated_by_the_largest() -> None:
    account = Account()
    (found,) = one_patch_a_site([dated("pair", 0, 2), dated("pair", 7.1, 1)], [survey(2, 5)], account)
    assert found.origin == "survey+pair"
    assert found.opinion is not None
    assert found.opinion.change == Remark("蚕食", "nibbled")
    assert [remark.en.split(":")[0] for remark in found.opinion.remarks] == [
        "ground",
        "images before and after show it too",
    ]
    assert found.patch.area_m2 == pytest.approx(8 * survey(2, 1).patch.area_m2, rel=1e-3)
    assert account.merged == {"mine": 2}
    (larger,) = one_patch_a_site([dated("pair", 0, 9)], [survey(9, 5)], Account())
    assert (larger.origin, larger.sighting) == ("pair+survey", STRIPPED)


def test_the_outline_of_parts_that_are_one_is_no_longer_one_cut_at_half_contrast() -> None:
    pair = dated("pair", 0, 9)
    drawn = replace(pair, patch=replace(pair.patch, cut=Cut(0.1, 0.3)))
    (alone,) = one_patch_a_site([drawn], [], Account())
    (larger,) = one_patch_a_site([drawn], [survey(9, 5)], Account())
    assert alone.patch.cut == Cut(0.1, 0.3)
    assert larger.patch.cut is None


def test_what_lies_apart_or_is_another_models_stays() -> None:
    pairs = [dated("pair", 0, 2), dated("pair", 2.1, 1), dated("pair", 5, 9, detector=OTHER)]
    found = one_patch_a_site(pairs, [survey(5, 5)], Account())
    assert len(found) == 4
    assert {one.origin for one in found} == {"pair", "survey"}
