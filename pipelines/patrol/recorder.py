"""What a block would put into a scan's files, held until it is known whether it is wanted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aoi.grid import Block
from detectors.core.types import FloatArray
from imagery.mosaic import Mosaic
from leads.raster import REFLECTANCE_SCALE, stored_image
from pipelines.block import BlockResult
from pipelines.outputs import Looks, Outputs, Role

Images = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""Before and after of a core, as `leads.raster.stored_image` has them."""


@dataclass(frozen=True)
class Recording:
    """What one block has for the files of a scan."""

    looks: Mapping[str, Looks]
    """By detector."""

    images: Images | None
    """Only where there is a piece of change: a night keeps pictures of what it reports, not of the whole steppe."""

    def replay(self, outputs: Outputs, block: Block) -> None:
        """Put it there."""
        for detector, looks in self.looks.items():
            outputs.remember(detector, block, looks)
        if self.images is not None:
            outputs.put_images(block, *self.images)


class Recorder(Outputs):
    """Takes what `work_block` writes and opens no file."""

    def __init__(self, reflectance: bool) -> None:
        """Nothing yet.

        Args:
            reflectance: whether values are reflectance.
        """
        self.images, self.scores, self.surfaces = {}, {}, {}
        self._scale = REFLECTANCE_SCALE if reflectance else 1.0
        self._looks: dict[str, Looks] = {}
        self._pictures: Images | None = None

    def write_score(self, detector: str, block: Block, score: FloatArray) -> None:
        """A patrol keeps no score maps."""

    def write_surface(self, role: Role, block: Block, codes: NDArray[np.uint8]) -> None:
        """A patrol keeps no surfaces."""

    def write_images(self, block: Block, before: Mosaic, after: Mosaic) -> None:
        """As `Outputs.write_images`."""
        cut = ((mosaic.data[:, *block.core], mosaic.bands) for mosaic in (before, after))
        first, second = (stored_image(data, bands, self._scale) for data, bands in cut)
        self._pictures = first, second

    def remember(self, detector: str, block: Block, looks: Looks) -> None:
        """As `Outputs.remember`."""
        self._looks[detector] = looks

    def recording(self, result: BlockResult) -> Recording:
        """What is left of it once the pieces are known."""
        change = any(piece.pixels for found in result.fragments.values() for piece in found)
        return Recording(self._looks, self._pictures if change else None)
