"""Which fetcher brings which address; providers enter theirs, readers find it by the href of an asset."""

import threading

from imagery.remote.address import public
from imagery.remote.http import Fetcher

_LOCK = threading.Lock()
_FETCHERS: dict[str, Fetcher] = {}


def register(prefix: str, fetcher: Fetcher) -> None:
    """Let a fetcher bring every href that begins so; the longest prefix wins, a later one replaces an earlier.

    Args:
        prefix: ``https://host/``, ``https://host/path/``, ``s3://bucket/``.
        fetcher: whose cache, credentials and limits count for it.
    """
    with _LOCK:
        _FETCHERS[prefix] = fetcher


def forget(fetcher: Fetcher) -> None:
    """Let a fetcher answer for nothing any more."""
    with _LOCK:
        for prefix in [prefix for prefix, known in _FETCHERS.items() if known is fetcher]:
            del _FETCHERS[prefix]


def fetcher_for(href: str) -> Fetcher | None:
    """The fetcher of an href; None if nobody answers for it."""
    with _LOCK:
        # With the slash, so that https://host answers for https://host/… and not for https://host.elsewhere/….
        known = [prefix for prefix in _FETCHERS if f"{public(href)}/".startswith(f"{prefix.rstrip('/')}/")]
        return _FETCHERS[max(known, key=len)] if known else None
