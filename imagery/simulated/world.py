"""A whole simulated world: what lies where, and the archive that shows it."""

import datetime as dt
import json
import math
import os
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from aoi.grid import zone_box, zones_of
from imagery.simulated.courses import lay_courses
from imagery.simulated.decoys import deceive
from imagery.simulated.errors import SimulationError
from imagery.simulated.files import SceneFiles, SceneWriter, chunks
from imagery.simulated.formats import Stretch, format_of, scene_id
from imagery.simulated.found import Puff
from imagery.simulated.frame import STEP, Frame, Window
from imagery.simulated.landcover import Landcover
from imagery.simulated.landscape import settle
from imagery.simulated.layers import grant, write_rights
from imagery.simulated.maps import ground_maps
from imagery.simulated.papers import Papers, draw_up, write_papers
from imagery.simulated.parts import Zoned
from imagery.simulated.plan import plant
from imagery.simulated.render import View
from imagery.simulated.sensors import Seen, step_of
from imagery.simulated.sites import Sites
from imagery.simulated.sky import Look, Sky
from imagery.simulated.spec import PIXELS_M, SteppeSpec
from imagery.simulated.truth import FILE, SceneTruth, Truth

OVERLAP_DEG = 0.04
"""How far a scene reaches beyond its zone's edge, as real tiles do: about 3 km here."""

TWO_ZONES_FROM = dt.date(2026, 3, 15)
"""Reserves are zoned by State Council Decree 830 from this day on."""

_SNAP_M = 120
_BORDER_M = 240.0


