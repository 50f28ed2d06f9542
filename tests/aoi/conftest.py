"""Files as they come from offices and from attackers, written by the tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

SQUARE = box(119.7, 49.3, 119.8, 49.4)
"""Some 80 km² of steppe near Baorixile."""


@pytest.fixture
def square() -> BaseGeometry:
    return SQUARE


@pytest.fixture
def geojson(tmp_path: Path) -> Callable[..., Path]:
    """Writes GeoJSON: of geometries (shapely or plain dicts, or None), or a whole document."""

    def write(*geometries: Any, name: str = "area.geojson", properties: Any = None, **members: Any) -> Path:
        features = [
            {
                "type": "Feature",
                "properties": properties or {},
                "geometry": json.loads(shapely.to_geojson(g)) if isinstance(g, BaseGeometry) else g,
            }
            for g in geometries
        ]
        path = tmp_path / name
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}), "utf-8")
        return path

    return write


@pytest.fixture
def vector(tmp_path: Path) -> Callable[..., Path]:
    """Writes a GeoPackage or a Shapefile by way of GDAL."""

    def write(geometries: Any, name: str, crs: Any = 4326, to: Any = None, columns: Any = None, **options: Any) -> Path:
        frame = geopandas.GeoDataFrame(columns or {"n": range(len(geometries))}, geometry=list(geometries), crs=crs)
        if to:  # a straight edge in degrees is none in the other CRS
            frame = frame.set_geometry(frame.geometry.segmentize(0.005)).to_crs(to)
        path = tmp_path / name
        frame.to_file(path, **options)
        return path

    return write
