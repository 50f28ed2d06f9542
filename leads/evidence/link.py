"""One link of the chain: what is hashed, and how. No clock goes in."""

import hashlib
import json
from dataclasses import dataclass

GENESIS = "0" * 64
"""What the first link follows."""

OPENING = "chain"
"""Kind of the item that opens the part of a run; it binds the run's name."""

ALTERED = "altered"
"""Kind of the item that says that a row was found to be another than recorded, before it was written over."""


@dataclass(frozen=True)
class Item:
    """A thing that is put into the chain."""

    kind: str
    """``run``, ``output``, ``file``, ``review`` are files of the home's evidence, ``row.<table>`` rows of the store;
    others are stated only."""

    name: str
    sha256: str


def link(prev: str, kind: str, name: str, sha256: str) -> str:
    """The hash of a link.

    Args:
        prev: hash of the link before it; `GENESIS` for the first.
        kind: of the thing.
        name: of the thing.
        sha256: of the thing's content.

    Returns:
        sha256, hex, of the canonical JSON of all four.
    """
    return sha256_of(canonical([prev, kind, name, sha256]))


def opening(part: str) -> Item:
    """What the part of a run begins with."""
    return Item(OPENING, part, sha256_of(part.encode()))


def canonical(value: object) -> bytes:
    """Plain values as the one JSON text they have: keys sorted, no spaces, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    # a half of a surrogate pair can come out of a damaged JSON text
    return text.encode("utf-8", "surrogatepass")


def sha256_of(data: bytes) -> str:
    """sha256, hex."""
    return hashlib.sha256(data).hexdigest()
