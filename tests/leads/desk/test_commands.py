"""The commands around the desk, as the command line runs them."""

import errno
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from leads.desk.keep import review_path
from leads.store.records import LeadRecord
from leads.store.store import Store, home_store
from pipelines.cli import main

VERDICT = "UPDATE leads SET status = ?, reason = ?, reviewer = ?, remark = ? WHERE lead_id = ?"
Ran = tuple[int, str, str]


@pytest.fixture
def weixun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["weixun", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def leads(own_home: Path, fill: Callable[..., list[LeadRecord]]) -> list[LeadRecord]:
    with home_store(own_home) as store:
        return fill(store, 3)


@pytest.fixture
def judged(
    leads: list[LeadRecord], make_inbox: Callable[..., Path], edit_inbox: Callable[..., None], tmp_path: Path
) -> Callable[..., Path]:
    """An inbox in which an analyst gave leads, by their number, a status, reason and name."""

    def judge(verdicts: dict[int, tuple[str, str | None, str | None]]) -> Path:
        inbox = make_inbox(tmp_path, leads)
        edit_inbox(inbox, *((VERDICT, (*verdict, "", leads[number].id)) for number, verdict in verdicts.items()))
        return inbox

    return judge


def store_of(home: Path) -> Store:
    return home_store(home, create=False)


def test_a_review_is_imported_told_and_kept(
    weixun: Callable[..., Ran], own_home: Path, leads: list[LeadRecord], judged: Callable[..., Path]
) -> None:
    inbox = judged({0: ("rejected", "mowing", None), 1: ("rejected", None, None)})
    code, out, _ = weixun("leads", "review", "import", str(inbox), "--reviewer", "王检", "--json")
    told = json.loads(out)
    assert code == 3
    assert told["counts"] == {"applied": 1, "unchanged": 1, "conflict": 0, "unknown": 0, "invalid": 1}
    assert {row["lead_id"]: row["kind_zh"] for row in told["rows"]}[leads[1].id] == "无效"
    with store_of(own_home) as store:
        assert [event.reviewer for event in store.reviews(leads[0].id)] == ["王检"]
    assert review_path(own_home, told["sha256"]).read_bytes() == inbox.read_bytes()
    code, out, _ = weixun("leads", "review", "import", str(inbox), "--reviewer", "王检")
    assert "不属实须填原因 rejected without a reason" in out
    assert "已采纳 applied 0" in out
    assert out.count(leads[1].id) == 1  # its own column names it
    assert leads[2].id not in out  # nobody judged it
    assert code == 3


def test_a_locked_store_loses_no_verdict(
    weixun: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    own_home: Path,
    leads: list[LeadRecord],
    judged: Callable[..., Path],
) -> None:
    inbox = judged(dict.fromkeys(range(len(leads)), ("confirmed", None, "王检")))
    monkeypatch.setattr(Store.open.__func__, "__defaults__", (True, 0.2))
    with closing(sqlite3.connect(own_home / "store.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        code, out, err = weixun("leads", "review", "import", str(inbox))
        assert (code, out) == (6, "")
        assert "in use by another program" in err
        other.execute("ROLLBACK")
    code, out, _ = weixun("leads", "review", "import", str(inbox), "--json")
    assert (code, json.loads(out)["counts"]["applied"]) == (0, len(leads))
    assert weixun("leads", "verify")[0] == 0


def test_a_disk_without_room_for_the_copy_is_told_and_the_import_run_again(
    weixun: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    own_home: Path,
    leads: list[LeadRecord],
    judged: Callable[..., Path],
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    inbox = judged({0: ("confirmed", None, "王检")})
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        code, _, err = weixun("leads", "review", "import", str(inbox))
    assert code == 6
    assert "full" in err
    assert weixun("leads", "review", "import", str(inbox))[0] == 0
    with store_of(own_home) as store:
        assert [event.status for event in store.reviews(leads[0].id)] == ["confirmed"]
    assert weixun("leads", "verify")[0] == 0


def test_what_can_not_be_read_is_one_sentence(
    weixun: Callable[..., Ran], leads: list[LeadRecord], tmp_path: Path
) -> None:
    (tmp_path / "x.gpkg").write_text("no")
    code, out, err = weixun("leads", "review", "import", str(tmp_path / "x.gpkg"))
    assert (code, out) == (2, "")
    assert "is not a GeoPackage" in err
    assert err.count("\n") <= 2


def test_without_a_store_it_says_so(weixun: Callable[..., Ran], tmp_path: Path) -> None:
    assert weixun("leads", "review", "import", str(tmp_path / "x.gpkg"))[0] == 2


def test_a_field_pack_takes_the_strictest_mark_and_names_a_lead_there_is_not(
    weixun: Callable[..., Ran], leads: list[LeadRecord], tmp_path: Path
) -> None:
    code, out, _ = weixun("leads", "field", leads[0].id, leads[1].id, "--out", str(tmp_path / "pack"))
    assert code == 0
    assert out.splitlines()[0].endswith("weixun_field.qgz")
    assert "内部" in (tmp_path / "pack" / "leads_WGS84.kml").read_text()
    code, _, err = weixun("leads", "field", "WX-NONE", "--out", str(tmp_path / "other"))
    assert code == 2
    assert "there is no lead WX-NONE" in err
    assert not (tmp_path / "other").exists()


def test_photos_need_a_folder_and_are_told_one_by_one(
    weixun: Callable[..., Ran], leads: list[LeadRecord], tmp_path: Path
) -> None:
    from PIL import Image

    assert weixun("leads", "photos", str(tmp_path / "none"))[0] == 2
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    code, out, _ = weixun("leads", "photos", str(tmp_path), "--json")
    assert code == 3
    assert [(one["name"], one["kind"]) for one in json.loads(out)] == [("a.jpg", "no_place")]


def test_the_team_desk_wants_postgresql(weixun: Callable[..., Ran], leads: list[LeadRecord], tmp_path: Path) -> None:
    code, _, err = weixun("leads", "desk", "--out", str(tmp_path))
    assert code == 2
    assert "needs PostgreSQL" in err


def test_the_team_desk_is_prepared_and_written(
    weixun: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    postgis_store: Callable[[], str],
    fill: Callable[..., list[LeadRecord]],
    tmp_path: Path,
) -> None:
    url = postgis_store()
    with Store.open(url) as store:
        fill(store, 1)
    monkeypatch.setenv("WEIXUN_STORE", url)
    code, out, err = weixun("leads", "desk", "--prepare", "--out", str(tmp_path))
    assert (code, err) == (0, "")
    assert Path(out.strip()).name == "weixun_desk.qgz"
