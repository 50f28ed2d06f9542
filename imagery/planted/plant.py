"""Plants violations and decoys into a real pair, and makes poorer images of rich ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from imagery.planted import decoys, transplants, violations
from imagery.planted.canvas import CHANGED, IGNORE, BoolArray, Canvas, FloatArray, Instance
from imagery.planted.materials import Palette, palette
from imagery.planted.violations import Planter


class PlantSpec(BaseModel):
    """How densely and how large changes are planted. The same spec, seed and images give the same pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    violations_per_km2: float = Field(default=2.2, ge=0, description="violations planted on a square kilometre")
    decoys_per_km2: float = Field(default=1.2, ge=0, description="decoys planted on a square kilometre")
    transplants_per_km2: float = Field(default=0, ge=0, description="pieces of real ground moved into one date")
    moved_per_km2: float = Field(default=0, ge=0, description="pieces of real ground moved in both, as decoys")
    appeared: float = Field(default=0.85, ge=0, le=1, description="share of them that appear; the others vanish")
    area_ha: tuple[float, float] = Field(default=(0.03, 12.0), description="smallest and largest change, hectares")
    median_ha: float = Field(default=0.5, gt=0, description="median area of a change, hectares (log-normal)")
    misregistration_px: float = Field(default=0.6, ge=0, le=1, description="largest shift between the dates, pixels")
    gain: float = Field(default=0.06, ge=0, description="spread of each band's gain between the dates")
    offset: float = Field(default=0.005, ge=0, description="spread of each band's offset, reflectance")
    noise: float = Field(default=0.002, ge=0, description="largest deviation of noise added to a date, reflectance")


@dataclass(frozen=True)
class Planted:
    """A pair that was planted into."""

    before: FloatArray
    """(C, H, W) reflectance or DN, NaN = not observed."""

    after: FloatArray
    label: NDArray[np.uint8]
    """(H, W) 0 unchanged, 1 planted change, 255 unknown."""

    burnt: BoolArray
    instance: NDArray[np.int16]
    """(H, W) number of the violation; 0 = none."""

    instances: tuple[Instance, ...]
    bands: tuple[str, ...]
    gsd_m: float
    reflectance: bool = True


def plant(
    before: FloatArray,
    after: FloatArray,
    bands: tuple[str, ...],
    gsd_m: float,
    rng: Generator,
    spec: PlantSpec,
    shaky: BoolArray | None = None,
) -> Planted:
    """Paint violations and decoys into a pair of real images.

    What really changed between them keeps its place: the caller knows where that may be, and leaves it out of the loss.

    Args:
        before: (C, H, W) reflectance, NaN = not observed; untouched.
        after: the same bands and grid; may be the same image.
        bands: STAC names; green, red and nir are among them.
        gsd_m: pixel size.
        rng: source of chance.
        spec: how much.
        shaky: (H, W) True where something may really have changed; pieces moved in both dates are not taken there.
    """
    canvas = Canvas(_jittered(before, rng, spec), _jittered(after, rng, spec), bands, gsd_m, rng)
    colours = palette(canvas)
    km2 = before[0].size * gsd_m**2 / 1e6
    if spec.transplants_per_km2 or spec.moved_per_km2:
        _transplant(canvas, transplants.ground_of(canvas, shaky), km2, spec)
    _scatter(canvas, colours, decoys.DECOYS, decoys.SHARES, _about(rng, spec.decoys_per_km2 * km2), spec)
    _scatter(
        canvas, colours, violations.VIOLATIONS, violations.SHARES, _about(rng, spec.violations_per_km2 * km2), spec
    )
    return _finished(canvas, rng, spec)


def _transplant(canvas: Canvas, ground: transplants.Ground, km2: float, spec: PlantSpec) -> None:
    rng = canvas.rng
    for _ in range(_about(rng, spec.moved_per_km2 * km2)):
        transplants.moved(canvas, ground, _area_m2(rng, spec))
    for _ in range(_about(rng, spec.transplants_per_km2 * km2)):
        kind = transplants.appeared if rng.random() < spec.appeared else transplants.vanished
        kind(canvas, ground, _area_m2(rng, spec))


