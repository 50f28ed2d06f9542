"""Works and deceptions that take their course over several years: which there are, and how they are laid."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import default_rng

from aoi.area import geodesic_area_m2
from imagery.simulated import courses_dry as dry
from imagery.simulated import courses_wet as wet
from imagery.simulated import passing
from imagery.simulated.course import Course, Land, Paper
from imagery.simulated.errors import SimulationError
from imagery.simulated.frame import Frame
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import Landscape
from imagery.simulated.parts import Part
from imagery.simulated.shapes import valid
from imagery.simulated.sites import Sites
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.truth import Planted, Stage

Lay = Callable[[Land, int], Course | None]

COURSES: Mapping[str, tuple[tuple[str, ...], Lay]] = {
    "site_left": (("temporary_land",), dry.site_left),
    "site_built": (("temporary_land",), dry.site_built),
    "site_beyond": (("temporary_land", "grassland"), dry.site_beyond),
    "edge_ploughing": (("forest_encroachment",), dry.edge_ploughing),
    "forest_pit": (("forest_encroachment", "mine"), dry.forest_pit),
    "forest_buildings": (("forest_encroachment",), dry.forest_buildings),
    "forest_road": (("forest_encroachment",), dry.forest_road),
    "winter_strip": (("black_soil",), dry.winter_strip),
    "crop_dump": (("black_soil",), dry.crop_dump),
    "crop_pit": (("black_soil", "mine"), dry.crop_pit),
    "crop_buildings": (("black_soil",), dry.crop_buildings),
    "river_fill": (("river_protection",), wet.river_fill),
    "dike": (("river_protection", "wetland"), wet.dike),
    "sand_pit": (("river_protection", "wetland"), wet.sand_pit),
    "river_buildings": (("river_protection", "wetland"), wet.river_buildings),
    "river_maize": (("river_protection", "wetland"), wet.river_maize),
    "drained": (("wetland",), wet.drained),
    "wet_crop": (("wetland",), wet.wet_crop),
    "wet_road": (("wetland", "river_protection"), wet.wet_road),
    "shore_works": (("hulun_lake",), wet.shore_works),
    "shore_pit": (("hulun_lake", "mine"), wet.shore_pit),
    "reclaimed": (("hulun_lake",), wet.reclaimed),
    "bloom": (("hulun_lake",), wet.bloom),
    "reploughed": (("grassland",), dry.reploughed),
    "camp_left": (("grassland",), dry.camp_left),
    "unrestored": (("mine",), dry.unrestored),
}
"""By kind: the models that should find it, and how it is laid; in this order."""

PASSING: Mapping[str, Lay] = {
    name: getattr(passing, name)
    for name in (
        *("caterpillars", "thinning", "forest_burn", "tillage", "fallow", "rotation", "ponding", "bar", "meander"),
        *("site_reclaimed", "site_in_term", "camp_in_term", "mine_restored", "pit_water", "tailings_dry"),
        *("reshaping", "puddles", "meadow_hay"),
    )
}
"""Deceptions by kind."""


@dataclass(frozen=True)
class Laid:
    """The courses of a world."""

    truth: tuple[Planted, ...]
    outlines: tuple[shapely.Geometry, ...]
    """Of each, ground coordinates."""

    parts: tuple[Part, ...]
    papers: tuple[Paper, ...]


def lay_courses(spec: SteppeSpec, frame: Frame, cover: Landcover, land: Landscape, sites: Sites, planted: bool) -> Laid:
    """Lays every course of a world that finds room.

    Args:
        spec: of the world; names the kinds and how many.
        frame: its projection.
        cover: its natural cover.
        land: its outlined ground.
        sites: where there is room.
        planted: works, or deceptions.

    Raises:
        SimulationError: if a kind is not known.
    """
    asked = spec.courses if planted else spec.passing
    known = COURSES if planted else PASSING
    if unknown := [kind for kind, _ in asked if kind not in known]:
        raise SimulationError(f"there is no course {unknown[0]!r}; there are {', '.join(known)}")
    counts, laid = dict(asked), []
    ground = Land(default_rng([spec.seed, 222, planted]), spec, frame, cover, land, sites, planted, [])
    for kind in known:
        for number in range(counts.get(kind, 0)):
            detectors, lay = COURSES[kind] if planted else ((), PASSING[kind])
            course = lay(ground, number)
            if course is not None and not course.outline.is_empty:
                laid.append((course, _told(frame, kind, number, detectors, course)))
    return Laid(
        tuple(truth for _, truth in laid),
        tuple(course.outline for course, _ in laid),
        tuple(part for course, _ in laid for part in course.parts),
        tuple(paper for course, _ in laid for paper in course.papers),
    )


def _told(frame: Frame, kind: str, number: int, detectors: Sequence[str], course: Course) -> Planted:
    def degrees(outline: shapely.Geometry) -> shapely.Geometry:
        inside = valid(shapely.intersection(outline, frame.rectangle))
        return valid(frame.from_ground(shapely.segmentize(inside, 200), 4326))

    geometry = degrees(course.outline)
    whole = max(float(course.outline.area), 1e-9)
    stages = tuple(Stage(day, float(there.area) / whole, degrees(there)) for day, there in course.steps)
    return Planted(
        id=f"{kind}-{number + 1}",
        kind=kind,
        label="planted" if detectors else "decoy",
        detectors=tuple(detectors),
        geometry=geometry,
        happened=course.steps[0][0],
        completed=course.steps[-1][0],
        area_m2=geodesic_area_m2(geometry),
        contrast=float(np.round(course.contrast, 4)) if detectors else 0.0,
        note=course.note,
        until=course.until,
        stages=stages if len(stages) > 1 else (),
    )