class World:
    """Everything about a world that its spec decides. Nothing is written before `build`."""

    def __init__(self, spec: SteppeSpec) -> None:
        """Draws the ground and plants everything.

        Raises:
            SimulationError: if there is no room for what is to be planted.
        """
        if spec.gsd_m not in PIXELS_M[spec.sensor]:  # a copy of a spec with another sensor is not checked
            raise SimulationError(f"gsd_m {spec.gsd_m} is none that {spec.sensor} has: {PIXELS_M[spec.sensor]}")
        self.spec = spec
        self.frame = Frame(spec.centre, spec.width_m, spec.height_m)
        land = settle(spec, self.frame.rectangle)
        self.cover = Landcover(spec, self.frame, land.river)
        self.sky = Sky(spec, self.frame)
        sites = Sites(np.random.default_rng([spec.seed, 707]), self.cover, self.frame.rectangle, land.taken)
        changes = plant(spec, self.frame, self.cover, sites)
        self._works = lay_courses(spec, self.frame, self.cover, land, sites, planted=True)
        worst = max(self.sky.looks[len(spec.before) :], key=lambda look: float(np.hypot(*look.shift_px)))
        self._decoys = deceive(spec, self.frame, self.cover, land, sites, worst.date)
        self._passing = lay_courses(spec, self.frame, self.cover, land, sites, planted=False)
        self.rights, self._changes = grant(spec.seed, land, changes)
        self._land = land
        planted = [part for change in self._changes for part in change.parts]
        parts = (*land.parts, *planted, *self._works.parts, *self._decoys.parts, *self._passing.parts)
        self._zoned = {epsg: Zoned(parts, self.frame, epsg) for epsg in zones_of(self.outline)}

    @property
    def outline(self) -> BaseGeometry:
        """The world's outline in EPSG:4326."""
        return self.frame.from_ground(shapely.segmentize(self.frame.rectangle, 500), 4326)

    @cached_property
    def truth(self) -> Truth:
        """What is planted, what deceives, and what a reader can not know of the scenes."""
        scenes = [
            SceneTruth(
                scene_id(self.spec, extent.epsg, look), extent.epsg, look.date, look.shift_px, self.sky.cloudiness(look)
            )
            for extent in self.extents()
            for look in self.sky.looks
        ]
        known = [(change.truth, change.outline) for change in self._changes]
        known += zip(self._works.truth, self._works.outlines, strict=True)
        planted = tuple(replace(truth, hidden=self._hidden(truth.happened, outline)) for truth, outline in known)
        decoys = (*self._decoys.truth, *self._passing.truth)
        return Truth(self.spec.seed, self.outline, planted, decoys, tuple(scenes))

    @property
    def papers(self) -> Papers:
        """Approvals, plans, maps of the ground, known patches and penalties."""
        maps = ground_maps(self.spec.seed, self.frame, self.cover, self._land, self.spec.after[0] >= TWO_ZONES_FROM)
        own = (*self._works.papers, *self._passing.papers)
        return draw_up(self._land, self._changes, self.rights, self.spec.after[0], (*maps, *own))

    def _hidden(self, happened: dt.date, outline: BaseGeometry) -> tuple[dt.date, ...]:
        west, south, east, north = outline.bounds
        x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(west, east, 40), np.linspace(south, north, 40)))
        inside = shapely.contains_xy(outline, x, y)
        if not inside.any():
            return ()
        return tuple(
            look.date
            for look in self.sky.looks
            if look.date >= happened and float((self.sky.dimmed(look, x[inside], y[inside]) > 0.3).mean()) > 0.5
        )

    def extents(self) -> list[Window]:
        """The grid of the scenes of each zone that the world touches, in rendered pixels."""
        found = []
        gsd_m = self.spec.gsd_m // step_of(self.spec)
        snap_m = math.lcm(_SNAP_M, STEP * gsd_m, self.spec.gsd_m)
        for epsg in zones_of(self.outline):
            reach = shapely.intersection(self.outline, zone_box(epsg).buffer(OVERLAP_DEG, join_style="mitre"))
            ground = self.frame.to_ground(reach, 4326)
            west, south, east, north = self.frame.from_ground(ground, epsg).bounds
            left = np.floor((west - _BORDER_M) / snap_m) * snap_m
            top = np.ceil((north + _BORDER_M) / snap_m) * snap_m
            width = int(np.ceil((east + _BORDER_M - left) / snap_m) * snap_m / gsd_m)
            height = int(np.ceil((top - south + _BORDER_M) / snap_m) * snap_m / gsd_m)
            found.append(Window(epsg, float(left), float(top), height, width, float(gsd_m)))
        return found

    def view(self, window: Window) -> View:
        """One window of the world, in one of its zones, ready to be seen on any date."""
        return View(self.spec, window, self.cover, self.sky, self._zoned[window.epsg])

    def seen(self, window: Window) -> list[Seen]:
        """What the files of all dates hold of one window."""
        view = self.view(window)
        return [view.seen(look, self._puffs(look)) for look in self.sky.looks]

    def stretch(self, look: Look) -> Stretch | None:
        """The contrast stretch of a DOM's date, from what a lattice of small windows shows; None for other sensors."""
        if self.spec.sensor != "dom":
            return None
        extent, size = self.extents()[0], 48
        seen = []
        for row in np.linspace(size, extent.height - 2 * size, 5, dtype=int) // STEP * STEP:
            for col in np.linspace(size, extent.width - 2 * size, 5, dtype=int) // STEP * STEP:
                left, top = extent.left + int(col) * extent.gsd_m, extent.top - int(row) * extent.gsd_m
                window = Window(extent.epsg, left, top, size, size, extent.gsd_m)
                seen.append(self.view(window).seen(look, ()).fine.reshape(self.spec.dom_bands, -1))
        rng = np.random.default_rng([self.spec.seed, 919, look.index])
        low, high = np.quantile(np.concatenate(seen, axis=1), [0.005, 0.99], axis=1)
        room = (high - low) * rng.uniform(0.0, 0.45, 2)[:, None]  # by hand, and differently each time
        return (low - 0.3 * room[0]).astype(np.float32), (high + room[1]).astype(np.float32)

    def _puffs(self, look: Look) -> tuple[Puff, ...]:
        return tuple(puff for puff in self._decoys.puffs if puff.date == look.date)


