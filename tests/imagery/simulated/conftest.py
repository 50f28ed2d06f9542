from pathlib import Path

import pytest

from imagery.simulated.spec import demo_spec
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.truth import Truth
from imagery.simulated.world import World, build


@pytest.fixture(scope="session")
def demo() -> World:
    return World(demo_spec(3))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    out = tmp_path_factory.mktemp("tiny") / "world"
    return out, build(tiny_spec(1), out)
