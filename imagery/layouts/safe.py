"""Sentinel-2 products as they are handed out: ``*.SAFE`` folders, or zips of one, level 1C or 2A."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.layouts.model import BandFile, Candidate, Refusal
from imagery.layouts.safe_metadata import MAX_BYTES, Product, product_of, sun_of_granule
from imagery.layouts.tree import Tree
from imagery.levels import Scaling
from imagery.names import SENTINEL2, baseline_in_name
from imagery.scene import COARSE_MASK
from imagery.sidecar import Notes, SceneNote

_METADATA = re.compile(r"^((?:[^/]+/)?)MTD_MSIL(?:1C|2A)\.xml$")
_IMAGE = re.compile(r"_(B(?:0[1-9]|1[0-2]|8A)|SCL)(?:_(\d\d)m)?$")
_NATIVE_M = {
    **dict.fromkeys(("B02", "B03", "B04", "B08"), 10),
    **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12", "SCL"), 20),
    **dict.fromkeys(("B01", "B09", "B10"), 60),
}
"""What the instrument resolves; finer copies in a product are interpolated."""

_CLASSI = (COARSE_MASK, "classi_cirrus", "classi_snow")
_RADAR = re.compile(r"^S1[A-D]_(?:IW|EW|SM|S[1-6]|WV)_")
_NAMED = re.compile(r"^S2[A-D]_(?:MSIL|OPER_)")

RADAR_HOW_TO = (
    "it is in radar geometry, not on the ground; make a terrain-corrected GeoTIFF of it (RTC), "
    "or get it as one, and add that"
)


def recognise(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    """The scene of a SAFE folder or of a zip that holds one; None for anything else."""
    if path.is_dir():
        if not (path.suffix.upper() == ".SAFE" or any(_METADATA.match(file.name) for file in path.glob("MTD_*.xml"))):
            return None
    elif path.suffix.lower() != ".zip" or not path.is_file():
        return None
    try:
        return _recognised(path, notes)
    except (UnreadableImageError, InconsistentSceneError) as error:
        return (Refusal(path, str(error)),)


def _recognised(path: Path, notes: Notes) -> tuple[Candidate | Refusal, ...] | None:
    tree = Tree.of(path)
    found = [match for name in tree.names if (match := _METADATA.match(name))]
    product = any(_NAMED.match(part) or part.endswith(".SAFE") for part in (path.name, *_tops(tree)))
    if not found and any(_RADAR.match(part) for part in (path.name, *_tops(tree))):
        return (Refusal(path, f"{path.name} can not be used as it is: {RADAR_HOW_TO}."),)
    if not found and not product:
        return None
    if len(found) != 1:
        return (Refusal(path, f"{path.name} holds {len(found)} files MTD_MSIL1C.xml or MTD_MSIL2A.xml, not one."),)
    return (_candidate(_Safe(tree, found[0][1], product_of(*_metadata(tree, found[0][0]))), notes),)


def _tops(tree: Tree) -> set[str]:
    return {PurePosixPath(name).parts[0] for name in tree.names if "/" in name}


def _metadata(tree: Tree, name: str) -> tuple[bytes, str]:
    return tree.read(name, MAX_BYTES), str(tree.path(name))


@dataclass(frozen=True)
class _Safe:
    tree: Tree
    top: str
    """The folder inside an archive, with its slash; empty in a folder."""

    product: Product

    def named(self, pattern: str) -> list[str]:
        """Files of the product by a pattern on their names."""
        return [name for name in self.tree.names if re.search(pattern, name) and name.startswith(self.top)]


def _candidate(safe: _Safe, notes: Notes) -> Candidate:
    product, place = safe.product, safe.tree.root
    name = product.name or place.name.partition(".")[0]
    _same_product(place.name, product)
    said = notes.about(place)
    note, source = said if said else (SceneNote.model_validate({}), "")
    return Candidate(
        place=place,
        stem=name,
        when=note.when or product.taken,
        date_source=source if note.when else "MTD_MSI" + product.level + ".xml",
        bands=(*_bands(safe), *_masks(safe)),
        sensor="sentinel-2",
        level=product.level,
        note=note.model_copy(
            update={
                "baseline": note.baseline or product.baseline,
                "cloud_pct": note.cloud_pct if note.cloud_pct is not None else product.cloud_pct,
            }
        ),
        properties={"layout": "SAFE", "product": name, "platform": product.spacecraft, **_sun(safe)},
        scaling=_scaling(product),
    )


def _same_product(name: str, product: Product) -> None:
    baseline = baseline_in_name(name)
    level = re.search(r"_MSI(L1C|L2A)_", name)
    if (baseline and baseline != product.baseline) or (level and level[1] != product.level):
        raise InconsistentSceneError(
            f"{name} says another level or baseline than the metadata in it ({product.level}, {product.baseline}); "
            "give it its own name back, or get the product again."
        )


def _bands(safe: _Safe) -> list[BandFile]:
    """Each band once, as fine as the instrument saw it.

    Raises:
        InconsistentSceneError: if the product lists no image, images of several granules, or one that is not there.
    """
    images = [image for image in safe.product.images if (match := _IMAGE.search(image)) and match[1] != "SCL"]
    granules = {image.split("/")[1] for image in images if image.count("/") > 1}
    if len(granules) != 1:
        raise InconsistentSceneError(
            f"{safe.tree.root.name} lists images of {len(granules)} granules; products of one granule are read."
        )
    chosen: dict[str, tuple[tuple[bool, int], str]] = {}
    for image in images:
        match = _IMAGE.search(image)
        if match is None:
            continue
        code, size_m = match[1], int(match[2] or 0)
        rank = (0 < size_m < _NATIVE_M[code], size_m)
        if code not in chosen or rank < chosen[code][0]:
            chosen[code] = (rank, image)
    files = set(safe.tree.names)
    bands: list[BandFile] = []
    for code, (_, image) in chosen.items():
        name = f"{safe.top}{image}.jp2"
        if name not in files:
            raise InconsistentSceneError(
                f"{safe.tree.root.name} is not whole: {image}.jp2 is listed in it and missing; get the product again."
            )
        bands.append(BandFile(SENTINEL2[code], safe.tree.path(name)))
    return bands


def _masks(safe: _Safe) -> list[BandFile]:
    if safe.product.level == "L2A":
        classes = safe.named(r"_SCL_20m\.jp2$") or safe.named(r"_SCL_60m\.jp2$")
        return [BandFile("scl", safe.tree.path(name)) for name in classes[:1]]
    masks = safe.named(r"/QI_DATA/MSK_CLASSI_B00\.jp2$")
    return [BandFile(mask, safe.tree.path(name), index) for name in masks[:1] for index, mask in enumerate(_CLASSI, 1)]


def _sun(safe: _Safe) -> dict[str, str]:
    granules = safe.named(r"/GRANULE/[^/]+/MTD_TL\.xml$|^GRANULE/[^/]+/MTD_TL\.xml$")
    return sun_of_granule(*_metadata(safe.tree, granules[0])) if granules else {}


def _scaling(product: Product) -> dict[str, Scaling]:
    said = f"Sentinel-2 {product.level}, baseline {product.baseline}, by its metadata"
    step = 1 / product.quantification
    return {
        band: Scaling(step, product.offsets.get(band, 0.0) * step, 0.0, said) for band in SENTINEL2.values()
    }  # fmt: skip
