"""Crossing a patch with a layer of a million polygons, beside one of ten thousand; and adding one."""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

FEW, MANY = 10_000, 1_000_000
PLACES = 40


def measure(few: int = FEW, many: int = MANY) -> dict[str, Any]:
    """Median milliseconds of a crossing with either layer as stored, and rows a second while the larger is added."""
    from aoi.intake.store import add_layer
    from aoi.layers import crossings

    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="weixun-bench-") as name:
        folder = Path(name)
        for count in (few, many):
            source = folder / f"grassland_{count}.gpkg"
            squares, side = _squares(count)
            numbers = np.arange(len(squares)).astype(str).astype(object)
            # the same ground a patch, however many there are: what differs is what lies elsewhere
            pyogrio.raw.write(
                source,
                shapely.to_wkb(squares),
                [numbers],
                ["BSM"],
                geometry_type="Polygon",
                crs="EPSG:4326",
                driver="GPKG",
            )
            start = time.perf_counter()
            layer = add_layer(source, folder, "grassland", name=f"g{count}").layer
            found[f"add_rows_s_{count}"] = count / (time.perf_counter() - start)
            if layer is None:
                sys.exit("the layer was refused")
            corners = np.add(rng.uniform(0, side * 0.005, (PLACES, 2)), (115, 47))
            places = [shapely.box(x, y, x + 0.006, y + 0.006) for x, y in corners]
            crossings(places[0], (layer,))
            seconds = []
            for place in places:
                start = time.perf_counter()
                crossings(place, (layer,))
                seconds.append(time.perf_counter() - start)
            found[f"crossing_ms_{count}"] = float(np.median(seconds)) * 1e3
    return found


def _squares(count: int) -> tuple[Any, int]:
    side = int(count**0.5)
    west, south = (
        grid.ravel() * 0.005 for grid in np.meshgrid(115 / 0.005 + np.arange(side), 47 / 0.005 + np.arange(side))
    )
    return shapely.box(west, south, west + 0.004, south + 0.004), side


if __name__ == "__main__":
    print(json.dumps(measure(*(int(word) for word in sys.argv[1:]))))
