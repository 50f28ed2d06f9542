"""Natural cover: which pure covers a pixel is made of on a day, before anything with an outline is laid over it."""

import datetime as dt
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from imagery.simulated.cropland import BALK_M, Cropland, Plots
from imagery.simulated.frame import Frame, Grid, Window
from imagery.simulated.noise import FloatArray, fractal, hashed, noise, smoothstep
from imagery.simulated.phenology import CROPS, greenness
from imagery.simulated.spec import SteppeSpec
from imagery.simulated.spectra import ENDMEMBERS, INDEX

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
        return Ground(
            dense=self._dense(window.spread(lie.dense), ragged, x, y),
            sandy=smoothstep(window.spread(lie.sandy) + 0.25 * ragged, 0.2, 2.2),
            meadow=meadow,
            reed=smoothstep(window.spread(lie.reedy) + 0.25 * ragged - bank, 0.55, 0.95) * meadow,
            forest=smoothstep(window.spread(lie.wooded) + 0.12 * ragged, 0.0, 0.14),
            saline=smoothstep(window.spread(lie.salty) + 0.15 * ragged, 0.0, 0.9) * 0.55,
            field=np.clip((plots.edge_m - BALK_M) / 10 + 0.5, 0, 1) * plots.ploughed * (1 - meadow),
            plots=plots,
            texture=0.75 * fine + 0.65 * middle,
            tints=(window.spread(fractal(seed, "tint/0", *coarse, 500, 4)), middle),
            window=window,
            coarse=coarse,
        )

    def _dense(
        self, dense: FloatArray, ragged: FloatArray, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> FloatArray:
        """Grass cover, a little different from paddock to paddock as grazing is."""
        turn = float(hashed(self._seed, "paddock/turn", np.zeros(1, np.int64))[0])
        column = np.floor((x + turn * y) / 1_450).astype(np.int64)
        row = np.floor((y - turn * x) / 1_150).astype(np.int64)
        grazed = (hashed(self._seed, "paddock", column, row) - np.float32(0.5)) * np.float32(0.7)
        return np.asarray(0.12 + 0.83 * smoothstep(dense + 0.16 * ragged + grazed, -2.8, 1.9), dtype=np.float32)

    def dry(self, ground: Ground, year: int) -> FloatArray:
        """How dry a year was, (H, W), about −0.5 to 1: a smooth field times the spec's strength."""
        anomaly = fractal(self._seed, f"year/{year}", *ground.coarse, 7_000, 3)
        return ground.window.spread(np.clip(0.25 + 0.3 * anomaly, -0.5, 1.0) * np.float32(self._spec.drought))

    def cover(self, ground: Ground, date: dt.date) -> FloatArray:
        """(K, H, W) shares of the pure covers on a day; they sum to 1 in every pixel."""
        cover = np.zeros((len(ENDMEMBERS), *ground.dense.shape), np.float32)
        dry, green = self.dry(ground, date.year), np.float32(greenness(date))
        left = 1 - ground.reed
        _reed(cover, ground.reed, green)
        left -= self._fields(cover, ground, ground.field * left, date)
        left -= _forest(cover, ground.forest * left, green)
        left -= _meadow(cover, ground.meadow * left, green, dry)
        crust = ground.saline * left
        cover[INDEX["saline"]] += crust
        left -= crust
        _grass(cover, left, ground, green, dry)
        return cover

    def _fields(self, cover: FloatArray, ground: Ground, share: FloatArray, date: dt.date) -> FloatArray:
        if not share.any():
            return share
        plots, year = ground.plots, date.year
        crops = self.cropland.crop(plots.column, plots.row, year)
        delay = np.rint(self.cropland.delay(plots.column, plots.row, year)).astype(int) + 6
        names = ("crop", "rape_flower", "ripe_crop", "stubble", "tilled")
        table = np.array([[crop.phase(date, late - 6) for late in range(13)] for crop in CROPS], dtype=np.float32)
        phases = table[crops, delay]
        patchy = np.clip(0.93 + 0.13 * ground.tints[0] + 0.04 * ground.texture, 0.4, 1.0)
        for place, name in enumerate(names[:3]):
            cover[INDEX[name]] += share * phases[..., place] * patchy
        stand = phases[..., :3].sum(axis=-1) * patchy
        cover[INDEX["stubble"]] += share * phases[..., 3]
        cover[INDEX["tilled"]] += share * (1 - stand - phases[..., 3])
        return share


def _reed(cover: FloatArray, share: FloatArray, green: np.float32) -> FloatArray:
    cover[INDEX["reed"]] += share * green * np.float32(0.8)
    cover[INDEX["dead_reed"]] += share * (np.float32(0.9) - np.float32(0.8) * green)
    cover[INDEX["clear_water"]] += share * np.float32(0.1)
    return share


def _forest(cover: FloatArray, share: FloatArray, green: np.float32) -> FloatArray:
    leaf = np.float32(0.25) + np.float32(0.6) * green
    cover[INDEX["larch"]] += share * leaf
    cover[INDEX["green_grass"]] += share * (1 - leaf) * green
    cover[INDEX["dry_grass"]] += share * (1 - leaf) * (1 - green)
    return share


def _meadow(cover: FloatArray, share: FloatArray, green: np.float32, dry: FloatArray) -> FloatArray:
    lush = green * np.clip(0.80 - 0.3 * dry, 0.2, 0.9)
    cover[INDEX["lush_meadow"]] += share * lush
    cover[INDEX["dry_grass"]] += share * (1 - lush) * np.float32(0.55)
    cover[INDEX["mud"]] += share * (1 - lush) * np.float32(0.45)
    return share


def _grass(cover: FloatArray, share: FloatArray, ground: Ground, green: np.float32, dry: FloatArray) -> None:
    alive = np.clip(ground.dense * green * (0.80 - 0.42 * dry), 0.02, 0.92)
    litter = (1 - alive) * (0.18 + 0.62 * ground.dense)
    soil = share * (1 - alive - litter)
    cover[INDEX["green_grass"]] += share * alive
    cover[INDEX["dry_grass"]] += share * litter
    cover[INDEX["sand"]] += soil * ground.sandy
    cover[INDEX["chestnut_soil"]] += soil * (1 - ground.sandy)
