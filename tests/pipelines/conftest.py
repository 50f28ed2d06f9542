"""Small simulated worlds, built once."""

from pathlib import Path

import pytest

from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import build


@pytest.fixture(scope="session")
def steppe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 × 3 km inside one zone, one date before and one after."""
    folder = tmp_path_factory.mktemp("worlds") / "steppe"
    build(tiny_spec(4), folder)
    return folder


@pytest.fixture(scope="session")
def on_the_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same across 120° E, where UTM zones 50 and 51 meet; one planted change lies on the line."""
    folder = tmp_path_factory.mktemp("worlds") / "on_the_line"
    build(tiny_spec(10).model_copy(update={"centre": (120.0, 49.2), "cloud_pct": (0.0, 0.0)}), folder)
    return folder
