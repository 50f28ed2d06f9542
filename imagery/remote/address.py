"""URLs, and what of them may be seen."""

import base64
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_SIGNATURE = frozenset({
    "sig", "se", "sp", "sv", "sr", "st", "skoid", "sktid", "skt", "ske", "sks", "skv", "spr", "sip", "sdd",
    "signature", "expires", "key-pair-id", "policy", "awsaccesskeyid", "token", "access_token", "apikey", "api_key",
    "key", "jwt", "auth", "password",
})  # fmt: skip
"""Query parameters that sign a request (Azure SAS, CloudFront, S3 version 2) or prove who asks; x-amz-… and x-goog-…
as well. They change while the object stays the same."""


def is_remote(href: str) -> bool:
    """Whether an href is an address rather than a path."""
    return href.startswith(("http://", "https://", "s3://"))


def public(url: str) -> str:
    """A URL as it may be shown and stored: without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def stable(url: str) -> str:
    """A URL without what signs it: the same for the same object, however it was signed."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not _signs(name)]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(sorted(query)), ""))


def _signs(name: str) -> bool:
    low = name.lower()
    return low in _SIGNATURE or low.startswith(("x-amz-", "x-goog-"))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: credentials for one are not for another.

    Raises:
        ValueError: if the port is not a number.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def without_user(url: str) -> tuple[str, str | None]:
    """A URL without ``user:password@``, and the Authorization header that they amount to."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    basic = base64.b64encode(unquote(user).encode()).decode()
    return urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment)), f"Basic {basic}"
