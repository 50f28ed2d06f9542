"""A finding held against everything the law and the files say: rules, known patches, permits, a mine's answers."""

import dataclasses
import datetime as dt
from collections.abc import Collection, Sequence

from leads.known import known_state
from leads.mining import mine_answers
from leads.model import Finding
from leads.rules.evaluate import consider
from leads.rules.penalties import Penalty
from leads.rules.subject import subject_of
from leads.temporary import temporary_use


def weigh(
    finding: Finding,
    change_zh: str,
    *,
    layers_given: Collection[str],
    today: dt.date,
    penalties: Sequence[Penalty] = (),
) -> Finding:
    """The finding with `rules`, `known`, `permits` and `mine` filled in.

    Args:
        finding: with its crossings.
        change_zh: Chinese name of its transition; empty where it has none.
        layers_given: kinds of layer that were given, whether anything was crossed or not.
        today: day on which the report is made: permits are read on it as well as on the day first seen.
        penalties: the whole table.
    """
    return dataclasses.replace(
        finding,
        rules=consider(subject_of(finding, change_zh), penalties),
        known=known_state(finding, penalties, given="known_patches" in layers_given),
        permits=temporary_use(finding, change_zh, today),
        mine=mine_answers(finding, layers_given, today) if finding.patch.detector == "mine" else None,
    )
