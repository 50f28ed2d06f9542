import datetime as dt

import pytest
from shapely.geometry import box

from imagery.archive import Archive
from imagery.errors import ProviderError
from imagery.providers import simulated as module
from imagery.providers.provider import Provider
from imagery.providers.simulated import SimulatedProvider

EVERYWHERE = box(-180, -80, 180, 84)


def test_a_world_is_written_once_and_served(simulated, steppe):
    provider: Provider = simulated
    first, _, last = simulated.spec.dates
    scenes = provider.search(EVERYWHERE, first, last)
    assert [scene.solar_day for scene in scenes] == list(simulated.spec.dates)
    catalog = steppe.root / "catalog.json"
    written = catalog.stat().st_mtime_ns
    assert provider.search(EVERYWHERE, last, last) == scenes[2:]
    assert SimulatedProvider(simulated.folder, simulated.spec).search(EVERYWHERE, first, last) == scenes
    assert catalog.stat().st_mtime_ns == written
    fetched = provider.fetch(scenes, EVERYWHERE, lambda: None)
    assert fetched.scenes == scenes
    assert fetched.bytes_cached > 100_000


def test_another_world_is_not_taken_for_it(simulated, steppe):
    other = SimulatedProvider(simulated.folder, simulated.spec.model_copy(update={"seed": 6}), "night")
    with pytest.raises(ProviderError, match="not the simulated world of night"):
        other.search(EVERYWHERE, *other.spec.dates[:2])


def test_what_a_killed_build_left_is_made_anew(tmp_path, monkeypatch):
    left = tmp_path / "world" / "scenes" / "half.tif"
    left.parent.mkdir(parents=True)
    left.touch()
    built = []

    def build(spec, out):
        assert (out / ".unfinished").exists()  # if it is killed now
        built.append(spec)
        Archive.create_or_open(out / "archive")

    monkeypatch.setattr(module, "build", build)
    provider = SimulatedProvider(tmp_path / "world")
    day = dt.date(2024, 7, 5)
    with pytest.raises(ProviderError, match="delete or move it"):  # it may be anybody's
        provider.search(EVERYWHERE, day, day)
    (tmp_path / "world" / ".unfinished").touch()
    assert provider.search(EVERYWHERE, day, day) == ()
    assert not left.exists()
    assert provider.search(EVERYWHERE, day, day) == ()
    assert built == [provider.spec]
