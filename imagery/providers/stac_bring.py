"""Bringing what a scene shows of some ground: pieces of large files, small files whole."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from imagery.errors import ImageryError, ProviderError
from imagery.files import opened
from imagery.projection import transformer
from imagery.providers.stac_item import Kept
from imagery.remote.address import stable
from imagery.remote.http import Fetcher
from imagery.remote.ranged import RangedFile
from imagery.scene import Asset

MARGIN_PX = 32
"""Around the ground: sampling and cloud margins reach so far, and grids are snapped."""

WHOLE_BYTES = 16 * 2**20
"""An object with a checksum that is no larger is fetched whole, so that its checksum can be looked at."""

WHOLE_JP2_BYTES = 512 * 2**20
"""JPEG 2000 has no tiles to speak of: half of it is read for any window."""

_HASHES = {"1114": "sha1", "1220": "sha256", "1340": "sha512", "1620": "sha3_256", "1440": "sha3_512", "d50110": "md5"}
"""Multihash prefixes of file:checksum (https://github.com/multiformats/multicodec), as services write them."""


@dataclass(frozen=True)
class Checksum:
    """What a file must hash to."""

    algorithm: str
    digest: str
    """Hexadecimal, lower case."""

    @classmethod
    def read(cls, multihash: object) -> "Checksum | None":
        """From `file:checksum`; None where there is none or of a kind nobody here knows."""
        said = multihash.lower() if isinstance(multihash, str) else ""
        for prefix, algorithm in _HASHES.items():
            size = hashlib.new(algorithm, usedforsecurity=False).digest_size
            if said.startswith(prefix) and len(said) == len(prefix) + 2 * size:
                return cls(algorithm, said.removeprefix(prefix))
        return None

    def fits(self, file: Path) -> bool:
        """Whether a file has it."""
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, self.algorithm).hexdigest() == self.digest


class _DamagedError(ProviderError):
    """What was fetched in pieces can not be decoded."""


def bring(asset: Asset, item: Kept | None, ground: BaseGeometry, fetcher: Fetcher) -> Asset:
    """An asset that can be read over some ground without the network.

    Args:
        asset: remote.
        item: what the service said of it, if that is still known.
        ground: in EPSG:4326.
        fetcher: of its service.

    Returns:
        The asset, its href that of a local file where it was fetched whole.

    Raises:
        ProviderError: if it can not be had, is not the raster it should be, or its checksum is wrong.
    """
    said = _said(item, asset)
    size = said.get("file:size")
    size = size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None
    checksum = Checksum.read(said.get("file:checksum"))
    limit = WHOLE_JP2_BYTES if asset.href.lower().endswith((".jp2", ".j2k")) else WHOLE_BYTES
    if checksum is not None and size is not None and size <= limit:
        asset = replace(asset, href=str(_whole(asset.href, size, checksum, fetcher)))
    elif size is not None and (has := RangedFile(fetcher, asset.href).size) != size:
        raise ProviderError(f"{asset.href} has {has:,} bytes, and its item says {size:,}: it is cut short or another.")
    try:
        _look(asset, ground, fetcher)
    except _DamagedError:
        # It was damaged on the way, or lies damaged in the cache since; or it is so at its source, which is final.
        RangedFile(fetcher, asset.href).forget()
        _again(asset, ground, fetcher)
    return asset


def _again(asset: Asset, ground: BaseGeometry, fetcher: Fetcher) -> None:
    try:
        _look(asset, ground, fetcher)
    except _DamagedError:
        RangedFile(fetcher, asset.href).forget()  # for it may be mended when somebody asks the next time
        raise


def _said(item: Kept | None, asset: Asset) -> Mapping[str, Any]:
    assets = item.content["assets"].values() if item is not None else ()
    return next((said for said in assets if said["href"] == asset.href), {})


def _whole(href: str, size: int, checksum: Checksum, fetcher: Fetcher) -> Path:
    key = f"{stable(href)}#{checksum.algorithm}:{checksum.digest}"
    if checksum.algorithm == "sha256":
        return fetcher.file(href, key, size, checksum.digest)
    file = fetcher.file(href, key, size)
    if not checksum.fits(file):
        fetcher.cache.drop(key)
        raise ProviderError(f"{href} has not the {checksum.algorithm} checksum that its item states.")
    return file


