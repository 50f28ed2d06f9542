"""Like seasons: what an after day is held against, and since when a lead may have happened."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imagery.seasons
from aoi.grid import Block
from imagery.archive import Archive
from imagery.scene import Scene
from imagery.simulated.spec import demo_spec
from pipelines.befores import Befores
from pipelines.dating import _count, _sighting, _Tally
from pipelines.outputs import Looks

BLOCK = Block(32650, 10.0, 400, 4220, 128)
JUNE, SEPTEMBER = dt.date(2024, 6, 12), dt.date(2024, 9, 14)


@pytest.fixture
def scenes(tmp_path: Path, raster: Callable[..., Path]) -> Callable[..., list[Scene]]:
    """Scenes of (day, red DN, columns hidden from the left)."""

    def make(*told: tuple[str, int, int]) -> list[Scene]:
        folders = [tmp_path / day for day, _, _ in told]
        for folder, (day, dn, hidden) in zip(folders, told, strict=True):
            for code in ("B03", "B04", "B08"):
                raster(folder / f"{code}.tif", np.full((128, 128), dn, np.uint16))
            scl = np.full((64, 64), 4, np.uint8)
            scl[:, : hidden // 2] = 0
            raster(folder / "SCL.tif", scl, 20)
            note = {"datetime": f"{day}T03:00:00Z", "level": "L2A", "sensor": "sentinel-2", "scale": 1e-4, "offset": 0}
            (folder / "scene.json").write_text(json.dumps(note))
        archive = Archive.create_or_open(tmp_path / "archive")
        assert not archive.add(folders).refused
        return list(archive.scenes())

    return make


@pytest.fixture
def raster() -> Callable[..., Path]:
    import rasterio
    from affine import Affine

    left, top = BLOCK.geobox.affine.c, BLOCK.geobox.affine.f

    def write(path: Path, data: np.ndarray, gsd: float = 10) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = data.shape
        transform = Affine(gsd, 0, left, 0, -gsd, top)
        with rasterio.open(
            path, "w", "GTiff", width, height, 1, crs="EPSG:32650", transform=transform, dtype=data.dtype
        ) as file:
            file.write(data, 1)
        return path

    return write


def test_each_day_is_held_against_its_own_season_and_others_only_fill(scenes: Callable[..., list[Scene]]) -> None:
    befores = Befores(scenes(("2023-06-10", 600, 64), ("2023-09-12", 900, 0)), BLOCK)
    spring = befores.of(JUNE).data[2]
    assert spring[0, 100] == pytest.approx(0.06)
    assert spring[0, 10] == pytest.approx(0.09)  # June saw nothing there
    assert befores.of(SEPTEMBER).data[2, 0, 100] == pytest.approx(0.09)
    assert befores.place == {JUNE: 0, SEPTEMBER: 1}
    assert befores.ordinals[0][0, 100] == dt.date(2023, 6, 10).toordinal()
    assert befores.ordinals[1][0, 100] == dt.date(2023, 9, 12).toordinal()


def test_days_of_one_season_share_the_composite_that_there_was_before(
    scenes: Callable[..., list[Scene]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scenes(("2023-06-10", 600, 0), ("2023-06-25", 900, 64))
    befores = Befores(found, BLOCK)
    once = befores.of(JUNE)
    assert befores.of(JUNE + dt.timedelta(days=10)) is once
    assert len(befores.ordinals) == 1
    monkeypatch.setattr("pipelines.befores.alike", lambda *_: frozenset())
    plain = Befores(found, BLOCK).of(JUNE)
    np.testing.assert_array_equal(plain.data, once.data)
    np.testing.assert_array_equal(plain.source, once.source)


def test_the_demo_asks_for_one_season_so_that_its_scores_are_what_they_were() -> None:
    spec = demo_spec()

    class Taken:
        def __init__(self, day: dt.date) -> None:
            self.id, self.solar_day = str(day), day

    for day in spec.after:
        assert imagery.seasons.alike([Taken(before) for before in spec.before], day) == frozenset()


def test_a_lead_is_dated_from_the_composite_of_the_look_that_first_shows_it() -> None:
    scores = np.array([[40], [240]], np.uint8)
    ordinals = np.array([[dt.date(2023, 6, 10).toordinal()], [dt.date(2023, 9, 12).toordinal()]], np.int32)
    looks = Looks(np.zeros(1, np.int32), scores, (JUNE, SEPTEMBER), ordinals, (0, 1))
    for told, last_before in (
        (looks, dt.date(2023, 9, 12)),
        (replace(looks, held_against=(0, 0)), dt.date(2023, 6, 10)),
    ):
        tally = _Tally(0, Counter(), Counter(), [])
        _count(tally, told, 100)
        found = _sighting(tally)
        assert found is not None
        assert (found.first_seen, found.last_before) == (SEPTEMBER, last_before)
