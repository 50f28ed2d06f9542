"""Who may be the regulator of a lead's ground, and whom a recommendation would go to: proposals for a person to check.

Nothing here decides: jurisdiction in Hulunbuir overlaps (森工, 农垦, reserve bureaus; 加格达奇 and 松岭 are run from
Heilongjiang), and an office fills in its own names in the records beside this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from leads.cases.errors import CaseError
from leads.priority import layers_crossed
from leads.shipped import Record, shipped
from leads.store.records import LeadRecord

UNKNOWN = "不详"


class Jurisdiction(Record):
    """Who runs a piece of ground."""

    id: str
    zh: str
    en: str
    words: tuple[str, ...]
    """Words of a place's, layer's or holder's name that tell it."""

    layers: tuple[str, ...] = ()
    addressee: str
    """Empty: the regulator of the banner."""

    note_zh: str
    note_en: str


class Regulator(Record):
    """A department, with the ground and the models that are its own."""

    zh: str
    en: str
    detectors: tuple[str, ...]
    layers: tuple[str, ...]


class Offices(Record):
    """All of them."""

    checked: bool
    note: str
    banners: tuple[str, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    """The first whose words or layers fit holds; the last one is the rule."""

    regulators: tuple[Regulator, ...]


@dataclass(frozen=True)
class Proposal:
    """A proposal, and what else it could be."""

    regulator: str
    addressee: str
    jurisdiction: str
    others: tuple[str, ...]
    """Departments that the ground also speaks for."""

    notes: tuple[str, ...]
    """What is to be checked, Chinese and English."""


@cache
def offices() -> Offices:
    """The shipped records.

    Raises:
        CaseError: if their file is missing or does not hold together.
    """
    return shipped("leads.cases", "regulators.json", Offices, CaseError)


def banner_of(place: str) -> str:
    """The banner that a place lies in: the first known name in it, else its first word; 不详 where nobody said."""
    known = [name for name in offices().banners if name in place]
    if known:
        return min(known, key=place.index)
    words = place.replace("，", " ").replace("、", " ").split()
    return words[0] if words else UNKNOWN


def regulator_of(lead: LeadRecord) -> str:
    """Who the tables name for a lead; 不详 where they name nobody."""
    told = str(lead.attributes.get("regulator") or "")
    return UNKNOWN if not told or told.startswith(UNKNOWN) else told


def propose(leads: Iterable[LeadRecord]) -> Proposal:
    """Regulator, addressee and jurisdiction for a case of some leads, from their tables, layers and places."""
    given = list(leads)
    known = offices()
    named = list(dict.fromkeys(name for name in map(regulator_of, given) if name != UNKNOWN))
    crossed = {kind for lead in given for kind in layers_crossed(lead)}
    models = {lead.detector for lead in given}
    fitting = sorted(
        (one for one in known.regulators if crossed & set(one.layers) or models & set(one.detectors)),
        key=lambda one: (-len(models & set(one.detectors)), -len(crossed & set(one.layers)), one.zh),
    )
    departments = [*named, *(one.zh for one in fitting)]
    where = _jurisdiction(given, crossed)
    banners = [name for name in dict.fromkeys(banner_of(lead.place) for lead in given) if name != UNKNOWN]
    regulator = departments[0] if departments else UNKNOWN
    own = f"{'、'.join(banners)}{regulator}" if banners and regulator not in (UNKNOWN, *named) else regulator
    notes = [f"{where.note_zh}  {where.note_en}"] if where.note_zh else []
    if not named:
        notes.append("监管部门为推定，须核实  the regulator is inferred: check it")
    return Proposal(own, where.addressee or own, where.id, tuple(dict.fromkeys(departments[1:])), tuple(notes))


def _jurisdiction(leads: list[LeadRecord], crossed: set[str]) -> Jurisdiction:
    *special, rule = offices().jurisdictions
    told = " ".join(
        str(part or "")
        for lead in leads
        for part in (lead.place, lead.attributes.get("layers"), lead.attributes.get("holder"))
    )
    for one in special:
        if any(word in told for word in one.words) or crossed & set(one.layers):
            return one
    return rule