def _area_m2(rng: Generator, spec: PlantSpec) -> float:
    return float(np.clip(rng.lognormal(np.log(spec.median_ha), 1.15), *spec.area_ha)) * 1e4


def _about(rng: Generator, mean: float) -> int:
    """Dense in one place, sparse in another."""
    return round(mean * rng.uniform(0.4, 1.6))


def _jittered(image: FloatArray, rng: Generator, spec: PlantSpec) -> FloatArray:
    gain = 1 + rng.normal(0, spec.gain / 2, (len(image), 1, 1)) + rng.normal(0, spec.gain / 2)
    out = image * gain.astype(np.float32) + rng.normal(0, spec.offset, (len(image), 1, 1)).astype(np.float32)
    out += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, spec.noise))
    return np.asarray(np.maximum(out, 0.0005), np.float32)


def _scatter(
    canvas: Canvas,
    colours: Palette,
    kinds: Mapping[str, Planter],
    shares: Mapping[str, float],
    count: int,
    spec: PlantSpec,
) -> None:
    names = list(kinds)
    chance = np.array([shares[name] for name in names])
    for name in canvas.rng.choice(names, count, p=chance / chance.sum()):
        kinds[str(name)](canvas, colours, _area_m2(canvas.rng, spec))


def _finished(canvas: Canvas, rng: Generator, spec: PlantSpec) -> Planted:
    if rng.random() < 0.3:
        decoys.stripes(canvas.after, rng, canvas.gsd_m)
    after = canvas.after
    if rng.random() < 0.7 and spec.misregistration_px > 0:
        shift = rng.uniform(-spec.misregistration_px, spec.misregistration_px, 2)
        after = decoys.misregister(after, (float(shift[0]), float(shift[1])))
    return Planted(
        canvas.before,
        after,
        canvas.label,
        canvas.burnt,
        canvas.instance,
        tuple(canvas.instances),
        canvas.bands,
        canvas.gsd_m,
    )


def without(planted: Planted, missing: frozenset[str]) -> Planted:
    """The same pair as a sensor sees it that lacks bands: they are NaN at both dates."""
    index = [place for place, band in enumerate(planted.bands) if band in missing]
    before, after = planted.before.copy(), planted.after.copy()
    before[index] = np.nan
    after[index] = np.nan
    return replace(planted, before=before, after=after)


def coarser(planted: Planted, factor: int) -> Planted:
    """The same pair at a multiple of the pixel size; a label is kept where most of a pixel has it."""
    height, width = (size // factor * factor for size in planted.label.shape)

    def blocks(array: np.ndarray) -> np.ndarray:
        cut = array[..., :height, :width]
        return cut.reshape(*cut.shape[:-2], height // factor, factor, width // factor, factor)

    changed, unknown = (blocks(planted.label == value).mean(axis=(-3, -1)) for value in (CHANGED, IGNORE))
    label = np.where(changed > 0.5, CHANGED, np.where(changed + unknown > 0.05, IGNORE, 0)).astype(np.uint8)
    middle = factor // 2
    instance = blocks(planted.instance)[..., middle, :, middle] * (label == CHANGED)
    return replace(
        planted,
        before=blocks(planted.before).mean(axis=(-3, -1)).astype(np.float32),
        after=blocks(planted.after).mean(axis=(-3, -1)).astype(np.float32),
        label=label,
        burnt=blocks(planted.burnt).mean(axis=(-3, -1)) > 0.5,
        instance=instance.astype(np.int16),
        gsd_m=planted.gsd_m * factor,
    )


def stretched(planted: Planted, rng: Generator) -> Planted:
    """The same pair as 8-bit pictures: each band of a date stretched between its percentiles, as offices get them."""

    def picture(image: FloatArray) -> FloatArray:
        out = np.full_like(image, np.nan)
        for band, target in zip(image, out, strict=True):
            if np.isfinite(band).any():
                low, high = np.nanpercentile(band[::3, ::3], (rng.uniform(0.2, 2), rng.uniform(97.5, 99.8)))
                target[:] = np.round(np.clip((band - low) / max(high - low, 1e-4), 0, 1) * 254 + 1)
        return out

    return replace(planted, before=picture(planted.before), after=picture(planted.after), reflectance=False)
