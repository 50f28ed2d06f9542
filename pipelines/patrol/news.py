"""What a night changed, as the difference of the leads before and after it: the same whether it was interrupted."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from leads.store.records import Confidence, LeadRecord
from pipelines.patrol.files import read_json, write_json

GROWN = 1.2
"""A lead has grown when its area is this many times what it was."""

State = Mapping[str, list[Any]]


@dataclass(frozen=True)
class News:
    """Ids of leads by what became of them."""

    new: tuple[str, ...] = ()
    stock: tuple[str, ...] = ()
    """New to us, on ground never seen before: they may have been there all along (存量)."""

    confirmed: tuple[str, ...] = ()
    grown: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, tuple[str, ...]]:
        """By word."""
        return asdict(self)

    @property
    def count(self) -> int:
        """Leads that are different from the day before."""
        return sum(map(len, asdict(self).values()))


def remember(file: Path, leads: Iterable[LeadRecord]) -> None:
    """Keep the state of an area's leads before a night, once."""
    if not file.exists():
        write_json(file, {"leads": {lead.id: _state(lead) for lead in leads}})


def news_since(file: Path, leads: Iterable[LeadRecord]) -> News:
    """What became of the leads since `remember`."""
    before: State = read_json(file).get("leads", {})
    found: dict[str, list[str]] = {name: [] for name in asdict(News())}
    for lead in leads:
        if word := _became(before.get(lead.id), lead):
            found[word].append(lead.id)
    return News(**{name: tuple(sorted(ids)) for name, ids in found.items()})


def _state(lead: LeadRecord) -> list[Any]:
    return [lead.confidence.value, round(lead.area_m2, 1), lead.into]


def _became(before: list[Any] | None, lead: LeadRecord) -> str:
    if before is None:
        return "" if lead.into else "stock" if lead.stock.value == "inventory" else "new"
    confidence, area_m2, into = before
    if lead.into != into:
        return "merged"
    if lead.confidence.value != confidence:
        if lead.confidence is Confidence.WITHDRAWN:
            return "withdrawn"
        if confidence == Confidence.WITHDRAWN.value:
            return "returned"
        return "confirmed" if lead.confidence is Confidence.CONFIRMED else ""
    return "grown" if lead.area_m2 >= GROWN * area_m2 else ""
