"""How widely a layer may be shown; whatever is made with it inherits the strictest."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol


class Classification(StrEnum):
    """From the freest to the strictest."""

    PUBLIC = "公开"
    INTERNAL = "内部"
    SENSITIVE = "敏感"

    @property
    def en(self) -> str:
        """In English."""
        return self.name.lower()


class Classified(Protocol):
    """Anything that has a classification, such as a layer."""

    @property
    def classification(self) -> Classification:
        """How widely it may be shown."""
        ...


def strictest(things: Iterable[Classified]) -> Classification:
    """The strictest classification among layers, which what is made with them inherits; 公开 where there are none."""
    order = list(Classification)
    return max((thing.classification for thing in things), key=order.index, default=Classification.PUBLIC)
