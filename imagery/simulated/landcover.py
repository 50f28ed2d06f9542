"""Natural cover: which pure covers a pixel is made of on a day, before anything with an outline is laid over it."""

import datetime as dt
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imagery.simulated.cropland import BALK_M, Cropland, IntArray, Plots
from imagery.simulated.frame import Frame, Grid, Window
from imagery.simulated.noise import FloatArray, fractal, hashed, noise, smoothstep
from imagery.simulated.phenology import CROPS, MAIZE, MOWING, greenness, larch
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.spectra import INDEX, spectra_of

NATURAL: tuple[str, ...] = (
    *("green_grass", "lush_meadow", "dry_grass", "chestnut_soil", "sand", "saline", "clear_water", "mud", "reed"),
    *("dead_reed", "crop", "rape_flower", "ripe_crop", "stubble", "tilled", "larch", "chernozem", "pine"),
    *("yellow_larch", "bare_larch", "maize"),
)
"""The pure covers of ground without an outline."""

NATURAL_PLACES: list[int] = [INDEX[name] for name in NATURAL]
"""Their places among all pure covers."""

_AT = {name: place for place, name in enumerate(NATURAL)}

PARCEL_M = (420.0, 700.0)
"""Width and length of a hay parcel."""

HAY_SHARE = 0.4
"""Of the parcels of dense grass and meadow that are mown in a year."""

FLOOD_PLAIN_M = 420.0
"""Usual half width of the wet meadow along the river."""


@dataclass(frozen=True)
class Lie:
    """Smooth fields that decide what grows where; any shape."""

    dense: FloatArray
    """Grass cover, standard units."""

    sandy: FloatArray
    bank: FloatArray
    """Distance to the river over the width of the flood plain there."""

    reedy: FloatArray
    wooded: FloatArray
    """Above 0 = forest, as in the next."""

    salty: FloatArray


@dataclass(frozen=True)
class Ground:
    """What does not change with the date, on one window: (H, W) arrays."""

    dense: FloatArray
    """Grass cover 0–1."""

    sandy: FloatArray
    """Share of sand in bare soil."""

    meadow: FloatArray
    reed: FloatArray
    forest: FloatArray
    saline: FloatArray
    field: FloatArray
    """Shares 0–1 of what lies above the grass."""

    dark: FloatArray | None
    """Share of black soil in bare soil that is not sand; None = none."""

    pine: FloatArray | None
    """Share of pine among the trees; None = none."""

    plots: Plots
    texture: FloatArray
    """Brightness at pixel scale, standard units."""

    tints: tuple[FloatArray, FloatArray]
    window: Window
    coarse: Grid


