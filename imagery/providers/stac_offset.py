"""Items of Sentinel-2 that say an offset is still in their pixels when it is not."""

from rasterio.errors import RasterioError
from shapely.geometry.base import BaseGeometry

from imagery.errors import ImageryError, ProviderError
from imagery.files import opened
from imagery.providers.stac_bring import windows
from imagery.providers.stac_item import Kept
from imagery.scene import Asset

DARK_DN = 800
"""With the offset of 1000 DN still in, this is a reflectance of -0.02: deep shadow, and little of it."""

DARK_SHARE = 0.05
LEAST_PX = 1_000


def check_offset(asset: Asset, item: Kept | None, ground: BaseGeometry) -> None:
    """Refuse a scene whose red band is darker than its offset allows.

    Earth Search's ``sentinel-2-l2a`` marks some items of 2022 to 2025 as ``earthsearch:boa_offset_applied: false``
    whose pixels have lost the offset already (Element84/earth-search issues 66 and 71). Taking it off twice would
    darken the whole scene by 0.1, which is a change wherever it is compared.

    Args:
        asset: the red band, brought.
        item: what the service said.
        ground: in EPSG:4326.

    Raises:
        ProviderError: if item and pixels contradict each other.
    """
    said = item.content["properties"].get("earthsearch:boa_offset_applied") if item is not None else None
    if said is not False or asset.offset >= 0:
        return
    try:
        with opened(asset.href) as dataset:
            shown = list(windows(dataset, asset.index, ground))
            if not shown:
                return
            part = dataset.read(asset.index, window=shown[len(shown) // 2])
    except (RasterioError, ImageryError) as error:
        raise ProviderError(f"{asset.href} can not be read ({error}).") from error
    values = part[part > 0]
    dark = float((values < DARK_DN).mean()) if values.size >= LEAST_PX else 0.0
    if dark > DARK_SHARE:
        raise ProviderError(
            "its item says that 1000 DN are still to be taken off, but its pixels have lost them already "
            f"({dark:.0%} of red lie below {DARK_DN} DN); use the collection sentinel-2-c1-l2a."
        )
