"""The pictures of a dossier: true and false colour with outline, scale and north; the plate with numbered corners."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs
from leads.dossier.model import Plate
from leads.dossier.page import Picture
from leads.dossier.words import satellite
from leads.exports.corners import CornerTable
from leads.quicklook import PANEL_PX, STRIP_PX, draw, label_font
from leads.quicklook import Picture as Ground
from leads.stretch import limits

CORNERS_MOST = 60
"""Corners that are numbered on a plate; of more only every so many."""

YEAR_PX = 440

CLOSE_AROUND = 1.6
"""Edge of a close-up in extents of its lead, or of `CLOSE_PX` pixels where that is more."""

CLOSE_PX = 16


@dataclass(frozen=True)
class Colours:
    """Which bands of a plate are shown as red, green and blue."""

    zh: str
    en: str
    bands: tuple[int, int, int]


TRUE = Colours("真彩色", "true colour", (0, 1, 2))
FALSE = Colours("标准假彩色（近红外、红、绿）", "false colour", (3, 0, 1))

Stretch = list[tuple[float, float]]


def stretch_of(plates: Sequence[Plate], colours: Colours) -> Stretch:
    """One stretch for all plates, so that a change of colour is a change of the ground."""
    return [limits([plate.data[band] for plate in plates]) for band in colours.bands]


def shows(plate: Plate, colours: Colours) -> bool:
    """Whether a plate has the bands."""
    return bool(np.isfinite(plate.data[list(colours.bands)]).any())


def picture(plate: Plate, geometry: BaseGeometry, colours: Colours, stretch: Stretch, lead_id: str) -> Picture:
    """A plate with its outline, scale bar, north arrow and captions."""
    image = _drawn(plate, geometry, colours, stretch, lead_id)
    scenes = "、".join(plate.scenes[:3]) + (f" 等 {len(plate.scenes)} 景" if len(plate.scenes) > 3 else "")
    made = f"；{plate.made_zh}" if plate.made_zh else ""
    return Picture(_png(image), f"{_what(plate)} {colours.zh}；{_sensors(plate)} {scenes}{made}")


def year_picture(plate: Plate, geometry: BaseGeometry, stretch: Stretch, lead_id: str) -> Picture:
    """A year's plate in true colour, smaller."""
    image = _drawn(plate, geometry, TRUE, stretch, lead_id)
    small = image.resize((YEAR_PX, round(image.height * YEAR_PX / image.width)), Image.Resampling.LANCZOS)
    return Picture(_png(small), f"{plate.day.isoformat()} {_sensors(plate)}")


def _what(plate: Plate) -> str:
    """Its role and day; the role of a year's image is the year."""
    day = plate.day.isoformat()
    return day if day.startswith(plate.role_zh) else f"{plate.role_zh} {day}"


def _sensors(plate: Plate) -> str:
    return "、".join(map(satellite, plate.sensor.split("、")))


def _drawn(plate: Plate, geometry: BaseGeometry, colours: Colours, stretch: Stretch, lead_id: str) -> Image.Image:
    ground = Ground(np.ascontiguousarray(plate.data[list(colours.bands)]), plate.geobox, plate.day, "", plate.sensor)
    short = colours.zh.partition("（")[0]
    return draw(ground, geometry, stretch, (f"{plate.role_zh} {short}", f"{plate.role_en}"), lead_id)


def survey_plate(plate: Plate, geometry: BaseGeometry, table: CornerTable, lead_id: str) -> Picture:
    """The after image close up with numbered corners, for those who go and look (勘验附图)."""
    plate = _close_up(plate, geometry)
    drawn = _drawn(plate, geometry, TRUE, stretch_of([plate], TRUE), lead_id)
    image = drawn.resize((2 * drawn.width, 2 * drawn.height), Image.Resampling.NEAREST)
    scale = 2.0
    pen = ImageDraw.Draw(image)
    font = label_font(22)
    ends = [point for point in table.points if point.side_m is not None]
    every = max(1, -(-len(ends) // CORNERS_MOST))
    places = _pixels([(point.y_east, point.x_north) for point in ends[::every]], table.epsg, plate, scale)
    taken: list[tuple[float, float, float, float]] = []
    for point, (x, y) in zip(ends[::every], places, strict=True):
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(255, 255, 255), outline=(10, 10, 10))
        for at in ((x + 8, y - 26), (x - 44, y - 26), (x + 8, y + 4), (x - 44, y + 4)):
            box = pen.textbbox(at, point.label, font=font, stroke_width=2)
            if all(box[2] < one[0] or box[0] > one[2] or box[3] < one[1] or box[1] > one[3] for one in taken):
                pen.text(at, point.label, fill=(255, 255, 255), font=font, stroke_width=2, stroke_fill=(10, 10, 10))
                taken.append(box)
                break
    skipped = (
        f"；图上只标注部分界址点（共 {len(ends)} 点），全部见界址点表" if every > 1 or len(taken) < len(places) else ""
    )
    return Picture(_png(image), f"{_what(plate)} {_sensors(plate)}，界址点号与坐标表一致{skipped}")


def _close_up(plate: Plate, geometry: BaseGeometry) -> Plate:
    """The square of a plate that holds a lead with a little ground around it."""
    grid, (height, width) = plate.geobox.affine, plate.geobox.shape
    left, bottom, right, top = to_crs(geometry, 4326, epsg_of(plate.geobox)).bounds
    edge = max((right - left) / grid.a, (top - bottom) / grid.a, CLOSE_PX) * CLOSE_AROUND
    size = min(math.ceil(edge), height, width)
    row = round(((bottom + top) / 2 - grid.f) / grid.e - size / 2)
    col = round(((left + right) / 2 - grid.c) / grid.a - size / 2)
    row, col = min(max(row, 0), height - size), min(max(col, 0), width - size)
    window = np.s_[row : row + size, col : col + size]
    return replace(plate, data=np.ascontiguousarray(plate.data[:, *window]), geobox=plate.geobox[window])


def _pixels(grid: Sequence[tuple[float, float]], epsg: int, plate: Plate, scale: float) -> list[tuple[float, float]]:
    """Where (east, north) corners lie on the drawn panel."""
    ground = to_crs(to_crs(shapely.MultiPoint(list(grid)), epsg, 4326), 4326, epsg_of(plate.geobox))
    affine, panel = plate.geobox.affine, PANEL_PX / max(plate.geobox.shape) * scale
    return [
        ((point.x - affine.c) / affine.a * panel, (point.y - affine.f) / affine.e * panel + STRIP_PX * scale)
        for point in ground.geoms
    ]


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG", compress_level=6)
    return out.getvalue()