class Landcover:
    """The natural cover of one world, as a function of the place."""

    def __init__(self, spec: SteppeSpec, frame: Frame, river: NDArray[np.float64]) -> None:
        """Takes the river's centre line, (N, 2) ground coordinates."""
        self._seed, self._spec, self.frame = spec.seed, spec, frame
        self._river = cKDTree(river)
        self.cropland = Cropland(spec.seed, spec.crop_share)
        self.spectra = spectra_of(spec.seed, spec.variety)
        self._years = dict(spec.years)

    def lie(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Lie:
        """The smooth fields at places in ground coordinates."""
        seed = self._seed
        distance, _ = self._river.query(np.column_stack([np.ravel(x), np.ravel(y)]), distance_upper_bound=6_000.0)
        far: FloatArray = np.minimum(distance, 6_000.0).astype(np.float32).reshape(np.shape(x))
        plain: FloatArray = FLOOD_PLAIN_M * np.exp(np.float32(0.35) * fractal(seed, "plain", x, y, 1_600, 4))
        forest = NormalDist().inv_cdf(1 - max(self._spec.forest_share, 1e-9))
        hills = fractal(seed, "relief", x, y, 4_200, 4)
        return Lie(
            dense=0.8 * fractal(seed, "dense", x, y, 2_600, 6, 0.62) - 0.25 * hills,
            sandy=fractal(seed, "sandy", x, y, 1_900, 5, 0.6),
            bank=far / plain,
            reedy=fractal(seed, "reed", x, y, 320, 3),
            wooded=0.8 * hills + 0.6 * fractal(seed, "wood", x, y, 700, 4, 0.6) - np.float32(forest),
            salty=fractal(seed, "salt", x, y, 620, 4, 0.6) - 0.55 * hills - 2.3,
        )

    def ground(self, window: Window) -> Ground:
        """Everything about a window that does not change with the date."""
        coarse = window.coarse(self.frame)
        x, y = window.fine(coarse)
        seed, lie = self._seed, self.lie(*coarse)
        fine, middle = noise(seed, "fine", x, y, 17.0, 2), noise(seed, "middle", x, y, 48.0, 2)
        ragged = 0.6 * middle + 0.4 * fine
        plots = self.cropland.locate(x, y)
        bank = window.spread(lie.bank) + 0.05 * ragged
        meadow = 1 - smoothstep(bank, 0.75, 1.15)
        texture = 0.75 * fine + 0.65 * middle
        if window.gsd_m < 8:  # ground that finer pixels see
            texture += 0.6 * noise(seed, "grit", x, y, 3.4 * window.gsd_m / 2, 2)
        return Ground(
            dense=self._dense(window.spread(lie.dense), ragged, x, y),
            sandy=smoothstep(window.spread(lie.sandy) + 0.25 * ragged, 0.2, 2.2),
            meadow=meadow,
            reed=smoothstep(window.spread(lie.reedy) + 0.25 * ragged - bank, 0.55, 0.95) * meadow,
            forest=smoothstep(window.spread(lie.wooded) + 0.12 * ragged, 0.0, 0.14),
            saline=smoothstep(window.spread(lie.salty) + 0.15 * ragged, 0.0, 0.9) * 0.55,
            field=np.clip((plots.edge_m - BALK_M) / 10 + 0.5, 0, 1) * plots.ploughed * (1 - meadow),
            dark=self._patchy("dark", window, coarse, 0.25 * ragged),
            pine=self._patchy("pine", window, coarse, 0.12 * ragged) if self._spec.forest_share else None,
            plots=plots,
            texture=texture,
            tints=(window.spread(fractal(seed, "tint/0", *coarse, 500, 4)), middle),
            window=window,
            coarse=coarse,
        )

    def _patchy(self, name: str, window: Window, coarse: Grid, ragged: FloatArray) -> FloatArray | None:
        """A share 0–1 that is low here and high there, and rarer in a plainer world."""
        if not self._spec.variety:
            return None
        field = window.spread(fractal(self._seed, name, *coarse, 2_400, 4, 0.6))
        return smoothstep(field + ragged, 1.2 - self._spec.variety, 2.0 - self._spec.variety)

    def _dense(
        self, dense: FloatArray, ragged: FloatArray, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> FloatArray:
        """Grass cover, a little different from paddock to paddock as grazing is."""
        grazed = (hashed(self._seed, "paddock", *self._paddocks(x, y)) - np.float32(0.5)) * np.float32(0.7)
        return np.asarray(0.12 + 0.83 * smoothstep(dense + 0.16 * ragged + grazed, -2.8, 1.9), dtype=np.float32)

    def _paddocks(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[IntArray, IntArray]:
        turn = float(hashed(self._seed, "paddock/turn", np.zeros(1, np.int64))[0])
        return np.floor((x + turn * y) / 1_450).astype(np.int64), np.floor((y - turn * x) / 1_150).astype(np.int64)

    def _grazed(self, ground: Ground, year: int) -> FloatArray | None:
        """(H, W) share of the growth that was eaten in a year, the same within a fence; None = nothing."""
        if not self._spec.grazing:
            return None
        paddocks = self._paddocks(*ground.window.fine(ground.coarse))
        eaten = np.maximum(hashed(self._seed, f"grazed/{year}", *paddocks) - np.float32(0.45), 0)
        return np.asarray(eaten * np.float32(1.5 * self._spec.grazing), dtype=np.float32)

    def _mown(self, ground: Ground, date: dt.date) -> FloatArray | None:
        """(H, W) 1 where hay was cut this year; None outside the season."""
        day = date.timetuple().tm_yday
        if day < MOWING[0]:
            return None
        x, y = ground.window.fine(ground.coarse)
        turn = float(hashed(self._seed, "hay/turn", np.zeros(1, np.int64))[0]) - 0.5
        parcel = (
            np.floor((x + turn * y) / PARCEL_M[0]).astype(np.int64),
            np.floor((y - turn * x) / PARCEL_M[1]).astype(np.int64),
        )
        due = MOWING[0] + hashed(self._seed, f"hay/day/{date.year}", *parcel) * (MOWING[1] - MOWING[0])
        chosen = hashed(self._seed, f"hay/{date.year}", *parcel) < np.float32(HAY_SHARE)
        return np.asarray(chosen & (due <= day) & (ground.dense > 0.55), dtype=np.float32)

    def dry(self, ground: Ground, year: int) -> FloatArray:
        """How dry a year was, (H, W), about −0.8 to 1.2: the year of the region, and a smooth field about it."""
        anomaly = fractal(self._seed, f"year/{year}", *ground.coarse, 7_000, 3)
        local = np.clip(0.25 + 0.3 * anomaly, -0.5, 1.0) * np.float32(self._spec.drought)
        return ground.window.spread(np.clip(local + np.float32(self._years.get(year, 0.0)), -0.8, 1.2))

    def cover(self, ground: Ground, date: dt.date) -> FloatArray:
        """(K, H, W) shares of the covers of `NATURAL` on a day; they sum to 1 in every pixel."""
        cover = np.zeros((len(NATURAL), *ground.dense.shape), np.float32)
        green = np.float32(greenness(date))
        season = Season(green, self.dry(ground, date.year), self._mown(ground, date), self._grazed(ground, date.year))
        left = 1 - ground.reed
        _reed(cover, ground.reed, green)
        left -= self._fields(cover, ground, ground.field * left, date)
        left -= _forest(cover, ground.forest * left, ground.pine, green, date)
        left -= _meadow(cover, ground.meadow * left, season)
        crust = ground.saline * left
        cover[_AT["saline"]] += crust
        left -= crust
        _grass(cover, left, ground, season)
        return cover

    def _fields(self, cover: FloatArray, ground: Ground, share: FloatArray, date: dt.date) -> FloatArray:
        if not share.any():
            return share
        plots, year = ground.plots, date.year
        crops = self.cropland.crop(plots.column, plots.row, year)
        delay = np.rint(self.cropland.delay(plots.column, plots.row, year)).astype(int) + 6
        table = np.array([[crop.phase(date, late - 6) for late in range(13)] for crop in CROPS], dtype=np.float32)
        phases = table[crops, delay]
        patchy = np.clip(0.93 + 0.13 * ground.tints[0] + 0.04 * ground.texture, 0.4, 1.0)
        patchy = patchy * np.float32(1 - 0.35 * max(0.0, self._years.get(year, 0.0)))  # a drought thins crops too
        green, maize = share * phases[..., 0] * patchy, crops == MAIZE
        cover[_AT["crop"]] += np.where(maize, np.float32(0), green)
        cover[_AT["maize"]] += np.where(maize, green, np.float32(0))
        cover[_AT["rape_flower"]] += share * phases[..., 1] * patchy
        cover[_AT["ripe_crop"]] += share * phases[..., 2] * patchy
        stand = phases[..., :3].sum(axis=-1) * patchy
        cover[_AT["stubble"]] += share * phases[..., 3]
        soil = share * (1 - stand - phases[..., 3])
        if ground.dark is not None:
            cover[_AT["chernozem"]] += soil * ground.dark
            soil = soil * (1 - ground.dark)
        cover[_AT["tilled"]] += soil
        return share


@dataclass(frozen=True)
class Season:
    """What a day and its year do to grass on one window."""

    green: np.float32
    """Greenness of the day, 0–1."""

    dry: FloatArray
    """(H, W) as `Landcover.dry`."""

    mown: FloatArray | None
    grazed: FloatArray | None

    def standing(self, alive: FloatArray) -> FloatArray:
        """What mowing and grazing leave of living plants."""
        if self.mown is not None:
            alive = alive * (1 - np.float32(0.62) * self.mown)
        return alive if self.grazed is None else alive * (1 - self.grazed)


def _reed(cover: FloatArray, share: FloatArray, green: np.float32) -> FloatArray:
    cover[_AT["reed"]] += share * green * np.float32(0.8)
    cover[_AT["dead_reed"]] += share * (np.float32(0.9) - np.float32(0.8) * green)
    cover[_AT["clear_water"]] += share * np.float32(0.1)
    return share


def _forest(
    cover: FloatArray, share: FloatArray, pine: FloatArray | None, green: np.float32, date: dt.date
) -> FloatArray:
    needles = larch(date)
    crown = np.float32(0.85)
    trees = share * crown
    if pine is not None:
        cover[_AT["pine"]] += trees * pine
        trees = trees * (1 - pine)
    cover[_AT["larch"]] += trees * np.float32(needles.green)
    cover[_AT["yellow_larch"]] += trees * np.float32(needles.yellow)
    cover[_AT["bare_larch"]] += trees * np.float32(needles.bare)
    cover[_AT["green_grass"]] += share * (1 - crown) * green
    cover[_AT["dry_grass"]] += share * (1 - crown) * (1 - green)
    return share


def _meadow(cover: FloatArray, share: FloatArray, season: Season) -> FloatArray:
    lush = season.standing(season.green * np.clip(0.80 - 0.3 * season.dry, 0.2, 0.95))
    cover[_AT["lush_meadow"]] += share * lush
    # what is not green is litter and mud; stubble of hay is litter
    litter = np.float32(0.55) if season.mown is None else np.float32(0.55) + np.float32(0.35) * season.mown
    cover[_AT["dry_grass"]] += share * (1 - lush) * litter
    cover[_AT["mud"]] += share * (1 - lush) * (1 - litter)
    return share


def _grass(cover: FloatArray, share: FloatArray, ground: Ground, season: Season) -> None:
    alive = season.standing(np.clip(ground.dense * season.green * (0.80 - 0.42 * season.dry), 0.02, 0.92))
    litter = (1 - alive) * (0.18 + 0.62 * ground.dense)
    if season.grazed is not None:
        litter = litter * (1 - season.grazed)
    soil = share * (1 - alive - litter)
    cover[_AT["green_grass"]] += share * alive
    cover[_AT["dry_grass"]] += share * litter
    cover[_AT["sand"]] += soil * ground.sandy
    soil = soil * (1 - ground.sandy)
    if ground.dark is not None:
        cover[_AT["chernozem"]] += soil * ground.dark
        soil = soil * (1 - ground.dark)
    cover[_AT["chestnut_soil"]] += soil
