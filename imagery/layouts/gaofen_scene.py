"""From an unpacked Gaofen or ZY-3 image to a scene: its XML and RPC read, held against it, and laid onto the ground."""

import datetime as dt
import math
from dataclasses import dataclass, replace
from pathlib import Path

from imagery.assemble import assemble
from imagery.dem import terrain_under
from imagery.errors import InconsistentSceneError, UnreadableImageError
from imagery.layouts.gaofen_meta import Product, acquired, read_xml
from imagery.layouts.model import BandFile, Candidate, Workplace
from imagery.names import noon
from imagery.ortho import Heights, Raw, footprint_of, outline, pixel_size_m
from imagery.orthofile import in_words, orthofile
from imagery.raster import PixelsInfo, probe_pixels, sha256_of
from imagery.rpc import RationalModel, read_rpc
from imagery.scene import Scene
from imagery.sun import sun_at

FILL = 0.0
"""DN of pixels without data."""

RPC_ENDINGS = (".rpb", "_rpc.txt", ".rpc")
MAX_OFF_DEG = 1.5
"""How far the middle of the RPC may lie from the place in the name: a WFV scene is two degrees wide."""


@dataclass(frozen=True)
class Work:
    """An image on its way to become a scene."""

    candidate: Candidate
    product: Product
    image: Path
    """The unpacked file."""

    workplace: Workplace

    def scene(self) -> Scene:
        """The scene, its pixels on the ground.

        Raises:
            ImageryError: if a file is missing or damaged, or they contradict each other.
        """
        info = probe_pixels(self.image)
        self._check_bands(info)
        candidate = self._dated(info)
        rpc = self._beside(*(self.product.stem + ending for ending in RPC_ENDINGS))
        if not info.georeferenced:
            if rpc is None:
                raise InconsistentSceneError(
                    f"{self.image.name} has no georeference, and no {self.product.stem}.rpb or _rpc.txt lies beside it."
                )
            scene = self._rectified(candidate, info, read_rpc(rpc))
        elif rpc is not None and self.product.level.startswith("1"):
            raise InconsistentSceneError(
                f"{self.image.name} lies on the ground, but {rpc.name} beside it speaks of a raw image: "
                "if it was rectified before, take that file away."
            )
        else:
            scene = self._in_place(candidate, info)
        return replace(self._calibrated(scene, candidate), id=self.candidate.id)

    def _check_bands(self, info: PixelsInfo) -> None:
        named = self.candidate.note.bands or self.product.bands
        if info.count != len(named):
            raise InconsistentSceneError(
                f"{self.image.name} has {info.count} bands, but {len(named)} are known by name: "
                'name them all in a sidecar with "bands" ("" skips one).'
            )

    def _beside(self, *names: str) -> Path | None:
        """The first of some files that lies beside the image, in whatever case it is written."""
        there = {file.name.casefold(): file for file in self.image.parent.iterdir()}
        return next((there[name.casefold()] for name in names if name.casefold() in there), None)

    def _dated(self, info: PixelsInfo) -> Candidate:
        """The candidate with what its XML says.

        Raises:
            UnreadableImageError: if the XML is damaged or hostile.
            InconsistentSceneError: if it is that of another image.
        """
        stem = self.product.stem
        file = self._beside(f"{stem}.xml", *([f"{stem.rpartition('-')[0]}.xml"] if self.product.part else []))
        if file is None:
            return _with(self.candidate, xml="none")
        told = read_xml(file)
        size = [told.get(name, "") for name in ("HeightInPixels", "WidthInPixels")]
        if file.stem.casefold() == stem.casefold() and all(text.isdecimal() for text in size):
            self._check_size(file, (int(size[0]), int(size[1])), info)
        satellite = told.get("SatelliteID", "").upper()
        if satellite.startswith("GF") and satellite != self.product.satellite:
            raise InconsistentSceneError(
                f"{file.name} is of {satellite}, but {self.image.name} of {self.product.satellite}."
            )
        kept = {
            "xml_time": "CenterTime", "product_id": "ProductID", "xml_cloud_percent": "CloudPercent",
            "xml_solar_zenith": "SolarZenith",
            "xml_solar_azimuth": "SolarAzimuth", "xml_satellite_zenith": "SatelliteZenith",
            "xml_satellite_azimuth": "SatelliteAzimuth",
        }  # fmt: skip
        candidate = _with(self.candidate, **{key: told[tag] for key, tag in kept.items() if tag in told})
        if self.candidate.note.when is None:
            when, source = acquired(told, self.product)
            candidate = replace(candidate, when=when, date_source=source)
        return candidate

    def _check_size(self, file: Path, size: tuple[int, int], info: PixelsInfo) -> None:
        if size != info.shape:
            raise InconsistentSceneError(
                f"{self.image.name} has {info.shape[1]} × {info.shape[0]} pixels, but {file.name} tells of "
                f"{size[1]} × {size[0]}: one of them is of another image, or was cut."
            )

    def _in_place(self, candidate: Candidate, info: PixelsInfo) -> Scene:
        if self.candidate.place.is_file() and self.candidate.place.name != self.image.name:
            raise InconsistentSceneError(
                f"{self.image.name} in {self.candidate.place.name} lies on the ground already: unpack it and add the "
                "folder, so that it is read in place."
            )
        if info.nodata is None and candidate.note.nodata is None:
            note = candidate.note.model_copy(update={"nodata": FILL})
            candidate = _with(
                replace(candidate, note=note), nodata="0, the fill of these products; its file names none"
            )
        return assemble(candidate)

    def _rectified(self, candidate: Candidate, info: PixelsInfo, model: RationalModel) -> Scene:
        note = candidate.note
        fill = note.nodata if note.nodata is not None else FILL
        raw = Raw(self.image, info.shape, model, tuple(band.index for band in candidate.bands), fill)
        gsd_m = self._check_model(raw)
        heights = self._heights(raw)
        sha256 = sha256_of(self.image)
        file = orthofile(raw, heights, gsd_m, self.workplace.root, self.candidate.id, sha256)
        bands = tuple(BandFile(band.name, file, position) for position, band in enumerate(candidate.bands, 1))
        candidate = _with(candidate, original_sha256=sha256, **in_words(raw, heights))
        scene = assemble(replace(candidate, bands=bands, note=note.model_copy(update={"nodata": None})))
        return replace(scene, geometry=footprint_of(raw, heights))

    def _check_model(self, raw: Raw) -> float:
        """The pixel size of the camera in metres; refuses a model that is of another image.

        Raises:
            InconsistentSceneError: says what does not fit.
        """
        model, (rows, cols), product = raw.model, raw.shape, self.product
        if math.hypot(model.lat_off - product.lat, (model.long_off - product.lon) / 2) > MAX_OFF_DEG:
            raise InconsistentSceneError(
                f"The RPC of {self.image.name} speaks of {model.long_off:.2f}, {model.lat_off:.2f}, its name of "
                f"{product.lon:g}, {product.lat:g}: it is that of another image."
            )
        if not (0.5 <= 2 * model.line_scale / rows <= 2 and 0.5 <= 2 * model.samp_scale / cols <= 2):
            raise InconsistentSceneError(
                f"The RPC of {self.image.name} is of about {2 * model.samp_scale:.0f} × {2 * model.line_scale:.0f} "
                f"pixels, the image has {cols} × {rows}: it is that of another image."
            )
        nominal = product.known[1] if product.known else math.nan
        size = pixel_size_m(raw)
        if not 0.5 <= size / nominal <= 2:
            raise InconsistentSceneError(
                f"By its RPC a pixel of {self.image.name} is {size:.1f} m wide, but {product.satellite} "
                f"{product.camera} has {nominal:g} m."
            )
        return nominal

    def _heights(self, raw: Raw) -> Heights:
        note, model = self.candidate.note, raw.model
        ground = outline(raw, model.height_off - model.height_scale, model.height_off + model.height_scale)
        if note.dem is None:
            return Heights(terrain_under(ground, self.workplace.elevation), note.geoid_m or 0.0)
        named = self.candidate.place.parent / note.dem
        if not named.exists():
            raise UnreadableImageError(
                f'The sidecar on {self.image.name} names the elevation "{note.dem}": there is none.'
            )
        terrain = terrain_under(ground, (named,))
        if terrain is None:
            raise InconsistentSceneError(f"{named} does not reach {self.image.name}, for which its sidecar names it.")
        return Heights(terrain, note.geoid_m or 0.0)

    def _calibrated(self, scene: Scene, candidate: Candidate) -> Scene:
        """With reflectance at the top of the atmosphere where the sidecar gives gains.

        Raises:
            InconsistentSceneError: if it leaves out a band, or the height of the sun is not known.
        """
        given = candidate.note.calibration
        if given is None:
            return scene
        if missing := sorted(set(scene.assets) - set(given)):
            raise InconsistentSceneError(f"The calibration of {self.image.name} lacks {', '.join(missing)}.")
        if candidate.when == noon(candidate.when.date()):
            raise InconsistentSceneError(
                f"The time of {self.image.name} is not known, and so not how high the sun stood: "
                'give "datetime" in its sidecar beside the calibration.'
            )
        elevation = sun_at(scene.datetime, self.product.lon, self.product.lat).elevation_deg
        light = math.pi * _sun_distance_au(scene.datetime) ** 2 / max(math.sin(math.radians(elevation)), 0.05)
        assets = {
            name: replace(asset, scale=band.gain * light / band.esun, offset=band.bias * light / band.esun)
            for name, asset in scene.assets.items()
            for band in (given[name],)
        }
        told = f"top of atmosphere, by the sidecar's gains and a sun {elevation:.2f}° high"
        return replace(scene, level="L1C", assets=assets, properties={**scene.properties, "scaling": told})


def _sun_distance_au(when: dt.datetime) -> float:
    """Distance between earth and sun (Astronomical Almanac, low-precision formula)."""
    days = (when - dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)).total_seconds() / 86400
    anomaly = math.radians(357.528 + 0.9856003 * days)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)


def _with(candidate: Candidate, **more: str) -> Candidate:
    return replace(candidate, properties={**candidate.properties, **more}, make=None)
