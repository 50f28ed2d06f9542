"""What a simulated world is asked to be."""

import datetime as dt
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0, le=200)]
_FROZEN = ConfigDict(frozen=True, extra="forbid")

Sensor = Literal["sentinel-2", "landsat", "gaofen", "dom"]

PIXELS_M: Mapping[str, tuple[int, ...]] = {"sentinel-2": (10,), "landsat": (30,), "gaofen": (8, 16), "dom": (2, 4)}
"""Pixel sizes that the pictures of a sensor may have, the usual one first."""

LAST_ICING = 140
"""Day of the year until which ice may lie beside the river: 20 May."""


class PlantedCounts(BaseModel):
    """How many changes of each kind are planted: what detectors should find."""

    model_config = _FROZEN

    pit: Count = Field(default=4, description="open pits with dark floor and bright spoil, on grass")
    stripped: Count = Field(default=4, description="ground stripped of its turf, on grass")
    dump: Count = Field(default=3, description="heaps of overburden, on grass")
    road: Count = Field(default=2, description="new gravel roads 10–20 m wide")
    buildings: Count = Field(default=3, description="rows of buildings on a levelled yard")
    ploughed: Count = Field(default=3, description="rectangles of grass turned to tillage")
    fill: Count = Field(default=2, description="wet meadow or reed filled with earth")
    pond: Count = Field(default=2, description="ponds dug beside the river, with a rim of spoil")
    clearing: Count = Field(default=1, description="forest cleared to the ground")
    topsoil: Count = Field(default=1, description="black topsoil stripped from cropland")
    site: Count = Field(default=0, description="temporary sites on grass: cleared, used, then left to recover")
    greenhouse: Count = Field(default=0, description="rows of plastic greenhouses on cropland")
    solar: Count = Field(default=0, description="solar farms on grass")
    ditch: Count = Field(default=0, description="straight drains through wet meadow, with their spoil")


class DecoyCounts(BaseModel):
    """How many deceptions of each kind: what detectors should keep silent about."""

    model_config = _FROZEN

    mowing: Count = Field(default=3, description="hay cut in straight-edged swaths")
    harvest: Count = Field(default=2, description="whole crop fields cut early")
    burn: Count = Field(default=2, description="grass fires")
    drought: Count = Field(default=2, description="patches of dry grass with soft edges")
    cloud_remnant: Count = Field(
        default=2, description="small clouds that the scene classification missed, with their shadows"
    )
    haze: Count = Field(default=1, description="patches of thin haze that nothing flags")
    snow: Count = Field(default=0, description="lingering snow patches, on the dates in snow_dates only")
    shade: Count = Field(default=0, description="shadows whose cloud or slope is not in the picture, one date each")
    firebreak: Count = Field(default=0, description="old firebreaks, ploughed anew before the first after date")
    reed_cutting: Count = Field(default=0, description="reed cut in straight blocks")
    reseeding: Count = Field(default=0, description="pasture drilled and sown again: bare lines, then greener")
    voles: Count = Field(default=0, description="colonies of voles: swarms of bare spots a few metres wide")
    icing: Count = Field(default=0, description="ice that welled up beside the river, on dates before 20 May only")
    stripes: bool = Field(default=False, description="stripes along the orbit of a few per cent, from the view angle")
    water_level: bool = Field(default=True, description="the lake stands higher or lower at every date")
    misregistration: bool = Field(
        default=True, description="the worst-shifted after date is noted where edges are sharpest"
    )


class SteppeSpec(BaseModel):
    """A piece of simulated steppe and the dates on which it is seen. The same spec gives the same bytes."""

    model_config = _FROZEN

    seed: int = Field(default=0, ge=0, lt=2**31, description="seed of everything random")
    centre: tuple[float, float] = Field(
        default=(119.9, 49.2), description="longitude and latitude of the centre, degrees"
    )
    width_m: int = Field(default=10_240, ge=1_500, le=120_000, description="west–east extent of the ground, metres")
    height_m: int = Field(default=10_240, ge=1_500, le=120_000, description="south–north extent of the ground, metres")
    sensor: Sensor = Field(default="sentinel-2", description="what took the pictures, and how they are laid out")
    gsd_m: int = Field(default=0, description="pixel size of the fine bands, metres; 0 = the usual one of the sensor")
    dom_bands: Literal[3, 4] = Field(default=4, description="bands of a DOM: red, green, blue and perhaps nir")
    before: tuple[dt.date, ...] = Field(description="acquisition dates before the changes, ascending")
    after: tuple[dt.date, ...] = Field(description="acquisition dates after the first change, ascending")
    planted: PlantedCounts = PlantedCounts()
    decoys: DecoyCounts = DecoyCounts()
    planted_ha: tuple[float, float] = Field(
        default=(0.15, 8.0), description="smallest and largest planted change, hectares"
    )
    cloud_pct: tuple[float, float] = Field(default=(2.0, 12.0), description="range of cloud cover per date, per cent")
    misregistration_px: float = Field(default=0.35, ge=0, le=1, description="largest shift of a date, fine pixels")
    crop_share: float = Field(default=0.18, ge=0, le=0.8, description="share of the ground under the plough")
    forest_share: float = Field(default=0.06, ge=0, le=0.5, description="share of the ground under trees")
    drought: float = Field(default=0.5, ge=0, le=1, description="strength of the dry anomaly between years, 0–1")
    years: tuple[tuple[int, Annotated[float, Field(ge=-1, le=1)]], ...] = Field(
        default=(), description="(year, how dry the whole region is in it: −1 a wet year, 1 a severe drought)"
    )
    grazing: float = Field(
        default=0.0, ge=0, le=1, description="how far grazing differs between paddocks and years, 0–1"
    )
    variety: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how far soils, waters, roofs and all spectra differ from the plain steppe, 0–1",
    )
    staged: float = Field(default=0.0, ge=0, le=1, description="share of the planted changes that grow over the dates")
    any_size: bool = Field(
        default=False, description="sizes are drawn from planted_ha alone, whatever is usual for a kind"
    )
    lenient: bool = Field(default=False, description="what finds no room is left out, instead of refusing the world")
    courses: tuple[tuple[str, Count], ...] = Field(
        default=(), description="(kind, how many) works that take their course over years, of simulated.courses"
    )
    passing: tuple[tuple[str, Count], ...] = Field(
        default=(), description="(kind, how many) deceptions that take their course over years"
    )
    blooms: bool = Field(default=True, description="lakes of a varied world bloom by themselves in summer")
    snow_dates: tuple[dt.date, ...] = Field(default=(), description="acquisition dates that still have snow patches")
    villages: int = Field(default=1, ge=0, le=40, description="settlements that were always there")
    old_mines: int = Field(default=1, ge=0, le=40, description="mines that were always there")
    lakes: int = Field(default=1, ge=0, le=40, description="lakes with a level that varies")

    @model_validator(mode="before")
    @classmethod
    def _gsd_of_the_sensor(cls, said: Any) -> Any:
        if not isinstance(said, dict) or said.get("gsd_m"):
            return said
        sizes = PIXELS_M.get(said.get("sensor", "sentinel-2"))
        return said | {"gsd_m": sizes[0]} if sizes else said

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lon, lat = self.centre
        if not (-179 <= lon <= 179 and 30 <= lat <= 65):
            raise ValueError(f"centre {self.centre} must lie within ±179° of longitude and 30–65° N, where steppe is")
        if not self.before or not self.after:
            raise ValueError("at least one before and one after date are needed")
        dates = self.before + self.after
        if any(b <= a for a, b in pairwise(dates)):
            raise ValueError("dates must ascend, every after date later than every before date")
        if not 0 <= self.cloud_pct[0] <= self.cloud_pct[1] <= 60:
            raise ValueError(f"cloud_pct {self.cloud_pct} must be two ascending figures within 0–60")
        if not 0.03 <= self.planted_ha[0] < self.planted_ha[1] <= 40:
            raise ValueError(f"planted_ha {self.planted_ha} must be two ascending figures within 0.03–40")
        if self.gsd_m not in PIXELS_M[self.sensor]:
            raise ValueError(f"gsd_m {self.gsd_m} is none that {self.sensor} has: {PIXELS_M[self.sensor]}")
        if len({year for year, _ in self.years}) != len(self.years):
            raise ValueError("a year is named twice in years")
        return self

    @model_validator(mode="after")
    def _in_season(self) -> Self:
        dates = self.dates
        strangers = set(self.snow_dates) - set(dates)
        if strangers:
            raise ValueError(f"snow_dates {sorted(map(str, strangers))} are not acquisition dates")
        if self.decoys.snow and not self.snow_dates:
            raise ValueError("snow decoys need snow_dates")
        if self.decoys.icing and all(date.timetuple().tm_yday > LAST_ICING for date in dates):
            raise ValueError("icing decoys need a date before 20 May")
        return self

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """All acquisition dates, ascending."""
        return self.before + self.after


def demo_spec(seed: int = 0) -> SteppeSpec:
    """The demo's world: 15 × 12 km of steppe across 120° E, three dates before and three after."""
    return SteppeSpec(
        seed=seed,
        centre=(119.985, 49.22),
        width_m=15_000,
        height_m=12_000,
        before=(dt.date(2023, 7, 2), dt.date(2023, 7, 17), dt.date(2023, 8, 1)),
        after=(dt.date(2024, 7, 5), dt.date(2024, 7, 20), dt.date(2024, 8, 4)),
    )


def test_spec(seed: int = 0) -> SteppeSpec:  # noqa: PT028  # a preset; import it under another name in tests
    """A tiny world for tests: 3 × 3 km, one date before and one after."""
    return SteppeSpec(
        seed=seed,
        centre=(119.6, 49.2),
        width_m=3_000,
        height_m=3_000,
        before=(dt.date(2023, 7, 17),),
        after=(dt.date(2024, 7, 20),),
        planted=PlantedCounts(
            pit=1, stripped=2, dump=1, road=0, buildings=1, ploughed=1, fill=0, pond=0, clearing=0, topsoil=0
        ),
        decoys=DecoyCounts(
            mowing=1, harvest=0, burn=1, drought=0, cloud_remnant=0, haze=0, water_level=False, misregistration=False
        ),
        planted_ha=(0.4, 2.5),
        cloud_pct=(2.0, 5.0),
        crop_share=0.1,
        forest_share=0.0,
        villages=0,
        old_mines=0,
        lakes=0,
    )


def bench_spec(seed: int = 0, size_m: int = 50_000) -> SteppeSpec:
    """A large world for timing, inside one zone: 2,500 km² by default, two dates before and one after."""
    return SteppeSpec(
        seed=seed,
        centre=(117.0, 48.6),
        width_m=size_m,
        height_m=size_m,
        before=(dt.date(2023, 7, 2), dt.date(2023, 7, 17)),
        after=(dt.date(2024, 7, 20),),
        planted=PlantedCounts(pit=12, stripped=12, dump=8, road=6, buildings=8, ploughed=8, fill=4, pond=4),
        decoys=DecoyCounts(mowing=10, harvest=6, burn=6, drought=6, cloud_remnant=6, haze=4),
        villages=8,
        old_mines=4,
        lakes=8,
    )
