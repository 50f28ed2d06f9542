"""Any STAC API as a source of scenes."""

import datetime as dt
import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shapely.geometry.base import BaseGeometry

from imagery.errors import DiskFullError, ProviderError
from imagery.providers.provider import Fetched, Quarantined
from imagery.providers.stac_bring import bring
from imagery.providers.stac_config import StacConfig
from imagery.providers.stac_index import Index
from imagery.providers.stac_item import Trust, UnusableItemError
from imagery.providers.stac_listing import Service
from imagery.providers.stac_newest import newest
from imagery.providers.stac_offset import check_offset
from imagery.providers.stac_plan import Lister
from imagery.providers.stac_scene import to_scene
from imagery.providers.stac_signing import Signer, Signing
from imagery.remote.cache import Cache
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits
from imagery.remote.registry import forget, register
from imagery.remote.retry import SYSTEM, Clock
from imagery.remote.s3 import S3, Keys
from imagery.remote.secrets import Secret, credentials
from imagery.remote.traffic import Traffic
from imagery.scene import Scene

_ASK_HEADERS = {"Accept": "application/geo+json, application/json", "Accept-Encoding": "gzip"}
_NEAR_DEG = 5.0
"""Centres of scenes lie so far from the ground they show at most; their longitude decides the solar day."""


