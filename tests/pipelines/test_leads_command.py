"""`weixun leads list`, `show`, `backup`, `restore` and `move`, as a script meets them."""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from shapely.geometry import box

from leads.identity import assign_ids
from leads.model import Finding, Patch
from leads.store.store import Store, home_store
from leads.tracking.look import Look
from pipelines import cli

DAY = dt.date(2025, 6, 1)
HOSTILE = "[red]x[/red] \x1b[31m<script> =1+1"


def look(day: dt.date, *wests: float) -> Look:
    grounds = [box(west, 49.5, west + 0.002, 49.502) for west in wests]
    patches = [Patch("mine", ground, 0.9, 0.8, 1, 30_000.0, 28_000.0, 32_000.0, 10.0) for ground in grounds]
    leads = assign_ids([Finding(patch, dt.date(2024, 8, 1), day, (day,), 1) for patch in patches])
    rows = {lead.id: {"change_zh": "挖损", "model_zh": "矿场监督", "regulator": "自然资源局"} for lead in leads}
    return Look("steppe", "mine", day, leads, rows, box(119, 49, 121, 50), False)


@pytest.fixture
def store(own_home: Path) -> Store:
    with home_store(own_home) as store:
        store.night("r1", "steppe", [look(DAY, 120.0, 120.1)], (), ())
        store.night("r2", "steppe", [look(DAY + dt.timedelta(days=5), 120.0)], (), ())
        lead = next(store.leads())
        store.review(lead.id, lead.version, "confirmed", "", HOSTILE, "王检", dt.datetime.now(dt.UTC), "f", "0")
    return store


Ran = Callable[..., tuple[int, str, str]]


@pytest.fixture
def weixun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["weixun", "leads", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out = capsys.readouterr()
        return int(left.value.code or 0), out.out, out.err

    return run


def test_a_list_is_one_document_and_a_table(store: Store, weixun: Ran) -> None:
    code, out, _ = weixun("list", "--json")
    rows = json.loads(out)
    assert (code, [row["confidence"] for row in rows]) == (0, ["confirmed", "provisional"])
    assert rows[0]["remark"] == HOSTILE
    code, out, _ = weixun("list")
    assert code == 0
    assert all(part in out for part in (rows[0]["lead_id"], "矿场监督", "2 条线索", "非鉴定意见"))
    assert weixun("list", "--status", "rejected", "--json")[1] == "[]\n"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--confidence", "confirmed"), 1),
        (("--status", "new"), 1),
        (("--model", "grassland"), 0),
        (("--since", "2025-06-02"), 0),
        (("--until", "2025-06-01"), 2),
        (("--bbox", "120.05,49,120.2,50"), 1),
        (("--stock", "new"), 2),
        (("--limit", "1"), 1),
    ],
)
def test_filters(store: Store, weixun: Ran, words: tuple[str, ...], count: int) -> None:
    code, out, _ = weixun("list", "--json", *words)
    assert (code, len(json.loads(out))) == (0, count)


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--since", "1 June"),
        ("list", "--bbox", "1,2,3"),
        ("list", "--bbox", "3,2,1,4"),
        ("list", "--status", "maybe"),
        ("show", "WX-NONE"),
    ],
)
def test_what_can_not_be_asked_is_one_sentence(store: Store, weixun: Ran, words: tuple[str, ...]) -> None:
    code, out, err = weixun(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_show_tells_all_and_obeys_no_control_character(store: Store, weixun: Ran) -> None:
    lead = json.loads(weixun("list", "--json")[1])[0]["lead_id"]
    told = json.loads(weixun("show", lead, "--json")[1])
    assert [one["seen"] for one in told["observations"]] == [True, True]
    assert told["reviews"][0]["remark"] == HOSTILE
    code, out, _ = weixun("show", lead)
    assert code == 0
    assert "\x1b" not in out
    assert all(part in out for part in (lead, "(2024-08-01, 2025-06-01]", "王检", "自然资源局"))


def test_no_store_yet(weixun: Ran) -> None:
    code, _, err = weixun("list")
    assert (code, "there is no store" in err) == (2, True)


def test_a_backup_comes_back_in_another_home(
    store: Store, weixun: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "saved.sqlite"
    assert weixun("backup", "--out", str(saved))[0] == 0
    assert weixun("backup", "--out", str(saved))[0] == 2
    rows = weixun("list", "--json")[1]
    assert weixun("restore", str(saved))[0] == 2  # this store holds data
    monkeypatch.setenv("WEIXUN_HOME", str(tmp_path / "new"))
    assert json.loads(weixun("restore", str(saved), "--json")[1])["leads"] == 2
    assert weixun("list", "--json")[1] == rows
    code, out, _ = weixun("move", "--to", f"sqlite:///{tmp_path}/moved.sqlite")
    assert (code, "WEIXUN_STORE" in out) == (0, True)
    monkeypatch.setenv("WEIXUN_STORE", f"sqlite:///{tmp_path}/moved.sqlite")
    assert weixun("list", "--json")[1] == rows


def test_a_newer_store_is_bad_input(store: Store, weixun: Ran, own_home: Path) -> None:
    with home_store(own_home) as opened, opened.writing() as connection:
        connection.execute(sa.text("UPDATE weixun_version SET version_num = '9999'"))
    code, _, err = weixun("list")
    assert (code, "newer Weixun" in err) == (2, True)


def test_help_answers_at_once_without_the_database() -> None:
    code = (
        "import sys, pipelines.cli; "
        "print([name for name in ('sqlalchemy', 'shapely', 'alembic', 'rich.table') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout.strip() == "[]"
