"""What the XML of a Sentinel-2 product in SAFE format says. It comes from outside and is parsed without entities."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.names import SENTINEL2, baseline_in_name
from imagery.sun import AZIMUTH, ELEVATION

MAX_BYTES = 32 << 20
"""The largest real ones, of granules, have about 1 MB."""

OFFSETS_FROM = "04.00"
OWN_BASELINE = "99.99"
"""Products that somebody made with Sen2Cor at home."""

_BAND_IDS = tuple(SENTINEL2)
"""Band 8A comes after 8, so it is number 8 from 0, and band 12 is number 12."""


@dataclass(frozen=True)
class Product:
    """A Sentinel-2 product."""

    name: str
    """Without ``.SAFE``."""

    level: str
    baseline: str
    spacecraft: str
    taken: dt.datetime
    """Start of the datatake, UTC: the time in the product's name."""

    cloud_pct: float | None
    quantification: float
    """Reflectance = (DN + offset) / quantification."""

    offsets: Mapping[str, float]
    """DN by common band name; empty before baseline 04.00."""

    images: tuple[str, ...]
    """Its image files, without suffix, seen from the product's root."""


def product_of(xml: bytes, name: str) -> Product:
    """The product that a ``MTD_MSIL1C.xml`` or ``MTD_MSIL2A.xml`` describes.

    Args:
        xml: its content.
        name: of the file, for messages.

    Raises:
        UnreadableImageError: if it is not such XML, or holds entities.
        InconsistentSceneError: if it contradicts itself.
    """
    root = _parsed(xml, name)
    uri = (_text(root, "PRODUCT_URI") or _text(root, "PRODUCT_URI_2A") or _text(root, "PRODUCT_URI_1C") or "").strip()
    level = re.fullmatch(r"Level-(1C|2A)p?", _needed(root, "PROCESSING_LEVEL", name))
    baseline = _needed(root, "PROCESSING_BASELINE", name)
    if level is None or not re.fullmatch(r"\d\d\.\d\d", baseline):
        raise UnreadableImageError(f"{name} gives no processing level and baseline of Sentinel-2.")
    said = Product(
        name=uri.removesuffix(".SAFE"),
        level=f"L{level[1]}",
        baseline=baseline,
        spacecraft=(_text(root, "SPACECRAFT_NAME") or "Sentinel-2").lower(),
        taken=_time(_text(root, "DATATAKE_SENSING_START") or _needed(root, "PRODUCT_START_TIME", name), name),
        cloud_pct=_share(_text(root, "Cloud_Coverage_Assessment")),
        quantification=_quantification(root, name),
        offsets=_offsets(root, name),
        images=tuple(_images(root, name)),
    )
    _agrees(said, name)
    return said


def sun_of_granule(xml: bytes, name: str) -> dict[str, str]:
    """Where the Sun stood, as properties of a scene, by a ``MTD_TL.xml``; empty where it does not say.

    Raises:
        UnreadableImageError: if it is not XML, or holds entities.
    """
    mean = next(_all(_parsed(xml, name), "Mean_Sun_Angle"), None)
    if mean is None:
        return {}
    zenith, azimuth = (_finite(_text(mean, tag)) for tag in ("ZENITH_ANGLE", "AZIMUTH_ANGLE"))
    if zenith is None or azimuth is None:
        return {}
    return {AZIMUTH: f"{azimuth:.2f}", ELEVATION: f"{90 - zenith:.2f}"}


def _agrees(said: Product, name: str) -> None:
    named = baseline_in_name(said.name)
    if named and named != said.baseline:
        raise InconsistentSceneError(
            f"{name} contradicts itself: baseline {said.baseline}, but its product is named {said.name}."
        )
    if said.baseline == OWN_BASELINE:
        return
    shifted = any(said.offsets.values())
    if shifted != (said.baseline >= OFFSETS_FROM):
        raise InconsistentSceneError(
            f"{name} contradicts itself: baseline {said.baseline} "
            f"{'with' if shifted else 'without'} offsets of its DN; get the product again."
        )


def _parsed(xml: bytes, name: str) -> Element:
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise UnreadableImageError(f"{name} is not XML that can be trusted ({type(error).__name__}).") from error
    return root


def _all(root: Element, tag: str) -> Iterator[Element]:
    return (item for item in root.iter() if isinstance(item.tag, str) and item.tag.rpartition("}")[2] == tag)


def _text(root: Element, tag: str) -> str | None:
    found = next(_all(root, tag), None)
    return found.text.strip() if found is not None and found.text else None


def _needed(root: Element, tag: str, name: str) -> str:
    if text := _text(root, tag):
        return text
    raise UnreadableImageError(f"{name} has no {tag}.")


def _time(text: str, name: str) -> dt.datetime:
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableImageError(f"{name} gives a time that is none ({text[:40]!r}).") from error
    return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def _finite(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _share(text: str | None) -> float | None:
    number = _finite(text)
    return number if number is not None and 0 <= number <= 100 else None


def _quantification(root: Element, name: str) -> float:
    for tag in ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE"):
        number = _finite(_text(root, tag))
        if number is not None and 100 <= number <= 100_000:
            return number
    raise UnreadableImageError(f"{name} gives no quantification value of its reflectance.")


def _offsets(root: Element, name: str) -> dict[str, float]:
    offsets: dict[str, float] = {}
    for tag in ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"):
        for item in _all(root, tag):
            number, band = _finite(item.text), item.get("band_id", "")
            if number is None or abs(number) > 10_000 or not band.isdecimal() or int(band) >= len(_BAND_IDS):
                raise UnreadableImageError(f"{name} gives an offset of DN that is none ({band[:10]!r}).")
            offsets[SENTINEL2[_BAND_IDS[int(band)]]] = number
    return offsets


def _images(root: Element, name: str) -> Iterator[str]:
    for item in (*_all(root, "IMAGE_FILE"), *_all(root, "IMAGE_FILE_2A")):  # the latter of Sen2Cor before 2.5
        image = (item.text or "").strip().removesuffix(".jp2")
        if image.startswith("/") or ".." in image.split("/") or "\\" in image:
            raise UnreadableImageError(f"{name} names an image outside the product ({image[:80]!r}).")
        yield image
