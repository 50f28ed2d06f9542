"""Pictures of a lead before and after: the same ground, the same stretch, the outline, a scale and the dates."""

import datetime as dt
import math
import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from aoi.grid import epsg_of, to_crs, zone_of
from leads.staging import staged
from leads.stretch import limits

LEAST_M = 640.0
"""Edge of the smallest chip in metres: what lies around a small lead explains it."""

AROUND = 3.0
"""Edge of a chip in extents of its lead."""

MOST_PX = 1024
"""Edge of the largest chip in pixels; larger ground is read coarser."""

PANEL_PX = 640
STRIP_PX = 30
"""Height of the captions above and below a panel."""

_GAMMA = 0.7
"""Below 1 lifts the dark ground, where most of the steppe lies."""
_OUTLINE = (255, 225, 60, 255)
_CASING = (10, 10, 10, 200)
_AROUND_LINE_PX = 8
"""More than half of the widest line, also where it turns."""

_HATCH = (168, 168, 168), (118, 118, 118)
_FINE = 2
"""The outline is drawn so many times larger and shrunk, so that it is smooth."""

_FONTS = (
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansSC-Regular.otf", 0),
    ("NotoSansCJKsc-Regular.otf", 0),
    ("SourceHanSansSC-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("msyh.ttc", 0),
    ("simhei.ttf", 0),
    ("DroidSansFallbackFull.ttf", 0),
)
"""Fonts with Chinese characters and the face of simplified Chinese in each file."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Picture:
    """The ground of a lead at one date."""

    data: NDArray[np.float32]
    """(3, H, W) red, green, blue: reflectance or DN, NaN = not observed."""

    geobox: GeoBox
    date: dt.date
    scene: str
    """Id of the scene, or the word for a composite."""

    sensor: str


def quicklook_geobox(geometry: BaseGeometry, gsd_m: float) -> GeoBox:
    """The ground a quicklook shows: a square around a lead, on the zone's lattice.

    Args:
        geometry: the lead in EPSG:4326.
        gsd_m: pixel size of the imagery; large leads get a multiple of it.
    """
    centre = geometry.centroid
    epsg = zone_of(centre.x, centre.y)
    left, bottom, right, top = to_crs(geometry, 4326, epsg).bounds
    edge_m = max(LEAST_M, AROUND * max(right - left, top - bottom))
    pixel_m = gsd_m * math.ceil(edge_m / gsd_m / MOST_PX)
    size = math.ceil(edge_m / pixel_m)
    col = round(((left + right) / 2) / pixel_m - size / 2)
    row = round(((bottom + top) / 2) / pixel_m + size / 2)
    return GeoBox((size, size), Affine(pixel_m, 0, col * pixel_m, 0, -pixel_m, row * pixel_m), f"EPSG:{epsg}")


def write_quicklooks(
    folder: Path, lead_id: str, geometry: BaseGeometry, before: Picture, after: Picture
) -> tuple[Path, Path]:
    """Writes ``<lead id>_before.png`` and ``<lead id>_after.png``, stretched alike.

    Args:
        folder: made when it is missing.
        lead_id: names the files; characters that a file name can not have become ``_``.
        geometry: the lead's outline in EPSG:4326.
        before: the ground before.
        after: the ground after; its grid may differ.

    Raises:
        OutputError: if the folder is read-only or the disk is full.
    """
    stretch = [limits([before.data[band], after.data[band]]) for band in range(3)]
    stem = file_stem(lead_id)
    paths = folder / f"{stem}_before.png", folder / f"{stem}_after.png"
    for path, picture, role in zip(paths, (before, after), (("前时相", "Before"), ("后时相", "After")), strict=True):
        drawn = draw(picture, geometry, stretch, role, lead_id)
        with staged(path) as temporary:
            temporary.write_bytes(_png(drawn))
    return paths


def _png(image: Image.Image) -> bytes:
    """An RGB image as a PNG whose lines are told by their difference to the one above (filter 2 of the standard).

    Pixels of the ground are squares of many lines, so most differences are 0. Pillow tries all filters on every line
    and takes two and a half times as long for a file of the same size.
    """
    lines = np.asarray(image).reshape(image.height, -1)
    differences = np.empty((image.height, 1 + lines.shape[1]), np.uint8)
    differences[:, 0] = 2
    differences[0, 1:] = lines[0]
    np.subtract(lines[1:], lines[:-1], out=differences[1:, 1:])
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)  # 8 bits of red, green and blue
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(differences.tobytes(), 2)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def file_stem(lead_id: str) -> str:
    """The lead's id as a file name."""
    return re.sub(r"[^\w-]", "_", lead_id) or "_"


def draw(
    picture: Picture,
    geometry: BaseGeometry,
    stretch: list[tuple[float, float]],
    role: tuple[str, str],
    lead_id: str,
) -> Image.Image:
    """One date as a picture with its outline, scale bar, north arrow and captions.

    Args:
        picture: the ground.
        geometry: the outline in EPSG:4326.
        stretch: least and greatest shown value of red, green and blue.
        role: Chinese and English word for the date.
        lead_id: for the caption.
    """
    scale = PANEL_PX / max(picture.geobox.shape)
    size = (max(1, round(picture.geobox.shape[1] * scale)), max(1, round(picture.geobox.shape[0] * scale)))
    panel = _ground(picture.data, stretch, size)
    rings = _rings(geometry, picture.geobox, scale)
    _draw_outline(panel, rings)
    _draw_scale_bar(panel, picture.geobox, scale)
    _draw_north(panel, picture.geobox)

    whole = Image.new("RGB", (size[0], size[1] + 2 * STRIP_PX), (24, 26, 30))
    whole.paste(panel, (0, STRIP_PX))
    pen = ImageDraw.Draw(whole)
    _say(pen, (10, STRIP_PX // 2), f"{_words(*role)} {picture.date.isoformat()}", 17, "lm")
    _say(pen, (size[0] - 10, STRIP_PX // 2), picture.sensor, 14, "rm", (185, 190, 200))
    foot = size[1] + STRIP_PX + STRIP_PX // 2
    unseen = _unseen_share(picture, geometry)
    note = _words("线索，非鉴定意见", "a lead, not a verdict")
    if unseen >= 0.005:
        note = _words(f"线索范围内未观测 {unseen:.0%}", f"{unseen:.0%} of the lead not observed")
    _say(pen, (10, foot), lead_id, 14, "lm")
    _say(pen, (size[0] - 10, foot), note, 13, "rm", (255, 190, 90) if unseen >= 0.005 else (185, 190, 200))
    return whole


def _ground(data: NDArray[np.float32], stretch: list[tuple[float, float]], size: tuple[int, int]) -> Image.Image:
    """(3, H, W) as an image of `size`; hatched grey where nothing was observed."""
    unseen = _unseen(data)
    if unseen.all():
        return _hatched(size).copy()
    low, high = np.array(stretch, np.float32).T[:, :, None, None]
    shown = np.clip((np.where(unseen, 0, data) - low) / (high - low), 0, 1) ** _GAMMA
    colours = Image.fromarray((shown.transpose(1, 2, 0) * 255).round().astype(np.uint8))
    # Pixels stay squares: a smooth enlargement looks finer than what was measured, and its file is ten times larger.
    enlarged = colours.resize(size, Image.Resampling.NEAREST)
    if unseen.any():
        seen = Image.fromarray(np.where(unseen, 0, 255).astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
        enlarged = Image.composite(enlarged, _hatched(size), seen)
    return enlarged


@lru_cache(maxsize=4)
def _hatched(size: tuple[int, int]) -> Image.Image:
    grid = np.indices(size[::-1]).sum(axis=0) // 7 % 2
    return Image.fromarray(np.array(_HATCH, np.uint8)[grid])


def _rings(geometry: BaseGeometry, geobox: GeoBox, scale: float) -> list[list[tuple[float, float]]]:
    """Outer and inner rings in pixels of the panel."""
    grid = geobox.affine
    ground = to_crs(geometry, 4326, epsg_of(geobox))
    rings = []
    for part in shapely.get_parts(ground):
        for ring in (part.exterior, *part.interiors):
            points = np.asarray(ring.coords)[:, :2]
            rings.append([((x - grid.c) / grid.a * scale, (y - grid.f) / grid.e * scale) for x, y in points])
    return rings


def _draw_outline(panel: Image.Image, rings: list[list[tuple[float, float]]]) -> None:
    """Rings in pixels of the panel, drawn finer than it and averaged; only as much of the panel as they lie in."""
    places = np.array([place for ring in rings for place in ring])
    left, top = np.maximum(np.floor(places.min(axis=0)) - _AROUND_LINE_PX, 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(places.max(axis=0)) + _AROUND_LINE_PX, panel.size).astype(int).tolist()
    if left >= right or top >= bottom:
        return
    layer = Image.new("RGBA", ((right - left) * _FINE, (bottom - top) * _FINE), (*_OUTLINE[:3], 0))
    pen = ImageDraw.Draw(layer)
    for colour, width in ((_CASING, 4.5), (_OUTLINE, 2.0)):
        for ring in rings:
            fine = [((x - left) * _FINE, (y - top) * _FINE) for x, y in ring]
            # The second point again, so that the joint at the first is drawn as well.
            pen.line([*fine, fine[1]], fill=colour, width=round(width * _FINE), joint="curve")
    line = layer.reduce(_FINE)
    panel.paste(line.convert("RGB"), (left, top), line.getchannel("A"))


def _unseen(data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(H, W) True where a pixel misses one of its colours."""
    return np.asarray(np.isnan(data).any(axis=0))


def _unseen_share(picture: Picture, geometry: BaseGeometry) -> float:
    """Share of the lead's pixels that were not observed."""
    size = (picture.geobox.shape[1], picture.geobox.shape[0])
    mask = Image.new("L", size)
    pen = ImageDraw.Draw(mask)
    for ring in _rings(geometry, picture.geobox, 1.0):
        pen.polygon(ring, fill=1)
    inside = np.asarray(mask, dtype=bool)
    unseen = _unseen(picture.data)
    return float(unseen[inside].mean()) if inside.any() else 0.0


def _draw_scale_bar(panel: Image.Image, geobox: GeoBox, scale: float) -> None:
    """A bar of a round number of metres, about a quarter of the width."""
    metre_px = scale / abs(geobox.affine.a)
    wanted = panel.width / 4 / metre_px
    power = 10 ** math.floor(math.log10(wanted))
    length_m = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    right, y = 14 + length_m * metre_px, panel.height - 16
    pen = ImageDraw.Draw(panel)
    pen.rectangle((12, y - 4, right + 2, y + 4), fill=(10, 10, 10, 255))
    pen.rectangle((14, y - 2, right, y + 2), fill=(255, 255, 255, 255))
    pen.rectangle((14, y - 2, (14 + right) / 2, y + 2), fill=(90, 90, 90, 255))
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    _say(pen, (14, y - 8), text, 14, "ls", halo=2)


def _draw_north(panel: Image.Image, geobox: GeoBox) -> None:
    """An arrow to true north, which is not quite up away from a zone's meridian."""
    grid, (height, width) = geobox.affine, geobox.shape
    middle = shapely.Point(grid.c + grid.a * width / 2, grid.f + grid.e * height / 2)
    here = to_crs(middle, epsg_of(geobox), 4326)
    north = to_crs(shapely.Point(here.x, here.y + 0.01), 4326, epsg_of(geobox))
    angle = math.atan2(north.x - middle.x, north.y - middle.y)
    x0, y0 = panel.width - 26, 46
    sine, cosine = math.sin(angle), math.cos(angle)
    shape = [(x0 + u * cosine - v * sine, y0 + u * sine + v * cosine) for u, v in ((0, -18), (9, 10), (0, 4), (-9, 10))]
    pen = ImageDraw.Draw(panel)
    pen.polygon(shape, fill=(255, 255, 255, 255), outline=(10, 10, 10, 255), width=2)
    _say(pen, (x0, 24), "N", 15, "ms", halo=2)


def _say(
    pen: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    anchor: str,
    colour: tuple[int, int, int] = (255, 255, 255),
    halo: int = 0,
) -> None:
    font, chinese = _font(size)
    if not chinese:
        # The fallback font has Latin letters only, and an empty box says less than a question mark.
        text = text.encode("latin-1", "replace").decode("latin-1")
    pen.text(place, text, fill=colour, font=font, anchor=anchor, stroke_width=halo, stroke_fill=(10, 10, 10))


def _words(zh: str, en: str) -> str:
    return f"{zh} {en}" if has_chinese_font() else en


def label_font(size: int) -> Font:
    """The font of the captions, for whoever writes more on a picture."""
    return _font(size)[0]


def has_chinese_font() -> bool:
    """Whether captions can be Chinese on this machine."""
    return _font(14)[1]


@lru_cache(maxsize=16)
def _font(size: int) -> tuple[Font, bool]:
    """A font of that size in pixels, and whether it has Chinese characters."""
    for name, face in _FONTS:
        try:
            return ImageFont.truetype(name, size, index=face), True
        except OSError:
            continue
    return ImageFont.load_default(size), False
