"""Small pieces of ground through the years, from the simulator's own spectra and calendar: what models are tried on.

A plain module; `tests/detectors/conftest.py` loads it by its path and offers it as the fixture `ground`. A *cover*
says what a place is made of on a day, (day, dry) → shares of pure covers; a *canvas* lays covers side by side; a
*weather* holds what differs from look to look. `series` and `years` give what a judge and a survey are handed.
"""

import datetime as dt
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import ndimage

from detectors.core.history import PatchSeries, Season, Years
from imagery.simulated.phenology import CROPS, Crop, greenness, larch
from imagery.simulated.spectra import INDEX, spectra_of, wetted

Mixture = Mapping[str, float]
Cover = Callable[[dt.date, float], Mixture]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
RED_EDGE = ("rededge1", "rededge2", "rededge3")

OATS = Crop("oats", 168, 192, 0, 262, 270)
"""Green forage: sown early in June, still green at an inspection in September."""


# --- covers ----------------------------------------------------------------------------------------------------------


def grass(dense: float = 0.75, soil: str = "chestnut_soil", late_days: int = 0) -> Cover:
    """Steppe, as `imagery.simulated.landcover` makes it; dry 1 = severe drought."""

    def cover(day: dt.date, dry: float) -> Mixture:
        green = greenness(day - dt.timedelta(days=late_days))
        alive = min(max(dense * green * (0.80 - 0.42 * dry), 0.02), 0.92)
        litter = (1 - alive) * (0.18 + 0.62 * dense)
        return {"green_grass": alive, "dry_grass": litter, soil: 1 - alive - litter}

    return cover


def meadow(mown: int | None = None) -> Cover:
    """Wet meadow; mown on that day of the year, every year."""

    def cover(day: dt.date, dry: float) -> Mixture:
        lush = greenness(day) * min(max(0.80 - 0.3 * dry, 0.2), 0.95)
        litter = 0.55
        if mown is not None and day.timetuple().tm_yday >= mown:
            lush, litter = lush * 0.38, 0.9
        return {"lush_meadow": lush, "dry_grass": (1 - lush) * litter, "mud": (1 - lush) * (1 - litter)}

    return cover


def mown(under: Cover, day_of_year: int = 232) -> Cover:
    """Grass cut for hay every year from a day of the year on."""

    def cover(day: dt.date, dry: float) -> Mixture:
        mix = dict(under(day, dry))
        if day.timetuple().tm_yday < day_of_year:
            return mix
        gone = 0.62 * mix["green_grass"]
        mix["green_grass"] -= gone
        mix["dry_grass"] += gone
        return mix

    return cover


def field_of(crop: Crop | str = "spring wheat", soil: str = "tilled", late_days: float = 0.0) -> Cover:
    """A field with the same crop every year; `rotation` for other ones."""
    chosen = crop if isinstance(crop, Crop) else next(one for one in CROPS if one.name == crop)

    def cover(day: dt.date, dry: float) -> Mixture:
        phase = chosen.phase(day, late_days)
        stand = 1 - 0.35 * max(dry, 0.0)
        green, flower, ripe = phase.green * stand, phase.flower * stand, phase.ripe * stand
        plant = "maize" if chosen.name == "maize" else "crop"
        mix = {plant: green, "rape_flower": flower, "ripe_crop": ripe, "stubble": phase.stubble}
        return mix | {soil: 1 - sum(mix.values())}

    return cover


def rotation(crops: Mapping[int, Crop | str], soil: str = "tilled") -> Cover:
    """A field with its crop by year."""
    covers = {year: field_of(crop, soil) for year, crop in crops.items()}
    return lambda day, dry: covers[day.year](day, dry)


def forest() -> Cover:
    """Larch."""

    def cover(day: dt.date, dry: float) -> Mixture:
        needles, green = larch(day), greenness(day)
        return {
            "larch": 0.85 * needles.green,
            "yellow_larch": 0.85 * needles.yellow,
            "bare_larch": 0.85 * needles.bare,
            "green_grass": 0.15 * green,
            "dry_grass": 0.15 * (1 - green),
        }

    return cover


def fixed(**mix: float) -> Cover:
    """The same all year: a gravel yard, roofs, spoil, water."""
    total = sum(mix.values())
    return lambda day, dry: {name: share / total for name, share in mix.items()}


def blend(one: Cover, share: float, other: Cover) -> Cover:
    """`share` of the second over the first: weeds over gravel, an opacity."""

    def cover(day: dt.date, dry: float) -> Mixture:
        first, second = one(day, dry), other(day, dry)
        names = {*first, *second}
        return {name: (1 - share) * first.get(name, 0.0) + share * second.get(name, 0.0) for name in names}

    return cover


