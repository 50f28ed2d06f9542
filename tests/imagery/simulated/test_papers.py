"""The papers of a simulated world are ones that an office could have handed in."""

from pathlib import Path

import pytest

from aoi.intake.source import Reading
from aoi.intake.store import check_layer
from aoi.layers import open_layers
from aoi.penalties import penalty_tables
from imagery.simulated.layers import write_rights
from imagery.simulated.papers import write_papers
from imagery.simulated.spec import test_spec as tiny_spec
from imagery.simulated.world import World


@pytest.fixture(scope="module")
def small() -> World:
    """A tiny world that has fields and woods as well, with something planted on each."""
    spec = tiny_spec(4)
    planted = spec.planted.model_copy(update={"topsoil": 1, "clearing": 1})
    return World(
        spec.model_copy(
            update={"planted": planted, "crop_share": 0.3, "forest_share": 0.3, "width_m": 5_000, "height_m": 5_000}
        )
    )


@pytest.fixture(scope="module")
def folder(small: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    write_rights(folder / "mining_rights.gpkg", small.rights, small.frame)
    write_papers(folder, small.papers, small.frame)
    return folder


def test_no_row_of_them_has_an_error(folder: Path) -> None:
    files = sorted(folder.iterdir())
    assert {"basic_farmland.gpkg", "forest_land.gpkg", "penalties.csv"} < {file.name for file in files}
    assert {"grassland.gpkg", "wetland.gpkg", "river_scope.gpkg", "temporary_land_permits.gpkg"} < {
        file.name for file in files
    }
    for file in files:
        checked = check_layer(file, file.stem, Reading())
        assert checked.good, file.name
        assert checked.tally.good > 0


def test_the_penalty_names_the_first_known_patch_and_is_past_when_it_is_seen(folder: Path, small: World) -> None:
    (table,) = penalty_tables(folder)
    (penalty,) = table.read()
    layers = {layer.kind: layer for layer in open_layers(folder, "simulated")}
    patches = {feature.id: feature for feature in layers["known_patches"].features_in(small.outline)}
    assert penalty.patch in patches
    assert penalty.performed == "no"
    assert penalty.deadline < small.spec.after[0]
    planted = [item for item in small.truth.planted if item.geometry.within(patches[penalty.patch].geometry)]
    assert len(planted) == 1
    assert planted[0].happened <= patches[penalty.patch].record.found
    assert not set(planted[0].detectors) & {"mine"}
