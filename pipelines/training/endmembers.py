"""What the surface head learns the kinds of surface from: typical spectra of pure covers around the world.

Rounded typical surface reflectances in the six bands, in the ranges of the public libraries (USGS splib07,
ECOSTRESS/ASTER) and of published work on burns, turbid water and soils. They need not be exact: each one is varied in
brightness, slope and band by band before it is used. Nothing was read off an image that anything is measured on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.types import FloatArray, Surface

_TABLE: dict[Surface, dict[str, tuple[float, ...]]] = {
    Surface.WATER: {
        "clear_lake": (0.022, 0.020, 0.012, 0.008, 0.004, 0.003),
        "coast": (0.050, 0.045, 0.022, 0.010, 0.005, 0.004),
        "tannic": (0.012, 0.013, 0.012, 0.013, 0.007, 0.005),
        "green_lake": (0.030, 0.052, 0.030, 0.026, 0.008, 0.006),
        "turquoise_pit": (0.075, 0.095, 0.052, 0.020, 0.009, 0.007),
        "shallow": (0.075, 0.100, 0.090, 0.048, 0.016, 0.011),
        "turbid": (0.070, 0.100, 0.105, 0.055, 0.014, 0.010),
        "very_turbid": (0.095, 0.138, 0.168, 0.120, 0.032, 0.022),
        "fresh_flood": (0.055, 0.078, 0.085, 0.072, 0.030, 0.022),
        "tailings_pond": (0.120, 0.140, 0.130, 0.070, 0.020, 0.014),
        "ruffled": (0.075, 0.072, 0.065, 0.058, 0.050, 0.042),
    },
    Surface.WET_VEGETATION: {
        "reed": (0.030, 0.058, 0.036, 0.320, 0.135, 0.060),
        "marsh": (0.038, 0.060, 0.045, 0.220, 0.110, 0.055),
        "mangrove": (0.028, 0.050, 0.030, 0.290, 0.110, 0.042),
        "bog": (0.040, 0.068, 0.060, 0.240, 0.145, 0.072),
        "young_rice": (0.045, 0.070, 0.052, 0.200, 0.080, 0.038),
    },
    Surface.TREE: {
        "larch": (0.021, 0.041, 0.023, 0.275, 0.115, 0.048),
        "spruce": (0.017, 0.030, 0.018, 0.195, 0.085, 0.036),
        "pine": (0.025, 0.041, 0.030, 0.230, 0.125, 0.057),
        "broadleaf": (0.024, 0.048, 0.025, 0.380, 0.170, 0.072),
        "tropical": (0.020, 0.044, 0.020, 0.335, 0.140, 0.052),
        "evergreen_shrub": (0.033, 0.052, 0.044, 0.215, 0.170, 0.088),
        "leafless": (0.040, 0.052, 0.060, 0.165, 0.175, 0.102),
    },
    Surface.GRASS: {
        "green_grass": (0.036, 0.072, 0.044, 0.370, 0.215, 0.105),
        "lush_meadow": (0.030, 0.066, 0.034, 0.440, 0.205, 0.088),
        "lawn": (0.042, 0.080, 0.050, 0.400, 0.220, 0.115),
        "dry_grass": (0.078, 0.108, 0.145, 0.255, 0.325, 0.230),
        "savanna": (0.062, 0.092, 0.118, 0.250, 0.290, 0.185),
        "straw_yellow": (0.095, 0.140, 0.195, 0.320, 0.380, 0.270),
        "sparse_steppe": (0.068, 0.095, 0.112, 0.220, 0.265, 0.190),
    },
    Surface.CROP: {
        "crop": (0.026, 0.062, 0.027, 0.470, 0.195, 0.088),
        "maize": (0.030, 0.064, 0.034, 0.430, 0.205, 0.092),
        "rape_flower": (0.048, 0.155, 0.130, 0.430, 0.215, 0.105),
        "young_crop": (0.050, 0.085, 0.070, 0.310, 0.225, 0.145),
        "ripe_crop": (0.080, 0.120, 0.168, 0.295, 0.350, 0.245),
        "stubble": (0.092, 0.122, 0.165, 0.260, 0.345, 0.268),
    },
    Surface.DARK_BARE: {
        "chestnut_soil": (0.075, 0.098, 0.125, 0.180, 0.255, 0.225),
        "tilled": (0.055, 0.068, 0.084, 0.130, 0.200, 0.178),
        "black_soil": (0.036, 0.045, 0.056, 0.090, 0.145, 0.130),
        "wet_soil": (0.040, 0.052, 0.066, 0.100, 0.120, 0.092),
        "mud": (0.080, 0.100, 0.116, 0.142, 0.125, 0.088),
        "peat": (0.030, 0.040, 0.054, 0.105, 0.140, 0.108),
        "coal": (0.036, 0.038, 0.042, 0.052, 0.070, 0.068),
        "basalt": (0.062, 0.070, 0.079, 0.100, 0.130, 0.122),
        "dark_red_earth": (0.038, 0.060, 0.120, 0.200, 0.285, 0.245),
        "rock": (0.100, 0.122, 0.145, 0.190, 0.250, 0.228),
    },
    Surface.BRIGHT_BARE: {
        "sand": (0.125, 0.175, 0.235, 0.310, 0.395, 0.355),
        "dune": (0.160, 0.230, 0.320, 0.420, 0.520, 0.480),
        "beach": (0.260, 0.330, 0.385, 0.440, 0.490, 0.440),
        "saline": (0.255, 0.295, 0.330, 0.385, 0.360, 0.275),
        "salt_crust": (0.430, 0.480, 0.500, 0.520, 0.360, 0.220),
        "gravel": (0.130, 0.165, 0.202, 0.258, 0.318, 0.298),
        "spoil": (0.150, 0.188, 0.232, 0.290, 0.355, 0.330),
        "limestone_pit": (0.225, 0.275, 0.320, 0.380, 0.420, 0.360),
        "loess": (0.110, 0.155, 0.205, 0.285, 0.365, 0.325),
        "levelled_clay": (0.092, 0.140, 0.202, 0.290, 0.380, 0.315),
        "laterite": (0.058, 0.100, 0.215, 0.310, 0.410, 0.355),
    },
    Surface.BUILT: {
        "concrete": (0.195, 0.228, 0.258, 0.300, 0.330, 0.308),
        "old_concrete": (0.140, 0.158, 0.176, 0.210, 0.228, 0.212),
        "asphalt": (0.088, 0.098, 0.108, 0.130, 0.150, 0.140),
        "grey_town": (0.115, 0.128, 0.140, 0.180, 0.190, 0.168),
        "blue_roof": (0.215, 0.215, 0.175, 0.245, 0.265, 0.245),
        "red_roof": (0.080, 0.092, 0.168, 0.240, 0.285, 0.262),
        "tile_roof": (0.085, 0.112, 0.180, 0.245, 0.300, 0.280),
        "metal_roof": (0.345, 0.365, 0.375, 0.395, 0.395, 0.365),
        "white_roof": (0.500, 0.520, 0.530, 0.525, 0.430, 0.350),
        "dark_roof": (0.062, 0.066, 0.072, 0.090, 0.112, 0.106),
        "bitumen_roof": (0.072, 0.078, 0.085, 0.108, 0.140, 0.146),
        "brown_roof": (0.058, 0.068, 0.105, 0.160, 0.225, 0.228),
        "slate_roof": (0.060, 0.066, 0.072, 0.092, 0.100, 0.092),
        "shaded_street": (0.034, 0.036, 0.038, 0.060, 0.064, 0.056),
        "solar_panels": (0.052, 0.054, 0.056, 0.080, 0.125, 0.130),
        "plastic_house": (0.225, 0.250, 0.255, 0.360, 0.300, 0.245),
    },
    Surface.BURNT: {
        "grass_char": (0.030, 0.035, 0.041, 0.056, 0.095, 0.115),
        "char": (0.036, 0.041, 0.049, 0.068, 0.135, 0.155),
        "forest_char": (0.026, 0.032, 0.040, 0.075, 0.160, 0.180),
        "old_forest_burn": (0.040, 0.054, 0.068, 0.110, 0.225, 0.220),
        "char_on_soil": (0.050, 0.064, 0.084, 0.118, 0.205, 0.222),
        "scorched_soil": (0.085, 0.116, 0.156, 0.202, 0.300, 0.318),
        "grey_ash": (0.095, 0.106, 0.118, 0.145, 0.200, 0.222),
    },
    Surface.SNOW: {
        "snow": (0.840, 0.830, 0.810, 0.740, 0.120, 0.080),
        "old_snow": (0.600, 0.600, 0.580, 0.500, 0.100, 0.070),
        "dirty_snow": (0.380, 0.400, 0.400, 0.350, 0.090, 0.065),
        "white_ice": (0.500, 0.520, 0.480, 0.320, 0.050, 0.038),
        "grey_ice": (0.250, 0.270, 0.240, 0.150, 0.025, 0.020),
    },
    Surface.BLOOM: {
        "scum": (0.034, 0.085, 0.045, 0.240, 0.045, 0.024),
        "thick_scum": (0.040, 0.105, 0.055, 0.340, 0.080, 0.036),
        "streaks": (0.032, 0.068, 0.035, 0.115, 0.016, 0.010),
    },
}


_SELDOM = {
    "ripe_crop": 0.25, "stubble": 0.25, "ruffled": 0.35, "salt_crust": 0.4, "tailings_pond": 0.5, "grey_ash": 0.4,
    "scorched_soil": 0.5,
}  # fmt: skip
"""Covers drawn less often than others of their kind; yellow fields look like dry grass, of which there is more."""


@dataclass(frozen=True)
class Library:
    """Pure covers as arrays."""

    names: tuple[str, ...]
    spectra: FloatArray
    """(K, 6) reflectance 0–1, in the order of `detectors.core.spectral.BANDS`."""

    odds: NDArray[np.float64]
    """(12, K) for each `Surface`, how often each cover stands for it; rows sum to 1, that of UNKNOWN to 0."""


def _library() -> Library:
    rows = [(name, code, values) for code, covers in _TABLE.items() for name, values in covers.items()]
    names = tuple(name for name, _, _ in rows)
    weight = np.array([_SELDOM.get(name, 1.0) for name in names])
    kinds = np.array([code for _, code, _ in rows])
    odds = np.stack([weight * (kinds == code) for code in range(max(Surface) + 1)])
    odds /= np.maximum(odds.sum(axis=1, keepdims=True), 1e-9)
    return Library(names, np.array([values for _, _, values in rows], np.float32), odds)


LIBRARY = _library()