def _look(asset: Asset, ground: BaseGeometry, fetcher: Fetcher) -> None:
    """Go through the ground once: what can be decoded now can be decoded later."""
    try:
        with opened(asset.href) as dataset:
            if dataset.crs is None or dataset.count < asset.index:
                raise ProviderError(f"{asset.href} is not the map-projected raster it should be.")
            if "://" not in asset.href:
                return  # its checksum was looked at
            shown = list(windows(dataset, asset.index, ground))
            spans = list(_spans(dataset, asset.index, shown))
            file = RangedFile(fetcher, asset.href)
            file.bring(spans)
            if spans and dataset.profile.get("compress") == "deflate":
                _prove(asset.href, file, spans, _block_bytes(dataset))
            else:
                for window in shown:
                    dataset.read(asset.index, window=window)
    except RasterioError as error:
        kind = _DamagedError if "://" in asset.href else ProviderError
        raise kind(f"{asset.href} is truncated, damaged or no raster ({error}).") from error
    except ProviderError:
        raise
    except ImageryError as error:
        raise ProviderError(str(error)) from error


def _block_bytes(dataset: DatasetReader) -> int:
    height, width = dataset.block_shapes[0]
    return int(height * width * dataset.count * np.dtype(dataset.dtypes[0]).itemsize)


def _prove(href: str, file: RangedFile, spans: list[tuple[int, int]], most: int) -> None:
    """Decode deflated blocks down to their checksums, at which GDAL does not look: it reads damaged ones as they are.

    Args:
        href: for messages.
        file: that holds them.
        spans: offset and size of each.
        most: bytes that a block may decode to.

    Raises:
        ProviderError: if one is damaged.
    """
    for offset, size in spans:
        if offset + size > file.size:
            raise ProviderError(f"{href} is truncated: its blocks reach beyond its {file.size:,} bytes.")
        inflate = zlib.decompressobj()
        try:
            sound = len(inflate.decompress(file.at(offset, size), most + 1)) <= most and inflate.eof
        except zlib.error:
            sound = False
        if not sound:
            raise _DamagedError(f"{href} is damaged: the checksum of its block at byte {offset:,} is wrong.")


def windows(dataset: DatasetReader, index: int, ground: BaseGeometry) -> Iterator[Window]:
    """The blocks of a raster that show some ground, those beside each other in a row as one window."""
    to_crs = transformer("EPSG:4326", dataset.crs.to_wkt()).transform
    outline = shapely.transform(shapely.segmentize(ground, 0.05), to_crs, interleaved=False)
    inverse = ~dataset.transform
    pixels = shapely.transform(
        outline,
        lambda x, y: (inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f),
        interleaved=False,
    )
    pixels = shapely.make_valid(pixels).buffer(MARGIN_PX).intersection(box(0, 0, dataset.width, dataset.height))
    block_height, block_width = dataset.block_shapes[index - 1]
    _, north, _, south = pixels.bounds if not pixels.is_empty else (0, 0, 0, 0)
    for top in range(int(north // block_height) * block_height, int(-(-south // 1)), block_height):
        bottom = min(top + block_height, dataset.height)
        row = pixels.intersection(box(0, top, dataset.width, bottom))
        for part in getattr(row, "geoms", [row]):
            if part.area > 0:
                left = int(part.bounds[0] // block_width) * block_width
                right = min(int(-(-part.bounds[2] // block_width)) * block_width, dataset.width)
                yield Window(left, top, right - left, bottom - top)


def _spans(dataset: DatasetReader, index: int, shown: list[Window]) -> Iterator[tuple[int, int]]:
    """Where in its file the blocks of some windows lie, if it is a TIFF: so they are asked for together."""
    if dataset.driver != "GTiff":
        return
    block_height, block_width = dataset.block_shapes[index - 1]
    for window in shown:
        for y in range(window.row_off // block_height, -(-(window.row_off + window.height) // block_height)):
            for x in range(window.col_off // block_width, -(-(window.col_off + window.width) // block_width)):
                offset = dataset.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=index)
                size = dataset.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=index)
                if offset and size:
                    yield int(offset), int(size)
