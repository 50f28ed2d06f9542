"""Scratch images that an exam derives from real ones."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError

from pipelines.errors import PipelineError


def write_raster(path: Path, data: NDArray[Any], geobox: GeoBox, nodata: float | None) -> None:
    """Write a GeoTIFF; its folder is made when it is missing.

    Args:
        path: where.
        data: (C, H, W), or (H, W) for one band, in the pixel type of the file.
        geobox: its grid, with a CRS.
        nodata: value of pixels that were not observed; None where there is none.

    Raises:
        PipelineError: if it can not be written.
    """
    bands = np.atleast_3d(data.T).T
    profile = {
        "driver": "GTiff", "height": geobox.shape[0], "width": geobox.shape[1], "count": bands.shape[0],
        "dtype": bands.dtype.name, "crs": geobox.crs.to_wkt() if geobox.crs else None, "transform": geobox.affine,
        "nodata": nodata, "tiled": True, "compress": "deflate", "zlevel": 1,
    }  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(path, "w", **profile) as target:
            target.write(bands)
    except (OSError, RasterioError) as error:
        raise PipelineError(f"The scratch image {path} can not be written ({error}).") from error
