from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mosaic
from benchmarks.world import cached_world

# both are odc-stac's own: it calls what shapely 2.2 deprecates, and warps into arrays without a place
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four kilometres of steppe, three dates."""
    return cached_world(tmp_path_factory.mktemp("bench"), 4_000)


def test_both_ways_give_the_same_mosaic_and_the_windows_can_be_decoded(world: Path) -> None:
    same = mosaic.check(str(world))
    assert same["pixels"] > 100_000
    assert same["worst"] <= mosaic.CLOSE
    for way in ("ours", "odc", "decode"):
        measured = mosaic.measure(str(world), way, "whole")
        assert measured["seconds"] > 0
        assert measured["cpu_s"] > 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda found: replace(found, data=found.data + np.float32(0.001)), "differ by 0.001"),
        (lambda found: replace(found, source=np.full_like(found.source, -1)), "other scenes"),
    ],
)
def test_a_mosaic_that_differs_ends_the_run(world: Path, monkeypatch: pytest.MonkeyPatch, spoil, says) -> None:
    plain = mosaic.read_before
    monkeypatch.setattr(mosaic, "read_before", lambda *given, **named: (spoil(plain(*given, **named)[0]), ()))
    with pytest.raises(SystemExit, match=says):
        mosaic.check(str(world))
