"""One request: the bands of one acquisition on one tile, nothing mixed in and nothing interpolated."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType
from sentinelhub.download.models import DownloadRequest
from sentinelhub.geometry import BBox

from imagery.providers.sh.collections import VALID, Collection
from imagery.providers.sh.tiles import Tile

MIXED = 2
"""In the data mask: several products see the pixel and the service does not say which of them is the one asked for."""

_SCRIPT = """\
//VERSION=3
const PRODUCT = {product};
let named = false;
function setup() {{
  return {{
    input: [{{ bands: {bands}, units: {units} }}],
    output: {{ bands: {count}, sampleType: "{sample_type}" }},
    mosaicking: "TILE"
  }};
}}
function isIt(tile) {{
  const names = [tile.productId, tile.sentinel2ProductId, tile.sentinel1ProductId, tile.tileOriginalId, tile.dataPath];
  return names.some(name => String(name || "").includes(PRODUCT));
}}
function preProcessScenes(collections) {{
  const own = collections.scenes.tiles.filter(isIt);
  named = own.length > 0;
  if (named) collections.scenes.tiles = own;
  return collections;
}}
function evaluatePixel(samples) {{
  const seen = samples.filter(s => s.dataMask);
  if (seen.length === 0) return new Array({count}).fill(0);
  const s = seen[0];
  const mark = named || seen.length === 1 ? 1 : {mixed};
  return [{values}, mark];
}}
"""


@dataclass(frozen=True)
class Wanted:
    """What one scene needs from the service."""

    collection: Collection
    product: str
    """The catalogue's id of the acquisition, without ``.SAFE``."""

    time: dt.datetime
    tile: Tile
    harmonised: bool
    """Whether the service is to take the offset of processing baseline 04.00 out of DN."""

    @property
    def script(self) -> str:
        """The evalscript."""
        bands = self.collection.bands
        return _SCRIPT.format(
            product=json.dumps(self.product),
            bands=json.dumps([band.code for band in bands]),
            units=json.dumps([band.unit for band in bands]),
            count=len(bands),
            sample_type={"uint16": "UINT16", "float32": "FLOAT32"}[self.collection.dtype],
            values=", ".join(band.script.format(f"s.{band.code}") for band in bands if band.name != VALID),
            mixed=MIXED,
        )

    @property
    def max_bytes(self) -> int:
        """More than the answer can have, even uncompressed."""
        height, width = self.tile.shape
        item = {"uint16": 2, "float32": 4}[self.collection.dtype]
        return height * width * len(self.collection.bands) * item * 5 // 4 + 2**20

    def request(self, config: SHConfig) -> DownloadRequest:
        """As the client sends it."""
        whole = self.time.replace(microsecond=0)
        data = SentinelHubRequest.input_data(
            self.collection.known,
            time_interval=(whole, whole + dt.timedelta(seconds=1)),
            other_args={"processing": self._processing()},
        )
        height, width = self.tile.shape
        asked = SentinelHubRequest(
            evalscript=self.script,
            input_data=[dict(data)],  # as a plain dict: the client would prefer the collection's own address
            responses=[SentinelHubRequest.output_response("default", MimeType.TIFF)],
            bbox=BBox(self.tile.bounds, CRS(str(self.tile.epsg))),
            size=(width, height),
            config=config,
        )
        return asked.download_list[0]

    def _processing(self) -> dict[str, Any]:
        said: dict[str, Any] = {"upsampling": "NEAREST", "downsampling": "NEAREST", **self.collection.processing}
        if self.collection.harmonises:
            said["harmonizeValues"] = self.harmonised
        return said

    def key(self, profile: str, config: SHConfig) -> str:
        """Of the answer in the cache: readable, and another one whenever the request would be another one."""
        said = json.dumps(self.request(config).post_values, sort_keys=True)
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        return f"sentinelhub/{profile}/{self.collection.id}/{self.product}/{self.tile.name}/{digest}"