class StacProvider:
    """Scenes of one service: searched through an index of what was listed before, fetched through the cache."""

    def __init__(self, name: str, config: StacConfig, lister: Lister, api: Fetcher, storage: Fetcher) -> None:
        """Use `from_config`."""
        self._name, self._config, self._lister, self._api, self._storage = name, config, lister, api, storage
        self._registered: set[str] = set()
        self._lock = threading.Lock()
        self.refused: tuple[Quarantined, ...] = ()
        """As `Provider.refused`."""

    @classmethod
    def from_config(
        cls,
        name: str,
        config: StacConfig,
        cache: Cache,
        limits: Limits,
        secrets: Path,
        index: Path,
        clock: Clock = SYSTEM,
    ) -> "StacProvider":
        """A service as it is configured. Nothing is asked yet.

        Args:
            name: what the user calls it; credentials go by this name.
            config: the service.
            cache: of what is fetched; may be shared with other providers.
            limits: of this provider.
            secrets: folder of files with credentials, for what is not in the environment.
            index: folder in which is kept what was listed.
            clock: time and chance.

        Raises:
            ProviderError: if credentials are needed and there are none, or others can read their file.
        """
        known = credentials(name, config.secret_fields, secrets) if config.secret_fields else {}
        api = Fetcher(cache, limits, clock=clock)

        def ask(method: str, url: str, body: Any) -> Any:
            return api.json(method, url, body, _ASK_HEADERS)

        containers: Signer | None = None
        if config.sign_url:
            containers = Signer(lambda url: api.json("GET", url), config.sign_url, config.sign_hosts, clock)
        place = hashlib.sha256(config.url.rstrip("/").encode()).hexdigest()[:16]
        lister = Lister(
            Service(config.url, ask),
            Index(index / f"{place}.sqlite"),
            Trust(config.url, config.hosts, signs=containers is not None),
            threads=max(1, min(4, limits.concurrency)),
            clock=clock,
        )
        sign = Signing(_buckets(config, known), containers)
        headers = _bearer(known["token"]) if "token" in known else None
        return cls(name, config, lister, api, Fetcher(cache, limits, headers, sign, clock))

    @property
    def name(self) -> str:
        """What the user calls it."""
        return self._name

    @property
    def requests(self) -> int:
        """Questions put to the service's API so far."""
        return self._lister.service.requests

    @property
    def traffic(self) -> Traffic:
        """What was asked and fetched so far, of the API and of the storage, and which faults there were."""
        one, other = self._api.traffic, self._storage.traffic
        return Traffic(
            one.requests + other.requests,
            one.bytes_fetched + other.bytes_fetched,
            one.bytes_cached + other.bytes_cached,
            dict(Counter(one.faults) + Counter(other.faults)),
        )

    def close(self) -> None:
        """As `Provider.close`; its scenes can not be read afterwards, unless another source answers for them."""
        forget(self._storage)
        with self._lock:
            self._registered.clear()
        self._api.close()
        self._storage.close()

    def search(self, ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[Scene, ...]:
        """As `Provider.search`; what is of no use is in `refused` afterwards."""
        days = _utc_days(ground, first, last)
        refused: list[Quarantined] = []
        scenes: dict[str, Scene] = {}
        for collection in self._config.collections:
            refused += self._lister.refresh(collection, ground, *days)
            for item in newest(self._lister.index.items(collection, ground, *days)):
                try:
                    scene = to_scene(item, self._config.bands)
                except UnusableItemError as error:
                    refused.append(Quarantined(item.id, f"The item {item.id} is of no use: {error}."))
                    continue
                if first <= scene.solar_day <= last:
                    scenes.setdefault(scene.id, scene)
        self.refused = tuple(refused)
        return tuple(sorted(scenes.values(), key=lambda scene: (scene.datetime, scene.id)))

    def fetch(self, scenes: Sequence[Scene], ground: BaseGeometry, step: Callable[[], None]) -> Fetched:
        """As `Provider.fetch`."""
        before = self._storage.traffic
        with ThreadPoolExecutor(max(1, self._storage.limits.concurrency)) as pool:
            jobs = [pool.submit(self._bring, scene, ground, step) for scene in scenes]
            try:
                found = [job.result() for job in jobs]
            finally:
                pool.shutdown(cancel_futures=True)
        after = self._storage.traffic
        here = tuple(one for one in found if isinstance(one, Scene))
        gone = tuple(one for one in found if isinstance(one, Quarantined))
        if gone and not here and all("credentials" in one.reason for one in gone):
            raise ProviderError(f"The source {self._name} lets us have nothing: {gone[0].reason}")
        return Fetched(here, gone, after.bytes_fetched - before.bytes_fetched, after.bytes_cached - before.bytes_cached)

    def _bring(self, scene: Scene, ground: BaseGeometry, step: Callable[[], None]) -> Scene | Quarantined:
        item = self._lister.index.find(scene.properties.get("collection", ""), scene.id)
        assets = {}
        try:
            for name, asset in scene.assets.items():
                self._register(asset.href)
                assets[name] = bring(asset, item, ground, self._storage)
            if "red" in assets:
                check_offset(assets["red"], item, ground)
        except DiskFullError:
            raise
        except ProviderError as error:
            budget = self._storage.limits.budget_bytes
            if budget is not None and self._storage.traffic.bytes_fetched >= budget:
                raise  # nothing more can be had in this run
            step()
            return Quarantined(scene.id, f"Scene {scene.id}: {error}")
        step()
        return replace(scene, assets=assets)

    def _register(self, href: str) -> None:
        """Let readers find our fetcher for a host or bucket."""
        parts = urlsplit(href)
        prefix = f"{parts.scheme}://{parts.netloc}/"
        with self._lock:
            if parts.scheme in ("http", "https", "s3") and prefix not in self._registered:
                register(prefix, self._storage)
                self._registered.add(prefix)


def _buckets(config: StacConfig, known: Mapping[str, Secret]) -> S3:
    keys = Keys(known["access_key"], known["secret_key"]) if "access_key" in known else None
    anonymous = config.credentials not in ("s3", "aws")
    return S3(keys, config.s3_region, config.s3_endpoint or None, config.requester_pays, anonymous)


def _bearer(token: Secret) -> Callable[[str], Mapping[str, str]]:
    return lambda url: {"Authorization": f"Bearer {token.reveal()}"}


def _utc_days(ground: BaseGeometry, first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """UTC days on which a solar day from first to last can be, for scenes over some ground."""
    west, _, east, _ = ground.bounds
    early = dt.timedelta(hours=min(12.0, (east + _NEAR_DEG) / 15))
    late = dt.timedelta(hours=max(-12.0, (west - _NEAR_DEG) / 15))
    begins = dt.datetime.combine(first, dt.time()) - early
    ends = dt.datetime.combine(last, dt.time()) + dt.timedelta(days=1) - late
    return begins.date(), (ends - dt.timedelta(microseconds=1)).date()
