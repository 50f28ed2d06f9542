"""What each pure cover reflects in the six bands, and how that differs from world to world and day to day.

Typical Sentinel-2 surface reflectances in the ranges of the public libraries (USGS splib07, ECOSTRESS/ASTER) and of
published work on Inner Mongolian steppe (dark chestnut soils, litter with its cellulose dip in SWIR, salt crusts).
They are rounded to be plausible together; nothing was measured for this project.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.random import default_rng

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
    "old_snow": (0.560, 0.560, 0.545, 0.480, 0.105, 0.075, 0.080),
    "ice": (0.340, 0.350, 0.325, 0.240, 0.050, 0.034, 0.080),
    "chernozem": (0.040, 0.048, 0.060, 0.098, 0.162, 0.146, 0.045),
    "peat": (0.030, 0.036, 0.046, 0.082, 0.105, 0.080, 0.050),
    "clay": (0.085, 0.118, 0.172, 0.232, 0.300, 0.252, 0.050),
    "bloom_water": (0.040, 0.088, 0.052, 0.215, 0.040, 0.022, 0.060),
    "pine": (0.020, 0.037, 0.024, 0.240, 0.110, 0.050, 0.110),
    "yellow_larch": (0.034, 0.072, 0.086, 0.255, 0.160, 0.078, 0.110),
    "bare_larch": (0.040, 0.054, 0.068, 0.138, 0.172, 0.116, 0.110),
    "maize": (0.027, 0.058, 0.030, 0.430, 0.200, 0.092, 0.025),
    "fresh_gravel": (0.185, 0.220, 0.252, 0.300, 0.352, 0.332, 0.070),
    "tailings": (0.200, 0.228, 0.250, 0.278, 0.300, 0.268, 0.040),
    "ash": (0.118, 0.126, 0.134, 0.150, 0.205, 0.208, 0.090),
    "grey_roof": (0.150, 0.160, 0.168, 0.190, 0.205, 0.195, 0.120),
    "white_roof": (0.420, 0.440, 0.450, 0.470, 0.410, 0.370, 0.120),
    "brown_roof": (0.072, 0.082, 0.102, 0.150, 0.190, 0.182, 0.120),
    "green_roof": (0.088, 0.160, 0.110, 0.200, 0.235, 0.220, 0.120),
    "solar_panel": (0.078, 0.066, 0.060, 0.092, 0.082, 0.070, 0.100),
    "tarpaulin": (0.190, 0.150, 0.105, 0.330, 0.265, 0.200, 0.100),
    "greenhouse": (0.265, 0.290, 0.275, 0.420, 0.330, 0.240, 0.100),
}

ENDMEMBERS: tuple[str, ...] = tuple(_TABLE)
"""Names of the pure covers, in the order of `TABLE`."""

INDEX: Mapping[str, int] = MappingProxyType({name: place for place, name in enumerate(ENDMEMBERS)})

TABLE: FloatArray = np.array([_TABLE[name] for name in ENDMEMBERS], dtype=np.float32).T.copy()
"""(7, K): six reflectances 0–1 in the order of `imagery.scene.BANDS`, then the relative amplitude of texture."""

TINT: FloatArray = np.array(
    [[1.0, 0.9, 0.9, -0.5, -0.1, 0.3], [0.3, 0.1, -0.2, 0.9, 1.0, 1.0]],
    dtype=np.float32,
)
"""(2, 6): two ways in which natural covers vary, as relative loadings: greener–browner, and drier–wetter."""

SOILS: tuple[str, ...] = ("chestnut_soil", "sand", "tilled", "chernozem", "peat", "clay", "spoil", "gravel", "stubble")
"""Covers that darken when rain has wetted them."""

_WET = np.array([0.40, 0.40, 0.42, 0.45, 0.55, 0.60], dtype=np.float32)
"""How much of its brightness soaked soil loses by band (about half, most in SWIR: Lobell and Asner 2002)."""


def spectra_of(seed: int, variety: float) -> FloatArray:
    """The spectra of one world: `TABLE`, each cover a little brighter, darker, redder or bluer.

    Args:
        seed: of the world.
        variety: 0 = `TABLE` as it is, 1 = as far apart as regions of the steppe are (about 12 % in brightness).

    Returns:
        (7, K) as `TABLE`.
    """
    if variety <= 0:
        return TABLE
    rng = default_rng([seed, 808])
    count = TABLE.shape[1]
    bright, slope = rng.normal(0, 0.12, count), rng.normal(0, 0.06, count)
    loose = rng.normal(0, 0.035, (6, count))
    change = variety * np.clip(bright + np.linspace(-1, 1, 6)[:, None] * slope + loose, -0.35, 0.35)
    table = TABLE.copy()
    table[:6] = np.clip(table[:6] * np.exp(change), 0.003, 0.92)
    return table


def wetted(table: FloatArray, wetness: float) -> FloatArray:
    """The spectra on a day on which bare soil is wet.

    Args:
        table: (7, K) of the world.
        wetness: 0 = dry, 1 = soaked.
    """
    if wetness <= 0:
        return table
    wet = table.copy()
    wet[:6, [INDEX[name] for name in SOILS]] *= (1 - np.float32(wetness) * _WET)[:, None]
    return wet
