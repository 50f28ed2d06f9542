"""Finished blocks: the same question finds the same answer, another one finds nothing."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import patrol_worlds as worlds
import pyogrio
import pytest

from aoi.read import read_aoi
from detectors.core.registry import choose
from imagery.providers.local import LocalProvider
from imagery.simulated.world import build
from pipelines.patrol.kept import KeptBlocks
from pipelines.request import ScanRequest
from pipelines.scan import scanned

DAY = dt.date(2024, 7, 4)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "world"
    build(worlds.season_spec((DAY,)), folder)
    return folder


def request(world: Path, out: Path) -> ScanRequest:
    source = LocalProvider.open(world / "archive")
    return ScanRequest(
        read_aoi(str(world / "aoi.geojson")), source, (worlds.BEFORE[0], worlds.BEFORE[-1]), (DAY, DAY), out,
        ("land_disturbance",), quicklooks=False, method="training-free", block_px=192, blind=True,
    )  # fmt: skip


def test_a_scan_from_kept_blocks_is_the_scan_without(world: Path, tmp_path: Path) -> None:
    made: list[bool] = []
    kept = KeptBlocks(tmp_path / "cache", "w", lambda block, seconds, new: made.append(new))
    plain = scanned(request(world, tmp_path / "plain"))
    first = scanned(request(world, tmp_path / "first"), kept=kept)
    again = scanned(request(world, tmp_path / "again"), kept=kept)
    count = len(plain.results)
    assert made == [True] * count + [False] * count
    tables = [
        pyogrio.read_dataframe(tmp_path / name / "leads.gpkg", layer="leads") for name in ("plain", "first", "again")
    ]
    assert len(tables[0]) > 0
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert first.coverage == again.coverage == plain.coverage
    assert first.run.outputs == again.run.outputs
    images = [name for name in plain.run.outputs if name.startswith("imagery/")]
    assert images
    assert set(images) == {name for name in first.run.outputs if name.startswith("imagery/")}


def test_another_question_finds_nothing(world: Path, tmp_path: Path) -> None:
    from pipelines.plan import plan_scan, scenes_over
    from pipelines.progress import Silent
    from pipelines.readers import reader_of
    from pipelines.region import fit_region

    kept = KeptBlocks(tmp_path, "w")
    detectors = choose(("land_disturbance",))
    plan = plan_scan(request(world, tmp_path), detectors, reader_of("training-free", None))
    region = fit_region(plan, Silent(), 1, kept.normals)
    block = next(one for one in plan.blocks if len(scenes_over(plan.before, one)) == 2)
    beside = next(one for one in plan.blocks if one != block)
    key = kept.key(plan, region, block)
    assert key == kept.key(plan, fit_region(plan, Silent(), 1, kept.normals), block)
    stricter = tuple(replace(one, threshold_high=0.9) for one in detectors)
    other = (
        kept.key(replace(plan, detectors=stricter), region, block),
        kept.key(replace(plan, before=plan.before[:1]), region, block),
        kept.key(plan, region, beside),
        KeptBlocks(tmp_path, "other").key(plan, region, block),
        kept.key(replace(plan, aoi=replace(plan.aoi, geometry=plan.aoi.geometry.buffer(1e-4))), region, block),
    )
    assert len({key, *other}) == 6
    files = list((tmp_path / "normals").glob("*.npz"))
    assert files
    with np.load(files[0], allow_pickle=False) as archive:
        assert "facts" in archive.files
