"""Small simulated worlds, built once, and services on loopback that offer them."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import build
from pipelines import cli


def _loopback_module() -> ModuleType:
    """The services that the tests of `imagery.providers` made; tests are no package."""
    full = "weixun_tests_loopback"
    if full not in sys.modules:
        file = Path(__file__).parents[1] / "imagery" / "providers" / "loopback.py"
        spec = importlib.util.spec_from_file_location(full, file)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


_loopback = _loopback_module()
stac, stac_module = _loopback.stac, _loopback.stac_module
hub, hub_archive, hub_module = _loopback.hub, _loopback.hub_archive, _loopback.hub_module


@pytest.fixture(scope="session")
def loopback() -> ModuleType:
    """`loopback`, for its functions."""
    return _loopback


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


@pytest.fixture
def weixun(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line as a shell does: exit code, what it printed and what it said beside; never a traceback."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["weixun", *arguments])
            with pytest.raises(SystemExit) as left:
                cli.main()
        printed, said = capfd.readouterr()
        assert "Traceback" not in said
        return int(left.value.code or 0), printed, said

    return run
