"""A STAC API on loopback, and one simulated archive that every provider serves."""

import datetime as dt
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from shapely.geometry import box

from imagery.archive import Archive
from imagery.providers.simulated import SimulatedProvider
from imagery.providers.stac import StacProvider
from imagery.providers.stac_config import StacConfig
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits
from imagery.remote.retry import Clock
from imagery.simulated.spec import DecoyCounts, PlantedCounts, SteppeSpec
from imagery.simulated.spec import test_spec as tiny_spec


def _beside(name: str) -> ModuleType:
    """The plain module `loopback`, from which other conftests take its fixtures as well; tests are no package."""
    full = f"weixun_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


_loopback = _beside("loopback")
stac, stac_module = _loopback.stac, _loopback.stac_module
hub, hub_archive, hub_module = _loopback.hub, _loopback.hub_archive, _loopback.hub_module


def _small_spec() -> SteppeSpec:
    """Three clouded dates of 2 × 2 km, with one pit: enough for masks and composites, and drawn in a second or two."""
    none = dict.fromkeys(PlantedCounts.model_fields, 0)
    calm = {name: False if field.annotation is bool else 0 for name, field in DecoyCounts.model_fields.items()}
    return tiny_spec(5).model_copy(
        update={
            "width_m": 2_000, "height_m": 2_000, "cloud_pct": (10.0, 30.0),
            "before": (dt.date(2023, 7, 2), dt.date(2023, 7, 17)), "after": (dt.date(2024, 7, 20),),
            "planted": PlantedCounts(**none | {"pit": 1}), "decoys": DecoyCounts(**calm),
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProvider:
    """A simulated world that is made when it is asked for anything first."""
    return SimulatedProvider(tmp_path_factory.mktemp("home") / "simulated", _small_spec())


@pytest.fixture(scope="session")
def steppe(simulated: SimulatedProvider) -> Archive:
    """Its archive (Sentinel-2 L2A, tiled GeoTIFFs in UTM with SCL), for all providers to serve."""
    simulated.search(box(-180, -80, 180, 84), dt.date(2023, 1, 1), dt.date(2024, 12, 31))
    return Archive.open(simulated.folder / "archive")


@pytest.fixture
def served(stac: Any, steppe: Archive) -> Any:
    """The `StacServer`, offering the simulated archive as Sentinel-2 L2A."""
    return _loopback.serve(stac, steppe.scenes())


@pytest.fixture
def make_hub(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Makes a provider of the `hub`: limits, cache folder and clock may be named, anything else is a setting."""
    from imagery.providers.sentinelhub import SentinelHubProvider
    from imagery.providers.sh.settings import SentinelHubSettings

    monkeypatch.setenv("WEIXUN_SENTINELHUB_CLIENT_ID", hub.client[0])
    monkeypatch.setenv("WEIXUN_SENTINELHUB_CLIENT_SECRET", hub.client[1])
    patient = Limits(attempts=5, timeout_s=20, deadline_s=120, concurrency=4)
    made: list[Any] = []

    def make(limits: Limits = patient, cache: Path | None = None, clock: Clock | None = None, **said: Any) -> Any:
        settings = SentinelHubSettings(base_url=hub.url, token_url=f"{hub.url}/auth/token", **{"tile_px": 256, **said})
        store = Cache(cache or tmp_path / "cache")
        quick = clock or Clock(sleep=lambda seconds: None)
        provider = SentinelHubProvider.from_config("hub", settings, store, limits, tmp_path / "secrets", quick)
        made.extend((provider, store))
        return provider

    yield make
    for one in made:
        one.close()


@pytest.fixture
def one(hub: Any, hub_archive: Any) -> Any:
    """The hub with one acquisition."""
    hub.products.append(hub_archive.synthetic(sys.modules["hub_asked"].L2A))
    return hub


@pytest.fixture
def fault(hub_module: Any) -> Any:
    """What the hub may do wrong."""
    return hub_module.Fault


@pytest.fixture
def open_provider(stac: Any, tmp_path: Path) -> Callable[..., StacProvider]:
    """Makes a provider of the `stac` server; anything said goes into its configuration."""
    clock = Clock(sleep=lambda seconds: None)
    asked = sys.modules["stac_asked"]

    def make(limits: Limits = asked.LIMITS, **more: Any) -> StacProvider:
        config = StacConfig(url=stac.api, collections=(asked.S2,), **more)
        cache = Cache(tmp_path / "cache")
        return StacProvider.from_config("loopback", config, cache, limits, tmp_path, tmp_path / "index", clock)

    return make


@pytest.fixture
def ground(steppe: Archive) -> Any:
    """Nearly all that the simulated scenes show."""
    return steppe.scenes()[0].geometry.buffer(-0.002)