def then(first: Cover, *changes: tuple[dt.date, Cover]) -> Cover:
    """One cover until a day, another from that day on; days ascending."""

    def cover(day: dt.date, dry: float) -> Mixture:
        now = first
        for since, other in changes:
            if day >= since:
                now = other
        return now(day, dry)

    return cover


def in_years(usual: Cover, years: Iterable[int], other: Cover) -> Cover:
    """Another cover in some years."""
    chosen = frozenset(years)
    return lambda day, dry: (other if day.year in chosen else usual)(day, dry)


CLOUD_PX = 6
"""Side of a blob of cloud."""

# --- where and when --------------------------------------------------------------------------------------------------


def box(shape: tuple[int, int], rows: slice, columns: slice) -> BoolArray:
    """A rectangle of pixels."""
    mask = np.zeros(shape, np.bool_)
    mask[rows, columns] = True
    return mask


def middle(shape: tuple[int, int], height: int, width: int) -> BoolArray:
    """A rectangle of pixels in the middle."""
    top, left = (shape[0] - height) // 2, (shape[1] - width) // 2
    return box(shape, slice(top, top + height), slice(left, left + width))


def ring_of(inside: BoolArray, pixels: int) -> BoolArray:
    """Within so many pixels, two clear of it."""
    far = ndimage.distance_transform_edt(~inside)
    return np.asarray((far > 2) & (far <= pixels + 2))


def dates(years: Iterable[int], first: tuple[int, int], last: tuple[int, int], step: int = 8) -> list[dt.date]:
    """Days of each year from a (month, day) to another."""
    found = []
    for year in years:
        day, end = dt.date(year, *first), dt.date(year, *last)
        while day <= end:
            found.append(day)
            day += dt.timedelta(days=step)
    return found


@dataclass(frozen=True)
class Weather:
    """What differs from look to look and from year to year."""

    seed: int = 0
    dry: Mapping[int, float] = field(default_factory=dict)
    """By year: −0.8 = lush, 0 = usual, 1 = severe drought."""

    rain: float = 0.5
    """How often and how far soil is wet: 0 = never."""

    lost: float = 0.15
    """Chance that a look is not there at all."""

    cloud: float = 0.12
    """Share of the pixels that a look does not see, in blobs."""

    haze: float = 0.02
    """Relative error of a look's brightness (what atmospheric correction leaves)."""

    noise: float = 0.006
    """Of a pixel, reflectance."""

    variety: float = 0.5
    """How far the spectra of this world lie from the table's, as `spectra_of`."""

    snow_until: Mapping[int, dt.date] = field(default_factory=dict)


