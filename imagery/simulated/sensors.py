"""The sensors that can look at a simulated world: sampling, bands, radiometry and noise of each.

The ground is always rendered at `render_m`, which is fine enough for true mixing, and averaged to the sensor's pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from imagery.simulated.classification import classify, means
from imagery.simulated.noise import FloatArray
from imagery.simulated.sky import Look, Veil
from imagery.simulated.spec import SteppeSpec

_ONES, _ZEROS = (1.0,) * 6, (0.0,) * 6


@dataclass(frozen=True)
class Seen:
    """What one date shows of one window."""

    fine: FloatArray
    """(C, H, W) reflectance 0–1 of the bands at the sensor's own pixel size, in the order of `Camera.fine`."""

    coarse: FloatArray
    """(2, H/2, W/2) swir16 and swir22 of Sentinel-2; no band otherwise."""

    classes: NDArray[np.uint8] | None
    """Scene classification in Sen2Cor's codes, at 20 m for Sentinel-2; None where the product has no mask."""


@dataclass(frozen=True)
class Camera:
    """One sensor."""

    name: str
    fine: tuple[int, ...]
    """Places of its bands in `imagery.scene.BANDS`, at its own pixel size."""

    masked: bool
    """Whether its product brings a mask of clouds."""

    noise: tuple[float, float] = (0.0007, 0.005)
    """Standard deviation: a floor, and the part of the signal that is added to it."""

    slope: tuple[float, ...] = _ONES
    offset: tuple[float, ...] = _ZEROS
    """Its bands from those of Sentinel-2: band * slope + offset."""

    calibration: float = 0.0
    """Relative error of a date's bands beyond that of `Look.gain`, standard deviation."""

    step: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Rendered pixels along a pixel of the sensor, by pixel size in metres; 1 where not named."""


CAMERAS: Mapping[str, Camera] = MappingProxyType(
    {
        camera.name: camera
        for camera in (
            Camera("sentinel-2", (0, 1, 2, 3), True),
            # OLI from MSI: Claverie et al. 2018 (HLS), table of Sentinel-2A; its nir is the narrow band 8A, ours is 8
            Camera(
                "landsat",
                (0, 1, 2, 3, 4, 5),
                True,
                slope=(0.9778, 1.0053, 0.9765, 0.9983, 0.9987, 1.0030),
                offset=(-0.0040, -0.0009, 0.0009, -0.0001, -0.0011, -0.0012),
                step={30: 3},
            ),
            Camera("gaofen", (0, 1, 2, 3), False, noise=(0.0018, 0.010), calibration=0.03, step={16: 2}),
            Camera("dom", (2, 1, 0, 3), False, noise=(0.0015, 0.012), calibration=0.04),
        )
    }
)


def camera_of(spec: SteppeSpec) -> Camera:
    """The sensor that looks at a world."""
    return CAMERAS[spec.sensor]


def step_of(spec: SteppeSpec) -> int:
    """Rendered pixels along one pixel of the sensor."""
    return CAMERAS[spec.sensor].step.get(spec.gsd_m, 1)


def expose(bands: FloatArray, veil: Veil, spec: SteppeSpec, look: Look, rng: np.random.Generator) -> Seen:
    """What the sensor makes of the light that reaches it.

    Args:
        bands: (6, H, W) reflectance at the top of the simulated air, rendered pixels.
        veil: the air, the same shape.
        spec: of the world.
        look: the date.
        rng: of the noise.
    """
    camera, step = camera_of(spec), step_of(spec)
    if spec.sensor == "sentinel-2":
        swir = means(bands[4:], 2)
        scl = classify(np.concatenate([means(bands[:4], 2), swir]), veil)
        return Seen(_noisy(bands[:4], camera, rng), _noisy(swir, camera, rng), scl)
    seen = means(bands, step)
    none = np.empty((0, 0, 0), np.float32)
    classes = classify(seen, veil, step) if camera.masked else None
    places = list(camera.fine if spec.sensor != "dom" else camera.fine[: spec.dom_bands])
    error = np.random.default_rng([spec.seed, 909, look.index]).normal(0, 1, 6) * camera.calibration
    slope = (np.array(camera.slope) * (1 + error)).astype(np.float32)
    seen = seen[places] * slope[places, None, None] + np.array(camera.offset, np.float32)[places, None, None]
    return Seen(_noisy(seen, camera, rng), none, classes)


def _noisy(bands: FloatArray, camera: Camera, rng: np.random.Generator) -> FloatArray:
    """With the sensor's noise: a floor and a part that grows with the signal (Sentinel-2: SNR above 150)."""
    grain = rng.standard_normal(bands.shape, dtype=np.float32)
    grain *= np.float32(camera.noise[0]) + np.float32(camera.noise[1]) * bands
    grain += bands
    return grain
