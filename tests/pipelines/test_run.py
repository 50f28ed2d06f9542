"""What a run and the demo say at their end."""

from types import SimpleNamespace
from typing import Any

from imagery.simulated.score import MatchTable
from pipelines.demo import DemoReport
from pipelines.run import shortened

HIT: Any = ("a", 0, 0.8)


def test_what_a_model_lacks_is_one_line() -> None:
    notes = (
        "river_protection: no after scene in its season",
        "mine: layer mining_rights was not given",
        "grassland: layer dltb was not given",
        "mine: layer land_approvals was not given",
        "no banner boundaries were given: leads name no place",
    )
    assert shortened(notes) == [
        notes[0],
        "mine: layers not given: mining_rights, land_approvals",
        "grassland: layers not given: dltb",
        notes[-1],
    ]
    assert shortened(()) == []


def test_the_demos_table_is_straight_and_has_no_share_of_nothing() -> None:
    tables = (
        MatchTable("forest_encroachment", hits=(HIT,), misses=(), false_leads=(), aside=(), decoys_raised=()),
        MatchTable("mine", hits=(), misses=("b",), false_leads=(), aside=(), decoys_raised=()),
    )
    run: Any = SimpleNamespace(summary=lambda: "2 leads")
    truth: Any = SimpleNamespace(planted=(1, 2), decoys=())
    *_, first, second = DemoReport(run, truth, tables).summary().splitlines()
    assert first == "  forest_encroachment  precision 1.00  recall 1.00  (1 found, 0 missed, 0 false)"
    assert second == "  mine                 precision   –   recall 0.00  (0 found, 1 missed, 0 false)"
