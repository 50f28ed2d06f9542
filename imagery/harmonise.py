"""Bands of other sensors brought to those of Sentinel-2, with published coefficients.

The reference is MSI of Sentinel-2A, so that a patrol on Sentinel-2 alone reads its own numbers, bit for bit. Two linear
steps lead there, both for surface reflectance:

1. TM and ETM+ to OLI: Roy et al. 2016, Characterization of Landsat-7 to Landsat-8 reflective wavelength and normalized
   difference vegetation index continuity, Remote Sensing of Environment 185, 57–70, doi:10.1016/j.rse.2015.12.024,
   table 2, reduced major axis regression of surface reflectance.
2. OLI to MSI: the inverse of the bandpass adjustment of HLS (Claverie et al. 2018, The Harmonized Landsat and
   Sentinel-2 surface reflectance data set, Remote Sensing of Environment 219, 145–161, doi:10.1016/j.rse.2018.09.002),
   Sentinel-2A column as published at https://hls.gsfc.nasa.gov/algorithms/bandpass-adjustment/, which says
   OLI = MSI · slope + offset.

HLS products are OLI-like already, S30 included, so they take step 2 once as Landsat 8 does, and nothing else.

Not corrected: Sentinel-2B and 2C against 2A (up to 1.6 % in swir22); the wide near infrared of Sentinel-2 (B08), for
which HLS has no coefficients: what is applied to ``nir`` is meant for the narrow B8A; TM against ETM+, whose bands are
taken as the same; sun and view angles; one atmospheric correction against another.
"""

from collections.abc import Mapping
from dataclasses import replace

from imagery.scene import Scene

Line = tuple[float, float]
"""Slope and offset: out = in · slope + offset, both reflectance 0–1."""

REFERENCE = "sentinel-2"

MSI_TO_OLI: Mapping[str, Line] = {
    "blue": (0.9778, -0.0040),
    "green": (1.0053, -0.0009),
    "red": (0.9765, 0.0009),
    "nir": (0.9983, -0.0001),
    "swir16": (0.9987, -0.0011),
    "swir22": (1.0030, -0.0012),
}
"""HLS bandpass adjustment, Sentinel-2A (Claverie et al. 2018; HLS user guide)."""

ETM_TO_OLI: Mapping[str, Line] = {
    "blue": (0.9785, -0.0095),
    "green": (0.9542, -0.0016),
    "red": (0.9825, -0.0022),
    "nir": (1.0073, -0.0021),
    "swir16": (1.0171, -0.0030),
    "swir22": (0.9949, 0.0029),
}
"""Roy et al. 2016, table 2. Reduced major axis, not least squares (nir 0.8462, +0.0412): least squares predicts a mean
and flattens contrast, so that dark water would come out at 0.06 in the near infrared and look like change."""

_OLI = frozenset({"landsat-8", "landsat-9", "hls-l30", "hls-s30"})
_TM = frozenset({"landsat-4", "landsat-5", "landsat-7"})


def to_reference(sensor: str, level: str, band: str) -> Line | None:
    """What brings a band to Sentinel-2A; None where it stays as it is.

    Only surface reflectance of known sensors is changed: for DN, for reflectance at the top of the atmosphere and for
    other sensors nothing was published that fits.

    Args:
        sensor: as in `Scene.sensor`.
        level: as in `Scene.level`.
        band: STAC common name.
    """
    if level != "SR" or band not in MSI_TO_OLI or sensor not in _OLI | _TM:
        return None
    slope, offset = MSI_TO_OLI[band]
    line = (1 / slope, -offset / slope)
    return _after(ETM_TO_OLI[band], line) if sensor in _TM else line


def _after(first: Line, second: Line) -> Line:
    return first[0] * second[0], first[1] * second[0] + second[1]


def harmonised(scene: Scene) -> Scene:
    """The scene with the scale and offset of its bands such that they read as Sentinel-2 would; itself if they do.

    A scene is harmonised once: what comes out must not be handed in again.
    """
    changed = {
        name: replace(asset, scale=asset.scale * line[0], offset=asset.offset * line[0] + line[1])
        for name, asset in scene.assets.items()
        if (line := to_reference(scene.sensor, scene.level, name)) is not None
    }
    return replace(scene, assets={**scene.assets, **changed}) if changed else scene
