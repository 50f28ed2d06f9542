"""Ground near Hailar as offices hand it in, and what is read of it, for the tests of defects."""

import geopandas
import pytest
from shapely.geometry import box

from aoi.area import geodesic_area_m2
from aoi.intake.source import Reading
from aoi.intake.store import add_layer, check_layer
from aoi.layers import crossings

ZONE_40 = Reading(crs="EPSG:4528")
GROUND = box(40_412_345, 5_462_100, 40_413_345, 5_463_100)
"""A square kilometre of zone 40 (3°), where Hailar lies."""

CORNERS = [
    (5_462_100.0, 40_412_345.0),
    (5_462_100.0, 40_413_345.0),
    (5_463_100.0, 40_413_345.0),
    (5_463_100.0, 40_412_345.0),
]
"""X (north) and Y (east) of its corners."""

DEGREES = geopandas.GeoSeries([GROUND.segmentize(100)], crs=4528).to_crs(4326)[0]
AREA_M2 = geodesic_area_m2(DEGREES)
FOREST = {"LIN_BAN": ["12"], "XIAO_BAN": ["3"], "SEN_LIN_LB": ["11"], "MIAN_JI": [AREA_M2 / 1e4]}
DLTB = {"BSM": ["1"], "DLBM": ["0103"], "DLMC": ["旱地"], "TBMJ": [AREA_M2]}


def read(path, kind, reading=None, warnings=(), home=None):
    """The only feature of a file that is good, read back from the layer that it was stored as."""
    added = add_layer(path, home or path.parent / "home", kind, reading=reading)
    problems = [(p.severity, p.wrong_en) for p in added.checked.tally.problems]
    assert added.path is not None, problems
    for says in warnings:
        assert any(says in wrong for _, wrong in problems), problems
    (found,) = crossings(DEGREES, [added.layer])
    assert found[1] == pytest.approx(AREA_M2, rel=1e-3)
    return found[0]


def errors(path, kind, reading=None):
    tally = check_layer(path, kind, reading).tally
    return [(p.row, p.field, p.wrong_en) for p in tally.problems if p.severity == "error"]


def frame(columns, geometry=GROUND, crs=4528):
    return geopandas.GeoDataFrame(columns, geometry=[geometry], crs=crs)


def without_prj(rows, path):
    rows.to_file(path, encoding="GBK")
    path.with_suffix(".prj").unlink()
