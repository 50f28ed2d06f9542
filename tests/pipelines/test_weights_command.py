"""`weixun weights` and the line of `weixun doctor`, as a person meets them."""

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines import cli
from pipelines.doctor import examine
from weights import store
from weights.folder import MANIFEST
from weights.manifest import Draft, Entry, Source, Thresholds


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site" / "weights"
    folder.mkdir(parents=True)
    monkeypatch.setattr("weights.store.SHIPPED", folder)
    return folder


class Asked:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capfd = monkeypatch, capfd
        self.printed = self.said = ""

    def run(self, *arguments: str) -> int:
        self.monkeypatch.setattr(sys, "argv", ["weixun", "weights", *arguments])
        self.capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        self.printed, self.said = self.capfd.readouterr()
        return int(left.value.code or 0)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Asked:
    return Asked(monkeypatch, capfd)


def save(folder: Path) -> Entry:
    draft = Draft(
        name="disturbance",
        file="disturbance.safetensors",
        licence="Apache-2.0",
        created=dt.date(2026, 11, 22),
        code_version="0.1.0",
        seed=7,
        command="weixun train",
        architecture={"encoder": "mobilenet_v2"},
        bands=("red", "nir"),
        gsd_m=(10, 30),
        reach_px=165,
        thresholds=Thresholds(low=0.3, high=0.5),
        training_data=(Source(name="steppe", licence="Apache-2.0", what="simulated"),),
    )
    return store.save(folder, draft, {"a": np.ones(1000, np.float32)})


def test_nothing_is_installed(ask: Asked) -> None:
    assert ask.run("list") == 0
    assert "training-free" in ask.printed
    assert ask.run("list", "--json") == 0
    assert json.loads(ask.printed) == []
    assert ask.run("verify") == 0


def test_list_says_which_weights_are_used(ask: Asked, own_home: Path, shipped: Path) -> None:
    entry = save(own_home / "weights")
    save(shipped)
    assert ask.run("list") == 0
    for said in ("disturbance.safetensors", "0.00 MB", entry.sha256[:12], "red, nir", "10 to 30 m", "0.5 (low 0.3)",
                 "2026-11-22", "(home)", "(shipped, not used"):  # fmt: skip
        assert said in ask.printed
    assert ask.run("list", "--json") == 0
    rows = json.loads(ask.printed)
    assert [(row["where"], row["used"], row["sha256"]) for row in rows] == [
        ("home", True, entry.sha256),
        ("shipped", False, entry.sha256),
    ]
    assert rows[0]["thresholds"] == {"low": 0.3, "high": 0.5}


def test_verify_is_0_or_5(ask: Asked, own_home: Path) -> None:
    file = own_home / "weights" / save(own_home / "weights").file
    assert ask.run("verify") == 0
    assert "ok        home     disturbance.safetensors" in ask.printed
    data = file.read_bytes()
    file.write_bytes(data[:-1] + b"\1")
    assert ask.run("verify") == 5
    assert "changed   home     disturbance.safetensors" in ask.printed
    assert ask.run("verify", "--json") == 5
    (wrong,) = [row for row in json.loads(ask.printed) if not row["ok"]]
    assert (wrong["name"], wrong["state"], wrong["where"]) == ("disturbance", "changed", "home")
    file.write_bytes(data)
    assert ask.run("verify") == 0
    (file.parent / "model.pt").write_bytes(b"\x80\x04N.")
    assert ask.run("verify") == 5
    assert "pickle" in ask.printed


def test_a_broken_manifest_is_one_sentence_and_exit_5(ask: Asked, own_home: Path) -> None:
    (own_home / "weights").mkdir()
    (own_home / "weights" / MANIFEST).write_text('{"version": 1, "entries": [], "more": 1}')
    assert ask.run("list") == 5
    assert ask.said.startswith(f"weixun: {own_home / 'weights' / MANIFEST} is no manifest of weights")
    assert len(ask.said.splitlines()) == 1
    assert ask.run("verify") == 5
    assert "broken" in ask.printed


@pytest.mark.parametrize("command", ["list", "verify"])
def test_help_names_examples_and_exit_codes(ask: Asked, command: str) -> None:
    assert ask.run(command, "--help") == 0
    assert f"weixun weights {command} --json" in ask.printed
    assert "Exit codes: 0" in ask.printed


def weights_line() -> tuple[bool, bool, str]:
    (check,) = [check for check in examine() if check.what == "weights"]
    return check.ok, check.needed, check.said


def test_doctor_knows_the_weights(own_home: Path) -> None:
    assert weights_line() == (False, False, "none: the training-free score is used")
    file = own_home / "weights" / save(own_home / "weights").file
    assert weights_line() == (True, False, "disturbance: verified")
    stray = file.with_name("stray.safetensors")
    stray.write_bytes(b"")
    assert weights_line()[:2] == (False, False)
    stray.unlink()
    file.unlink()
    ok, needed, said = weights_line()
    assert (ok, needed) == (False, True)
    assert f"{file} is missing" in said


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_weights_folder_in_the_working_directory_is_not_ours(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "weights"
    save(folder)
    (folder / "disturbance.safetensors").write_bytes(b"spoilt")
    (folder / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    weixun = [Path(sys.executable).with_name("weixun"), "weights", command, "--json"]
    done = subprocess.run(weixun, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert str(folder) not in done.stdout
    assert not [row for row in json.loads(done.stdout) if row["where"] != "shipped"]


def test_weights_commands_import_nothing_heavy() -> None:
    heavy = ("geopandas", "prefect", "rasterio", "scipy", "torch")
    code = (
        "import sys\nfrom pipelines.cli import main\nsys.argv = ['weixun', 'weights', 'list']\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        f"print('heavy:', *[name for name in {heavy!r} if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "heavy:"
