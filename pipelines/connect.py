"""From `--archive DIR` or `--source NAME` to something that scenes can be asked of, for as long as a run lasts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from imagery.errors import DiskFullError, ProviderError
from imagery.providers.provider import Provider
from imagery.remote.cache import Cache
from pipelines.errors import BadInputError
from pipelines.sources import FILE, GB, LocalSource, SentinelHubSource, SimulatedSource, SourceConfig, configured


@contextmanager
def imagery_of(archive: Path | None, source: str, home: Path) -> Iterator[Provider]:
    """What `--archive DIR` or `--source NAME,NAME` mean; connections and cache are let go of afterwards.

    Args:
        archive: folder of a local archive, or None.
        source: names of `sources.toml` with commas between, or empty.
        home: state folder.

    Raises:
        BadInputError: if neither or both are given, no source has that name, the folder is no archive, or credentials
            are missing.
        DiskFullError: if there is no room for a cache.
    """
    if (archive is None) == (not source):
        raise BadInputError("name the imagery with either --archive DIR or --source NAME")
    with ExitStack() as stack:
        try:
            provider = _local(archive, archive.resolve().name) if archive is not None else _named(source, home, stack)
        except DiskFullError:
            raise
        except ProviderError as error:  # nothing was asked of anybody yet: what was configured is wrong
            raise BadInputError(str(error)) from error
        stack.callback(provider.close)
        yield provider


def _named(source: str, home: Path, stack: ExitStack) -> Provider:
    """The source of a name, or those of several as one."""
    known = configured(home)
    names = list(dict.fromkeys(part.strip() for part in source.split(",")))
    for name in names:
        if name not in known.named:
            others = f"{', '.join(known.named)} are" if known.named else "none is"
            raise BadInputError(
                f"no image source {name!r} is configured ({others}); add it to {home / FILE} (see `weixun "
                'sources example`), or name a local archive instead: --archive DIR, in patrol.toml archive = "DIR"'
            )

    @cache
    def kept() -> Cache:
        made = Cache(home / "cache", round(known.cache_gb * GB))
        stack.callback(made.close)
        return made

    built = [_built(name, known.named[name], home, kept) for name in names]
    if len(built) == 1:
        return built[0]
    from imagery.providers.several import SeveralProviders

    return SeveralProviders(built)


def _local(folder: Path, name: str) -> Provider:
    from imagery.providers.local import LocalProvider

    return LocalProvider.open(folder, name)


def _built(name: str, config: SourceConfig, home: Path, kept: Callable[[], Cache]) -> Provider:
    """Imports what the source needs, and nothing that others need."""
    if isinstance(config, LocalSource):
        return _local(config.archive, name)
    if isinstance(config, SimulatedSource):
        from imagery.providers.simulated import SimulatedProvider
        from imagery.simulated.spec import demo_spec

        return SimulatedProvider(home / "simulated" / f"{name}-{config.seed}", demo_spec(config.seed), name)
    secrets = home / "secrets"
    if isinstance(config, SentinelHubSource):
        from imagery.providers.sentinelhub import SentinelHubProvider

        return SentinelHubProvider.from_config(name, config, kept(), config.limits.limits(), secrets)
    from imagery.providers.stac import StacProvider

    return StacProvider.from_config(name, config, kept(), config.limits.limits(), secrets, home / "cache" / "stac")
