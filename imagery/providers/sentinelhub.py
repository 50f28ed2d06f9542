"""Sentinel Hub and the Copernicus Data Space: the service cuts and delivers pixels, one request for each scene.

The catalogue says what there is; each acquisition is cut on a fixed lattice into scenes, and one Process request brings
all bands of a scene, its classes and its data mask. docs.sentinel-hub.com and documentation.dataspace.copernicus.eu
describe the service.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from imagery.providers.provider import Fetched, Quarantined
from imagery.providers.sh.catalog import items_of, scenes_of
from imagery.providers.sh.client import Service
from imagery.providers.sh.collections import COLLECTIONS, deployment
from imagery.providers.sh.delivery import Delivery, Source
from imagery.providers.sh.settings import SentinelHubSettings
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits
from imagery.remote.retry import SYSTEM, Clock
from imagery.remote.secrets import credentials
from imagery.remote.traffic import Traffic
from imagery.scene import Scene

MARGIN_DEG = 1e-6
"""A point has a box as well."""


class SentinelHubProvider:
    """One collection of one deployment, with one account. Safe for threads; one for a run, so that its limits hold."""

    def __init__(
        self, name: str, settings: SentinelHubSettings, cache: Cache, limits: Limits, service: Service
    ) -> None:
        """Asks for nothing yet; see `from_config`.

        Args:
            name: what the user calls it.
            settings: which collection, and where.
            cache: where answers are kept.
            limits: of everything that is asked.
            service: the deployment.
        """
        self._name = name
        self._refused: tuple[Quarantined, ...] = ()
        self._settings = settings
        collection = COLLECTIONS[settings.collection]
        self._from = Source(settings.profile, collection, collection.lattice(settings.tile_px), service, cache, limits)

    @classmethod
    def from_config(
        cls,
        name: str,
        settings: SentinelHubSettings,
        cache: Cache,
        limits: Limits,
        secrets: Path,
        clock: Clock = SYSTEM,
    ) -> "SentinelHubProvider":
        """A provider as it is configured; nothing is asked of the service yet.

        Args:
            name: what the user calls it.
            settings: which collection, and where.
            cache: where answers are kept.
            limits: of everything that is asked.
            secrets: folder of files with credentials, for what is not in the environment.
            clock: time and chance.

        Raises:
            ProviderError: if there are no credentials, or others can read their file.
        """
        known = credentials(settings.credentials, ("client_id", "client_secret"), secrets)
        return cls(name, settings, cache, limits, Service(deployment(settings), limits, known, clock))

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._name

    @property
    def traffic(self) -> Traffic:
        """What was asked and fetched so far, and which faults there were."""
        return self._from.service.traffic

    @property
    def refused(self) -> tuple[Quarantined, ...]:
        """As `Provider.refused`: acquisitions that the catalogue lists in another form than it documents."""
        return self._refused

    def close(self) -> None:
        """As `Provider.close`; a later call opens new connections."""
        self._from.service.close()

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """Scenes over a geometry in EPSG:4326 on solar days from first to last, one for each acquisition and tile.

        Raises:
            ProviderError: if the catalogue can not be asked, refuses, or answers nonsense after all retries.
        """
        shapely.prepare(ground)
        day = dt.timedelta(days=1)  # the solar day begins up to twelve hours before or after the UTC day
        start = dt.datetime.combine(first - day, dt.time(), dt.UTC)
        end = dt.datetime.combine(last + day, dt.time(23, 59, 59), dt.UTC)
        found: dict[str, Scene] = {}
        refused: list[Quarantined] = []
        for page in self._from.service.pages(self._from.collection, _box(ground), (start, end)):
            items, wrong = items_of(page)
            refused += wrong
            for item in items:
                if (item.cloud_pct or 0) > self._settings.max_cloud_pct or not ground.intersects(item.footprint):
                    continue
                for scene in scenes_of(item, ground, self._from.collection, self._from.lattice, self._from.profile):
                    if first <= scene.solar_day <= last:
                        found[scene.id] = scene
        self._refused = tuple(refused)
        return tuple(sorted(found.values(), key=lambda scene: (scene.datetime, scene.id)))

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """Bring scenes here, whole tiles each; one that can not be brought is quarantined.

        Raises:
            ProviderError: if nothing more can be had: credentials refused, disk full, byte budget used up.
        """
        before = self.traffic.bytes_fetched
        run = Delivery(self._from)

        def bring(scene: Scene) -> Scene | Quarantined:
            try:
                result = run.bring(scene)
            except BaseException:
                run.stop()  # at once: other threads would go on asking until this one's turn to be looked at
                raise
            step()
            return result

        with ThreadPoolExecutor(max(self._from.limits.concurrency, 1)) as pool:
            waiting = {scene.id: scene for scene in scenes}
            results = [pool.submit(bring, scene) for scene in waiting.values()]
            try:
                done = [future.result() for future in results]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return Fetched(
            scenes=tuple(result for result in done if isinstance(result, Scene)),
            quarantined=tuple(result for result in done if isinstance(result, Quarantined)),
            bytes_fetched=self.traffic.bytes_fetched - before,
            bytes_cached=run.bytes_cached,
        )


def _box(ground: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = ground.bounds
    return west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG
