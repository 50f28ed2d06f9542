"""What each pure cover reflects in the six bands.

Typical Sentinel-2 surface reflectances in the ranges of the public libraries (USGS splib07, ECOSTRESS/ASTER) and of
published work on Inner Mongolian steppe (dark chestnut soils, litter with its cellulose dip in SWIR, salt crusts).
They are rounded to be plausible together; nothing was measured for this project.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from imagery.simulated.noise import FloatArray

#                   blue   green  red    nir    swir16 swir22 texture
_TABLE: Mapping[str, tuple[float, ...]] = {
    "green_grass": (0.036, 0.072, 0.044, 0.370, 0.215, 0.105, 0.050),
    "lush_meadow": (0.027, 0.064, 0.030, 0.450, 0.190, 0.080, 0.045),
    "dry_grass": (0.078, 0.108, 0.145, 0.255, 0.325, 0.230, 0.045),
    "chestnut_soil": (0.075, 0.098, 0.125, 0.180, 0.255, 0.225, 0.055),
    "sand": (0.125, 0.175, 0.235, 0.310, 0.395, 0.355, 0.060),
    "saline": (0.255, 0.295, 0.330, 0.385, 0.360, 0.275, 0.090),
    "clear_water": (0.046, 0.042, 0.026, 0.013, 0.007, 0.005, 0.020),
    "turbid_water": (0.072, 0.093, 0.083, 0.043, 0.012, 0.008, 0.030),
    "mud": (0.080, 0.100, 0.116, 0.142, 0.125, 0.088, 0.060),
    "reed": (0.030, 0.058, 0.036, 0.320, 0.135, 0.060, 0.060),
    "dead_reed": (0.070, 0.095, 0.125, 0.220, 0.230, 0.150, 0.060),
    "crop": (0.026, 0.062, 0.027, 0.470, 0.195, 0.088, 0.020),
    "rape_flower": (0.048, 0.155, 0.130, 0.430, 0.215, 0.105, 0.020),
    "ripe_crop": (0.080, 0.120, 0.168, 0.295, 0.350, 0.245, 0.020),
    "stubble": (0.092, 0.122, 0.165, 0.260, 0.345, 0.268, 0.025),
    "tilled": (0.055, 0.068, 0.084, 0.130, 0.200, 0.178, 0.040),
    "larch": (0.021, 0.041, 0.023, 0.275, 0.115, 0.048, 0.110),
    "blue_roof": (0.215, 0.215, 0.175, 0.245, 0.265, 0.245, 0.120),
    "red_roof": (0.080, 0.092, 0.168, 0.240, 0.285, 0.262, 0.120),
    "concrete": (0.195, 0.228, 0.258, 0.300, 0.330, 0.308, 0.080),
    "gravel": (0.130, 0.165, 0.202, 0.258, 0.318, 0.298, 0.060),
    "asphalt": (0.088, 0.098, 0.108, 0.130, 0.150, 0.140, 0.050),
    "coal": (0.036, 0.038, 0.042, 0.052, 0.070, 0.068, 0.160),
    "spoil": (0.150, 0.188, 0.232, 0.290, 0.355, 0.330, 0.110),
    "rock": (0.110, 0.135, 0.160, 0.205, 0.265, 0.240, 0.120),
    "char": (0.036, 0.041, 0.049, 0.068, 0.135, 0.155, 0.090),
    "snow": (0.840, 0.830, 0.810, 0.740, 0.120, 0.080, 0.060),
}

ENDMEMBERS: tuple[str, ...] = tuple(_TABLE)
"""Names of the pure covers, in the order of `TABLE`."""

INDEX: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(ENDMEMBERS)})

TABLE: FloatArray = np.array([_TABLE[name] for name in ENDMEMBERS], dtype=np.float32).T.copy()
"""(7, K): six reflectances 0–1 in the order of `imagery.scene.BANDS`, then the relative amplitude of texture."""

BAND_FILES: tuple[str, ...] = ("B02", "B03", "B04", "B08", "B11", "B12")
"""File stems, in the same order."""

COARSE_FILES: frozenset[str] = frozenset({"B11", "B12"})
"""Those that have 20 m pixels."""

TINT: FloatArray = np.array(
    [[1.0, 0.9, 0.9, -0.5, -0.1, 0.3], [0.3, 0.1, -0.2, 0.9, 1.0, 1.0]],
    dtype=np.float32,
)
"""(2, 6): two ways in which natural covers vary, as relative loadings: greener–browner, and drier–wetter."""