def build(spec: SteppeSpec, out: Path, progress: Callable[[int, int], None] | None = None) -> Truth:
    """Writes a world as an ordinary archive with its truth beside it.

    Under `out`: ``scenes/<id>/`` with the files of the sensor and a sidecar, ``archive/`` (the index),
    ``truth.geojson``, ``aoi.geojson`` and ``layers/`` with statutory layers and ``penalties.csv``. One window is
    rendered at a time per processor, so memory does not grow with the ground.

    Args:
        spec: of the world.
        out: folder; made when missing, and must not hold scenes already.
        progress: told (windows done, windows in all).

    Returns:
        The truth, as written.

    Raises:
        SimulationError: if the folder holds a world already or can not be written, or the ground has no room.
    """
    scenes = out / "scenes"
    if scenes.exists():
        raise SimulationError(f"{out} holds a simulated world already; delete it or choose another folder")
    world = World(spec)
    part = out / ".scenes-unfinished"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        names = _write_scenes(world, part, progress)
        part.rename(scenes)
        write_layers(out / "layers", world)
        (out / "aoi.geojson").write_text(json.dumps(_aoi(world), ensure_ascii=False), encoding="utf-8")
        truth = world.truth
        truth.write(out / FILE)
    except OSError as error:
        raise SimulationError(f"the simulated world can not be written to {out}: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _index(out / "archive", [scenes / name for name in names])
    return truth


def write_layers(folder: Path, world: World) -> None:
    """Writes the statutory layers of a world, a GeoPackage each, and ``penalties.csv``."""
    papers = world.papers
    write_rights(folder / "mining_rights.gpkg", world.rights, world.frame, papers.mines)
    write_papers(folder, papers, world.frame)


def _write_scenes(world: World, root: Path, progress: Callable[[int, int], None] | None) -> list[str]:
    spec = world.spec
    jobs = [(extent, *chunk) for extent in world.extents() for chunk in chunks(extent, step_of(spec))]
    stretches = [world.stretch(look) for look in world.sky.looks]
    done, names = 0, []
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        for extent, group in groupby(jobs, key=lambda job: job[0]):
            with ExitStack() as stack:
                writers = []
                for look, stretch in zip(world.sky.looks, stretches, strict=True):
                    name = scene_id(spec, extent.epsg, look)
                    names.append(name)
                    layout = format_of(spec, name, look, stretch)
                    writers.append(stack.enter_context(SceneWriter(SceneFiles(root / name, extent, layout))))
                waiting: deque[tuple[int, int, Future[list[Seen]]]] = deque()
                for _, row, col, window in group:
                    waiting.append((row, col, pool.submit(world.seen, window)))
                    if len(waiting) > workers:
                        done = _store(waiting, writers, done, len(jobs), progress)
                while waiting:
                    done = _store(waiting, writers, done, len(jobs), progress)
    return names


def _store(
    waiting: deque[tuple[int, int, Future[list[Seen]]]],
    writers: Sequence[SceneWriter],
    done: int,
    total: int,
    progress: Callable[[int, int], None] | None,
) -> int:
    row, col, future = waiting.popleft()
    for writer, seen in zip(writers, future.result(), strict=True):
        writer.write(row, col, seen)
    if progress is not None:
        progress(done + 1, total)
    return done + 1


def _aoi(world: World) -> dict[str, object]:
    said = {"id": "simulated-steppe", "name_zh": "模拟草原", "name_en": "Simulated steppe", "simulated": True}
    feature = {"type": "Feature", "properties": said, "geometry": mapping(world.outline)}
    return {"type": "FeatureCollection", "features": [feature]}


def _index(path: Path, folders: Sequence[Path]) -> None:
    """Adds the scenes to an archive, and insists that its reader takes them all."""
    from imagery.archive import Archive  # the reader's libraries are not needed to draw a world

    report = Archive.create_or_open(path).add(list(folders))
    if report.refused:
        raise SimulationError(f"the archive {path} refused simulated scenes: {report.refused}")
