"""The rules that a lead was held against, with their dates and state, from the flat row and the records."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leads.attributes import Value
from leads.dossier.words import chinese
from leads.exports.text import plain
from leads.rules.records import Rule, load_rules

NOT_STATED = "未得出面积比对结果（影像无法判定，或看许可期限、用途）"

BY_TERM = "看许可期限，见“临时用地期限”一栏"
"""Of a rule that is decided by a permit's dates."""


@dataclass(frozen=True)
class Considered:
    """One document and what was said of it."""

    document: str
    article: str
    title: str
    in_force: str
    state: str
    notes: str
    source: str


def considered(
    rule: Value, rule_state: Value, rule_note: Value, conduct: tuple[dt.date, dt.date] | None, model: str
) -> tuple[Considered, ...]:
    """The documents of a row, in its order; none where no rule was compared.

    Args:
        rule: the row's documents.
        rule_state: its comparisons.
        rule_note: its remarks.
        conduct: interval of the conduct; records of other days are left aside.
        model: the detector's id.
    """
    records = load_rules()
    documents = _documents(plain(rule), sorted({one.document for one in records}, key=lambda text: -len(text)))
    states = dict(_segments(plain(rule_state), documents, ""))
    notes = dict(_segments(plain(rule_note), documents, "："))
    found = []
    for document in documents:
        told = states.get(document, "")
        matching = _matching(document, told, records, conduct, model)
        found.append(
            Considered(
                document,
                "；".join(dict.fromkeys(one.article for one in matching)) or "–",
                "；".join(one.title_zh for one in matching) or "–",
                "；".join(dict.fromkeys(map(_in_force, matching))) or "–",
                chinese(_without(told, document, matching)) or _unstated(matching),
                chinese(notes.get(document, "")),
                "；".join(dict.fromkeys(_source(one) for one in matching)),
            )
        )
    return tuple(found)


def _documents(text: str, known: Sequence[str]) -> list[str]:
    """Names of documents; a name may hold the mark that joins them."""
    found: list[str] = []
    while text:
        name = next((one for one in known if text == one or text.startswith(f"{one}；")), text.partition("；")[0])
        found.append(name)
        text = text[len(name) :].removeprefix("；")
    return list(dict.fromkeys(one for one in found if one))


def _segments(text: str, documents: Sequence[str], after: str) -> Iterator[tuple[str, str]]:
    """(document, what is said of it): a segment begins with its document."""
    starts = []
    for at in range(len(text)):
        if at == 0 or text[at - 1] == "；":
            longest = max((one for one in documents if text.startswith(one + after, at)), key=len, default="")
            if longest:
                starts.append((at, longest))
    ends = [at for at, _ in starts[1:]] + [len(text) + 1] * bool(starts)
    merged: dict[str, list[str]] = {}
    for (at, document), end in zip(starts, ends, strict=True):
        merged.setdefault(document, []).append(text[at + len(document) + len(after) : end - 1].strip())
    # two articles of one document may say the same of one ground
    yield from ((document, "；".join(dict.fromkeys(told))) for document, told in merged.items())


def _matching(
    document: str, told: str, records: Sequence[Rule], conduct: tuple[dt.date, dt.date] | None, model: str
) -> list[Rule]:
    same = [one for one in records if one.document == document and one.enabled]
    same = [one for one in same if conduct is None or one.overlaps(*conduct)]
    named = [one for one in same if one.article and told.startswith(one.article)]
    mine = [one for one in same if model in one.detectors or one.elsewhere]
    return named or mine or same


def _without(told: str, document: str, matching: Sequence[Rule]) -> str:
    article = next((one.article for one in matching if one.article and told.startswith(one.article)), "")
    return told.removeprefix(article).strip()


def _unstated(matching: Sequence[Rule]) -> str:
    return BY_TERM if matching and all(rule.kind == "permit" for rule in matching) else NOT_STATED


def _in_force(rule: Rule) -> str:
    begins = f"{rule.effective_from} 起" if rule.effective_from else "施行日不详"
    return f"{begins}至 {rule.effective_to}" if rule.effective_to else f"{begins}施行"


def _source(rule: Rule) -> str:
    checked = f"核对于 {rule.verified_on}" if rule.verified_on else "未核对原文"
    return f"{rule.source}（{checked}）"
