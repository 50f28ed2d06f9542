"""The rational polynomial model that comes with a raw satellite image: from ground to image and back.

Each of row and column is a quotient of two cubic polynomials of longitude, latitude and height above the WGS 84
ellipsoid, all normalised by an offset and a scale, coefficients in the order of RPC00B (NIMA STDI-0002, RPC00B;
Grodecki & Dial 2003). It comes as a DigitalGlobe ``.rpb`` file or as ``_rpc.txt``. Arrays in, arrays out.
"""

import re
from dataclasses import astuple, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InconsistentSceneError, UnreadableImageError

Coordinates = NDArray[np.float64]

MAX_BYTES = 100_000
TERMS = 20
MAX_COEFFICIENT = 1e3
"""Fitted coefficients are of order one; what is larger is a damaged or an invented file."""

MIN_DENOMINATOR = 0.2
"""Denominators are one plus a little; a zero of theirs would tear the image apart."""

_STEPS = 20
_SETTLED_PX = 1e-4


@dataclass(frozen=True)
class RationalModel:
    """Where a ground point appears in an image."""

    line_off: float
    samp_off: float
    lat_off: float
    long_off: float
    height_off: float
    """Metres above the ellipsoid, as all heights here."""

    line_scale: float
    samp_scale: float
    lat_scale: float
    long_scale: float
    height_scale: float
    """Half the range of heights that the model was fitted to."""

    line_num: tuple[float, ...]
    line_den: tuple[float, ...]
    samp_num: tuple[float, ...]
    samp_den: tuple[float, ...]

    def image(self, lon: Coordinates, lat: Coordinates, height: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Rows and columns of ground points.

        Args:
            lon: degrees, WGS 84.
            lat: degrees.
            height: metres above the ellipsoid.

        Returns:
            Row and column counted from the outer corner of the first pixel, whose centre the model calls (0, 0).
        """
        terms = _terms(
            (lon - self.long_off) / self.long_scale,
            (lat - self.lat_off) / self.lat_scale,
            (height - self.height_off) / self.height_scale,
        )
        row, col = (
            np.tensordot(np.array(num), terms, 1) / np.tensordot(np.array(den), terms, 1)
            for num, den in ((self.line_num, self.line_den), (self.samp_num, self.samp_den))
        )
        return row * self.line_scale + self.line_off + 0.5, col * self.samp_scale + self.samp_off + 0.5

    def ground(self, row: Coordinates, col: Coordinates, height: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Longitude and latitude at which a place of the image meets a height, by Newton's method.

        Raises:
            InconsistentSceneError: if there is no such place near the model's own ground.
        """
        row, col, height = np.broadcast_arrays(*(np.asarray(a, np.float64) for a in (row, col, height)))
        lon, lat = np.full(row.shape, self.long_off), np.full(row.shape, self.lat_off)
        step = 1e-4
        for _ in range(_STEPS):
            here, east, north = (
                np.stack(self.image(lon + step * self.long_scale * i, lat + step * self.lat_scale * j, height))
                for i, j in ((0, 0), (1, 0), (0, 1))
            )
            miss = np.stack([row, col]) - here
            (a, c), (b, d) = (east - here) / step, (north - here) / step
            with np.errstate(divide="ignore", invalid="ignore"):
                lon = lon + np.clip((d * miss[0] - b * miss[1]) / (a * d - b * c), -0.5, 0.5) * self.long_scale
                lat = lat + np.clip((a * miss[1] - c * miss[0]) / (a * d - b * c), -0.5, 0.5) * self.lat_scale
            if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
                break
            if np.abs(miss).max(initial=0) < _SETTLED_PX:
                return lon, lat
        raise InconsistentSceneError("Its RPC leads no place on the ground to some pixels of the image.")


def _terms(x: Coordinates, y: Coordinates, z: Coordinates) -> Coordinates:
    """(20, …) monomials of normalised longitude, latitude and height in the order of RPC00B."""
    return np.stack(
        np.broadcast_arrays(
            1.0, x, y, z, x * y, x * z, y * z, x * x, y * y, z * z,
            x * y * z, x**3, x * y * y, x * z * z, x * x * y, y**3, y * z * z, x * x * z, y * y * z, z**3,
        )
    )  # fmt: skip


def read_rpc(path: Path) -> RationalModel:
    """The model in an ``.rpb`` or ``_rpc.txt`` file.

    Raises:
        UnreadableImageError: if it is missing, too large, no such file, or lacks something.
        InconsistentSceneError: if its numbers can not be those of an image.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableImageError(f"{path} is too large for RPC coefficients ({MAX_BYTES // 1000} kB).")
        text = path.read_bytes().decode("ascii", errors="replace")
    except OSError as error:
        raise UnreadableImageError(f"{path} can not be read ({error.strerror}).") from error
    try:
        model = _from_rpb(text) if "linenumcoef" in text.casefold() else _from_txt(text)
    except (KeyError, ValueError) as error:
        raise UnreadableImageError(f"{path} is not RPC coefficients, or lacks some ({error}).") from error
    _check(model, path)
    return model


_RPB = {
    "line_off": "lineOffset", "samp_off": "sampOffset", "lat_off": "latOffset", "long_off": "longOffset",
    "height_off": "heightOffset", "line_scale": "lineScale", "samp_scale": "sampScale", "lat_scale": "latScale",
    "long_scale": "longScale", "height_scale": "heightScale", "line_num": "lineNumCoef", "line_den": "lineDenCoef",
    "samp_num": "sampNumCoef", "samp_den": "sampDenCoef",
}  # fmt: skip
_VECTORS = ("line_num", "line_den", "samp_num", "samp_den")
_ASSIGNMENT = re.compile(r"\b(\w{1,40})\s*=\s*(\([^()=;]*\)|[^();=\n]*);")
_LINE = re.compile(r"^[ \t]*(\w{1,40})[ \t]*:[ \t]*([-+.\deE]+)[ \t]*(?:pixels|degrees|meters)?[ \t\r]*$", re.MULTILINE)


def _from_rpb(text: str) -> RationalModel:
    told = {match[1].casefold(): match[2] for match in _ASSIGNMENT.finditer(text)}
    numbers = {name: told[key.casefold()] for name, key in _RPB.items()}
    return _model(
        {name: text for name, text in numbers.items() if name not in _VECTORS},
        {name: numbers[name].strip("() \t\r\n").split(",") for name in _VECTORS},
    )


def _from_txt(text: str) -> RationalModel:
    told = {match[1].upper(): match[2] for match in _LINE.finditer(text)}
    return _model(
        {name: told[name.upper()] for name in _RPB if name not in _VECTORS},
        {name: [told[f"{name.upper()}_COEFF_{k}"] for k in range(1, TERMS + 1)] for name in _VECTORS},
    )


def _model(scalars: dict[str, str], vectors: dict[str, list[str]]) -> RationalModel:
    for name, texts in vectors.items():
        if len(texts) != TERMS:
            raise ValueError(f"{_RPB[name]} has {len(texts)} coefficients, not {TERMS}")
    told: dict[str, Any] = {name: float(text) for name, text in scalars.items()}
    told |= {name: tuple(float(text) for text in texts) for name, texts in vectors.items()}
    return RationalModel(**told)


def _check(model: RationalModel, path: Path) -> None:
    """Refuse what no camera gives.

    Raises:
        InconsistentSceneError: says which number it is.
    """
    for field, value in zip(fields(model), astuple(model), strict=True):
        key, numbers = _RPB[field.name], np.atleast_1d(value)
        limit = MAX_COEFFICIENT if field.name in _VECTORS else 1e7
        if not np.isfinite(numbers).all() or np.abs(numbers).max() > limit:
            raise InconsistentSceneError(f"{path}: its {key} is not finite or larger than {limit:g}.")
        if field.name.endswith("scale") and value <= 0:
            raise InconsistentSceneError(f"{path}: its {key} is {value:g}; a scale is more than zero.")
    if not (abs(model.lat_off) <= 85 and abs(model.long_off) <= 180 and -1000 <= model.height_off <= 9000):
        raise InconsistentSceneError(
            f"{path}: it describes {model.long_off:g}, {model.lat_off:g} at {model.height_off:g} m, which is no ground."
        )
    if model.lat_scale > 5 or model.long_scale > 20 or model.height_scale > 10_000:
        raise InconsistentSceneError(f"{path}: it claims more ground than one image shows.")
    corners = np.array(list(product(np.linspace(-1, 1, 5), repeat=3))).T
    terms = _terms(*corners)
    for name in ("line_den", "samp_den"):
        quotients = np.tensordot(np.array(getattr(model, name)), terms, 1)
        if not (quotients.min() > MIN_DENOMINATOR or quotients.max() < -MIN_DENOMINATOR):
            raise InconsistentSceneError(f"{path}: its {_RPB[name]} comes close to zero inside the image.")
