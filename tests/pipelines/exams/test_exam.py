"""The whole exam: what it asks, what it prints, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.commands.evaluate import evaluate_command
from pipelines.errors import BadInputError
from pipelines.exams.exam import MEASURES, run_exam
from pipelines.exams.labelled import COLUMNS, above_training_free
from pipelines.exams.part import Check, Column, Part
from pipelines.suite import Job


def by_date(job: Job) -> np.ndarray:
    """A score that stands in for the scan: the truth itself, weaker where a method is asked for."""
    changed, _ = job.pair.read_truth()
    return np.where(changed, 0.9, 0.1).astype(np.float32)


def test_unknown_names_are_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"no part 'fire'; it has {', '.join(MEASURES)}"):
        run_exam(tmp_path, tmp_path / "w", ["fire"])
    with pytest.raises(BadInputError, match="no method 'magic'; it has auto, network, training-free"):
        run_exam(tmp_path, tmp_path / "w", methods=["magic"])


def test_imagery_that_was_asked_for_and_is_not_there_is_told(tmp_path: Path) -> None:
    for name in MEASURES:
        with pytest.raises(BadInputError, match=r"holds no|is missing|does not hold"):
            run_exam(tmp_path, tmp_path / "w", [name])


def test_the_command_prints_tables_and_conditions(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipelines.suite.score_by_scan", by_date)
    code = evaluate_command(
        exam=city, only=["oscd,degraded"], method=["auto"], work=tmp_path / "w", out=tmp_path / "exam.json"
    )
    printed = capsys.readouterr().out
    assert code == 0
    for title in ("Labelled cities", "OSCD without SWIR", "OSCD at 30 m", "8-bit picture of three bands"):
        assert title in printed
    assert "met       pooled F1: 1.000, at least 0.46" in printed
    document = json.loads((tmp_path / "exam.json").read_text())
    assert [part["part"] for part in document["parts"]] == ["oscd", "no-swir", "30m", "dom4", "dom3"]
    first = document["parts"][0]
    assert first["rows"][0]["F1"] == 1
    assert all(check["met"] for check in first["checks"])


def test_what_could_not_be_measured_is_told_by_the_exit_code(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (city / "oscd/images/alpha/dates.txt").unlink()
    code = evaluate_command(exam=city, only=["oscd"], work=tmp_path / "w", as_json=True)
    (part,) = json.loads(capsys.readouterr().out)["parts"]
    assert code == 3
    assert part["failed"][0]["name"] == "alpha"
    assert "dates.txt" in part["failed"][0]["reason"]


def test_options_of_another_mode_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="own scores and truth; leave out --truth, --suite"):
        evaluate_command(exam=tmp_path, truth=tmp_path / "t.tif", suite=tmp_path)
    with pytest.raises(BadInputError, match="leave out --method"):
        evaluate_command(suite=tmp_path, method=["auto"])


def cities(method: str, f1: float) -> Part:
    row = ("pixels pooled", 0.5, 0.5, f1, *([0.5] * 7), "")
    return Part("oscd", "cities", method, COLUMNS, (row,), ())


def test_a_network_is_compared_with_training_free_where_both_were_measured() -> None:
    gains = above_training_free(
        {("oscd", "auto"): cities("auto", 0.46), ("oscd", "training-free"): cities("training-free", 0.415)}
    )
    (check,) = gains.values()
    assert list(gains) == [("oscd", "auto")]
    assert check.value == pytest.approx(0.045)
    assert not check.met  # 0.05 is asked for
    assert above_training_free({("oscd", "auto"): cities("auto", 0.46)}) == {}


def test_what_is_not_defined_is_null_and_not_met() -> None:
    check = Check("x", float("nan"), 0.02, at_least=False)
    assert not check.met
    assert Check("x", 0.01, 0.02, at_least=False).met
    part = Part("p", "t", "auto", (Column("a"), Column("b")), ((float("nan"), float("inf")),), (check,))
    document = part.as_json()
    assert document["rows"] == [{"a": None, "b": None}]
    assert document["checks"][0]["value"] is None
    json.dumps(document, allow_nan=False)


def test_every_row_has_a_value_for_every_column(city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.suite.score_by_scan", by_date)
    (part,) = run_exam(city, tmp_path / "w", ["oscd"]).parts
    assert {len(row) for row in part.rows} == {len(part.columns)}
    assert part.values("F1") == [1]
    with pytest.raises(ValueError, match="is not in list"):
        part.values("no such column")
