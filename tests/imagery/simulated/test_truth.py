from pathlib import Path

import pytest

from imagery.simulated.errors import TruthError
from imagery.simulated.truth import Truth
from imagery.simulated.world import World


def test_truth_comes_back_as_it_was_written(demo: World, tmp_path: Path) -> None:
    truth = demo.truth
    truth.write(tmp_path / "truth.geojson")
    back = Truth.read(tmp_path)
    assert [item.id for item in back.planted + back.decoys] == [item.id for item in truth.planted + truth.decoys]
    assert back.scenes[0].shift_px == truth.scenes[0].shift_px
    for item, other in zip(back.planted, truth.planted, strict=True):
        assert item.geometry.equals(other.geometry)
        assert item.area_m2 == pytest.approx(other.area_m2, abs=0.01)
        assert item.hidden == other.hidden


@pytest.mark.parametrize("content", ["", "{}", '{"weixun": 3, "features": []}', '{"type": "FeatureCollection"}', "[1]"])
def test_a_file_that_is_not_truth_is_named(content: str, tmp_path: Path) -> None:
    file = tmp_path / "other.geojson"
    file.write_text(content)
    with pytest.raises(TruthError, match=r"other\.geojson"):
        Truth.read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"nowhere\.geojson"):
        Truth.read(tmp_path / "nowhere.geojson")