@dataclass(frozen=True)
class Canvas:
    """Covers side by side."""

    background: Cover
    parts: Sequence[tuple[BoolArray, Cover]] = ()
    """Masks with their covers; a later one hides an earlier one."""

    shape: tuple[int, int] = (48, 48)
    uneven: float = 0.08
    """How far plant cover varies from place to place."""

    pixel_m: float = 10.0

    def look(self, day: dt.date, weather: Weather, rng: Generator) -> FloatArray:
        """(6, H, W) reflectance on a day, NaN = not observed."""
        dry = weather.dry.get(day.year, 0.0)
        table = wetted(_table(weather.seed, weather.variety), max(0.0, float(rng.uniform(-0.8, 0.9))) * weather.rain)
        thin, grain = _places(weather.seed, self.shape, self.uneven)
        out = np.empty((6, *self.shape), np.float32)
        for mask, cover in [(np.ones(self.shape, np.bool_), self.background), *self.parts]:
            mix = cover(day, dry)
            pure = sum(np.float32(share) * table[:, INDEX[name]] for name, share in mix.items())
            soil = table[:, INDEX["chestnut_soil"]]
            plants = _plants(mix)
            share = thin[mask] * np.float32(plants)
            mixed = (1 - share) * pure[:6, None] + share * soil[:6, None]
            out[:, mask] = mixed * (1 + pure[6] * grain[mask] * np.float32(0.7))
        # the sensor's own blur: a pixel holds a little of its neighbours
        edge = np.pad(out, ((0, 0), (1, 1), (1, 1)), mode="edge")
        beside = edge[:, 2:, 1:-1] + edge[:, :-2, 1:-1] + edge[:, 1:-1, 2:] + edge[:, 1:-1, :-2]
        out = np.float32(0.68) * out + np.float32(0.08) * beside
        out *= np.float32(1 + rng.normal(0, weather.haze))
        out += rng.normal(0, weather.noise, out.shape).astype(np.float32)
        out = np.maximum(out, np.float32(0.001))
        if weather.cloud > 0:
            cells = rng.normal(size=tuple(size // CLOUD_PX + 1 for size in self.shape))
            blobs = np.kron(cells, np.ones((CLOUD_PX, CLOUD_PX)))[: self.shape[0], : self.shape[1]]
            out[:, blobs > np.quantile(blobs, 1 - weather.cloud * rng.uniform(0, 2))] = np.nan
        return out


@cache
def _table(seed: int, variety: float) -> FloatArray:
    return np.asarray(spectra_of(seed, variety), np.float32)


@cache
def _places(seed: int, shape: tuple[int, int], uneven: float) -> tuple[FloatArray, FloatArray]:
    """Where plants are thin, and the grain of each pixel: the same on every look."""
    place = default_rng([seed, 7])
    smooth = ndimage.gaussian_filter(place.normal(size=shape), 4.0)
    thin = np.clip(uneven * (1 + smooth / (smooth.std() + 1e-9)), 0, 0.4).astype(np.float32)
    return thin, place.normal(size=shape).astype(np.float32)


def _plants(mix: Mixture) -> float:
    names = ("green_grass", "lush_meadow", "crop", "maize", "reed")
    return sum(mix.get(name, 0.0) for name in names)


def series(
    canvas: Canvas,
    inside: BoolArray,
    days: Sequence[dt.date],
    weather: Weather | None = None,
    *,
    ring_px: int = 12,
    last_before: dt.date | None = None,
    first_seen: dt.date | None = None,
    transition: int = 0,
    **other: Any,
) -> PatchSeries:
    """What a judge is handed of a patch on a canvas; days that are lost are not in it."""
    sky = weather or Weather()
    rng = default_rng([sky.seed, 11])
    kept, looks = [], []
    for day in sorted(days):
        look = canvas.look(day, sky, rng)
        if rng.random() >= sky.lost:
            kept.append(day)
            looks.append(look)
    values = np.stack(looks) if looks else np.empty((0, 6, *canvas.shape), np.float32)
    return PatchSeries(
        values=values,
        bands=BANDS,
        days=tuple(kept),
        inside=inside,
        ring=ring_of(inside, ring_px),
        pixel_m=canvas.pixel_m,
        last_before=last_before,
        first_seen=first_seen,
        transition=transition,
        **other,
    )


def with_red_edge(made: PatchSeries) -> PatchSeries:
    """The same with red-edge bands between red and near infrared, as leaves and soils have them."""
    red, nir = made.values[:, 2], made.values[:, 3]
    edges = np.stack([red + share * (nir - red) for share in (0.12, 0.62, 0.85)], axis=1)
    values = np.concatenate([made.values, edges], axis=1)
    return PatchSeries(**{**vars(made), "values": values, "bands": (*made.bands, *RED_EDGE)})


def years(
    canvas: Canvas,
    season: Season,
    of: Sequence[int],
    weather: Weather | None = None,
    *,
    choose: str = "latest",
    ground: BoolArray | None = None,
    step: int = 6,
) -> Years:
    """A survey's yearly composites of a canvas: each pixel takes one look of the season, as `choose` says."""
    sky = weather or Weather()
    rng = default_rng([sky.seed, 13])
    values = np.full((len(of), 6, *canvas.shape), np.nan, np.float32)
    ordinals = np.zeros((len(of), *canvas.shape), np.int64)
    for row, year in enumerate(of):
        candidates = [day for day in dates([year], season.first, season.last, step) if rng.random() >= sky.lost]
        looks = [canvas.look(day, sky, rng) for day in candidates]
        if looks:
            values[row], ordinals[row] = _chosen(np.stack(looks), candidates, choose)
    area = np.ones(canvas.shape, np.bool_) if ground is None else ground
    return Years(values, BANDS, tuple(of), ordinals, area, canvas.pixel_m)


def _chosen(looks: FloatArray, days: Sequence[dt.date], choose: str) -> tuple[FloatArray, NDArray[np.int64]]:
    """(6, H, W) and (H, W): the look that each pixel takes."""
    seen = np.isfinite(looks).all(axis=1)
    order = np.arange(len(days), dtype=np.float32)[:, None, None] + np.zeros_like(looks[:, 0])
    if choose == "median":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all NaN is a NaN, and that is meant
            value = np.asarray(np.nanmedian(looks, axis=0), np.float32)
        last = len(days) - 1 - np.argmax(seen[::-1], axis=0)
        ordinal = np.array([day.toordinal() for day in days])[last]
        return value, np.where(seen.any(axis=0), ordinal, 0)
    if choose in ("barest", "greenest"):
        ndvi = (looks[:, 3] - looks[:, 2]) / np.maximum(looks[:, 3] + looks[:, 2], 1e-6)
        order = -ndvi if choose == "barest" else ndvi
    best = np.argmax(np.where(seen, order, -np.inf), axis=0)
    value = np.take_along_axis(looks, best[None, None], axis=0)[0]
    ordinal = np.array([day.toordinal() for day in days])[best]
    none = ~seen.any(axis=0)
    value[:, none] = np.nan
    return value, np.where(none, 0, ordinal)
