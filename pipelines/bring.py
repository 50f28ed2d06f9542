"""Imagery brought here before a pixel is worked: what a plan will read, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import shapely
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs
from imagery.compose import Failure, solar_days
from imagery.providers.provider import Fetched, Provider
from imagery.scene import Scene
from pipelines.errors import NothingObservedError
from pipelines.plan import Plan
from pipelines.progress import Progress
from pipelines.region import lattice_of

MARGIN_DEG = 0.002
"""Beyond what is read: a pixel is blended from its neighbours, and a box in degrees has other edges."""


@dataclass(frozen=True)
class Brought:
    """A plan whose scenes can be read without the network."""

    plan: Plan
    quarantined: tuple[Failure, ...]
    """Scenes that could not be had; the plan does without them."""

    bytes_fetched: int
    bytes_cached: int


def bring(plan: Plan, source: Provider, progress: Progress) -> Brought:
    """Have the source bring what the plan will read.

    Raises:
        NothingObservedError: if no scene is left of one of the dates.
        ProviderError: if the source can bring nothing more at all.
    """
    wanted = {scene.id: scene for scene in (*plan.before, *plan.after)}
    with progress.stage("fetch", len(wanted)) as step:
        fetched = source.fetch(tuple(wanted.values()), ground_read(plan), step)
    here = {scene.id: scene for scene in fetched.scenes}
    before, after = (
        tuple(here[scene.id] for scene in scenes if scene.id in here) for scenes in (plan.before, plan.after)
    )
    days = tuple(day for day in plan.days if day in solar_days(after))
    if not before or not days:
        raise NothingObservedError(_nothing_left(source, fetched, "after" if before else "before"))
    lost = tuple(Failure(one.scene_id, one.reason) for one in fetched.quarantined)
    left = replace(plan, before=before, after=after, days=days)
    return Brought(left, lost, fetched.bytes_fetched, fetched.bytes_cached)


def _nothing_left(source: Provider, fetched: Fetched, role: str) -> str:
    reasons = "; ".join(sorted({one.reason for one in fetched.quarantined})[:3])
    return f"no scene of {role} could be had from {source.name}: {reasons or 'it brought none'}"


def ground_read(plan: Plan) -> BaseGeometry:
    """The ground that blocks and normals read, in EPSG:4326."""
    blocks = [to_crs(block.padded.extent.geom, block.epsg, 4326) for block in plan.blocks]
    chips = [
        to_crs(chip.extent.geom, epsg_of(chip), 4326)
        for cell in plan.cells
        for chip in lattice_of(cell, plan.gsd_m, _near(plan.before, cell.reach), _near(plan.after, cell.reach)).chips
    ]
    return shapely.union_all(shapely.buffer([*blocks, *chips], MARGIN_DEG, join_style="mitre"))


def _near(scenes: Sequence[Scene], ground: BaseGeometry) -> tuple[Scene, ...]:
    return tuple(scene for scene in scenes if scene.geometry.intersects(ground))
