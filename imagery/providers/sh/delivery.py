"""A scene brought here: from the cache, or asked for, looked at and kept."""

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from imagery.cloudmask import wants_mask, with_mask
from imagery.clouds import GSD_M as CLOUD_GSD_M
from imagery.errors import DiskFullError, ImageryError, ProviderError
from imagery.providers.provider import Quarantined
from imagery.providers.sh.answer import Part, parts_of, unpack
from imagery.providers.sh.catalog import wanted_of
from imagery.providers.sh.client import Service
from imagery.providers.sh.collections import VALID, Collection
from imagery.providers.sh.exchange import StoppedError
from imagery.providers.sh.request import Wanted
from imagery.providers.sh.tiles import Lattice
from imagery.raster import sha256_of
from imagery.remote.cache import Cache
from imagery.remote.limits import Limits
from imagery.remote.retry import RefusedError
from imagery.scene import Asset, Scene

MAX_FAILURES = 20
"""Scenes that fail one after the other before the service is taken to be down and no more are asked for."""


@dataclass(frozen=True)
class Source:
    """Where scenes come from and are kept."""

    profile: str
    collection: Collection
    lattice: Lattice
    service: Service
    cache: Cache
    limits: Limits


class Delivery:
    """The scenes of one call; any thread may bring one."""

    def __init__(self, source: Source) -> None:
        """Nothing is brought yet."""
        self._source = source
        self._lock = threading.Lock()
        self._failures = 0
        self._stopped = False
        self.bytes_cached = 0

    def stop(self) -> None:
        """Ask for nothing more."""
        self._stopped = True

    def bring(self, scene: Scene) -> Scene | Quarantined:
        """A scene with files for assets, or why there are none.

        Raises:
            ProviderError: if nothing more can be had, of this scene or another.
        """
        source = self._source
        try:
            wanted = wanted_of(scene, source.collection, source.lattice)
        except ValueError:
            return Quarantined(scene.id, f"Scene {scene.id} is not of this source; search it again.")
        order = _Order(scene, wanted, wanted.key(source.profile, source.service.config))
        files = self._cached(order)
        if files is not None:
            size = sum(file.stat().st_size for file in files.values())
            with self._lock:
                self.bytes_cached += size
        elif self._stopped or self._failures >= MAX_FAILURES:
            return Quarantined(
                scene.id, f"Scene {scene.id} was not asked for: {MAX_FAILURES} before it failed in a row."
            )
        else:
            try:
                files = self._asked(order)
            except _FailedError as error:
                return Quarantined(scene.id, str(error))
        return self._finished(order, files)

    def _asked(self, order: "_Order") -> Mapping[Part, Path]:
        """The files of a scene that is not here, asked for by one thread of one process.

        Raises:
            _FailedError: if this scene can not be had.
            ProviderError: if nothing more can be had.
        """
        cache, limits = self._source.cache, self._source.limits
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(cache.locked(order.key, limits.deadline_s + limits.timeout_s))
            except ProviderError as error:
                raise _FailedError(f"Scene {order.scene.id}: {error}") from None
            files = self._cached(order)  # another process may just have brought it
            if files is not None:
                return files
            partial = {part: cache.partial(order.key_of(part)) for part in order.parts}
            for file in partial.values():
                stack.callback(file.unlink, missing_ok=True)
            self._download(order, partial)
            return {
                part: cache.adopt(order.key_of(part), file, sha256_of(file), order.scene.assets[VALID].href, ".tif")
                for part, file in partial.items()
            }

    def _download(self, order: "_Order", files: Mapping[Part, Path]) -> None:
        """Writes an answer that is what was asked for."""
        service, wanted = self._source.service, order.wanted
        request, bounds = wanted.request(service.config), service.bounds(wanted.max_bytes)
        refused = False

        def attempt() -> None:
            nonlocal refused
            try:
                unpack(service.download(request, bounds), wanted, files)
            except RefusedError:
                refused = True
                raise

        try:
            service.retried(attempt, f"Scene {order.scene.id}")
        except (StoppedError, DiskFullError):
            raise
        except ProviderError as error:
            with self._lock:  # a service that refuses is up
                self._failures = 0 if refused else self._failures + 1
            raise _FailedError(str(error)) from None
        with self._lock:
            self._failures = 0

    def _cached(self, order: "_Order") -> Mapping[Part, Path] | None:
        files: dict[Part, Path] = {}
        for part in order.parts:
            file = self._source.cache.get(order.key_of(part))
            if file is None:
                return None
            files[part] = file
        return files

    def _finished(self, order: "_Order", files: Mapping[Part, Path]) -> Scene | Quarantined:
        scene = order.scene
        assets = dict(scene.assets)
        for part, file in files.items():
            sha256 = sha256_of(file)
            for channel in part.channels:
                index = part.index(channel.name)
                assets[channel.name] = replace(assets[channel.name], href=str(file), index=index, sha256=sha256)
        done = replace(scene, assets=assets)
        if not wants_mask(done):
            return done
        try:
            return self._masked(done, order)
        except ProviderError:
            raise
        except ImageryError as error:
            return Quarantined(scene.id, str(error))

    def _masked(self, scene: Scene, order: "_Order") -> Scene:
        """With our own cloud mask, which is kept as well."""
        cache, key = self._source.cache, f"{order.key}/mask/{version('weixun')}"

        def write(part: Path) -> None:
            with_mask(scene, part)

        file = cache.get(key)
        if file is None:
            file = cache.put(key, write, "our own cloud mask", ".tif")
        asset = Asset(str(file), gsd_m=CLOUD_GSD_M, sha256=sha256_of(file))
        return replace(scene, assets={**scene.assets, "cloud_mask": asset})


@dataclass(frozen=True)
class _Order:
    """A scene, what to ask for, and what it is kept under."""

    scene: Scene
    wanted: Wanted
    key: str

    @property
    def parts(self) -> tuple[Part, ...]:
        return parts_of(self.wanted)

    def key_of(self, part: Part) -> str:
        return f"{self.key}/{part.gsd_m}m"


class _FailedError(Exception):
    """One scene could not be had."""
