"""`weixun train`, as a person meets it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipelines import cli
from weights.store import find

LITTLE = {
    "variants": 1, "simulated": 0, "more_simulated": 0, "validation": 1, "steps": 4, "more_steps": 0, "painted": 0,
    "batch": 1, "site_steps": 0, "checkpoint": 2, "keep_out": 2, "encoder": "resnet18", "depth": 2,
    "decoder_channels": [8, 4],
    "variant": {"plant": {"violations_per_km2": 6, "median_ha": 1.5}, "coarse": 0, "picture": 0, "still": 0},
}  # fmt: skip


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["weixun", "train", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        return (int(left.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture
def little(tmp_path: Path) -> Path:
    (tmp_path / "little.json").write_text(json.dumps(LITTLE))
    return tmp_path / "little.json"


def test_help_says_what_it_does_and_how_it_ends(ask: Ask) -> None:
    code, printed, _ = ask("--help")
    assert code == 0
    for word in ("--archive", "--steps", "Exit codes", "goes on where it was"):
        assert word in printed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--device", "tpu"], "--device 'tpu' is unknown"),
        (["--source", "only a name"], "NAME|LICENCE|WHAT"),
        (["--steps", "0"], "greater than or equal to 1"),
        (["--config", "nowhere.json"], "nowhere.json can not be read"),
    ],
)
def test_bad_options_are_refused(ask: Ask, tmp_path: Path, given: list[str], said: str) -> None:
    code, printed, told = ask("--archive", tmp_path, "--out", tmp_path / "run", *given)
    assert code == 2
    assert said in told
    assert not printed
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stepz": 3}, "stepz"),
        ({"encoder": "nothing18"}, "nothing18"),
        ({"encoder": "efficientnet-b0"}, "whole chip|reach"),
    ],
)
def test_a_bad_configuration_is_refused_before_any_work(
    ask: Ask, tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(LITTLE | fields))
    code, _, told = ask("--archive", tmp_path, "--out", tmp_path / "run", "--config", tmp_path / "bad.json")
    assert code == 2
    assert any(word in told for word in said.split("|"))
    assert not (tmp_path / "run").exists()


def test_what_is_no_archive_or_no_folder_is_refused(ask: Ask, tmp_path: Path, little: Path) -> None:
    code, _, told = ask("--archive", tmp_path / "none", "--out", tmp_path / "run", "--config", little)
    assert code == 2
    assert "none" in told
    code, _, told = ask("--archive", tmp_path, "--out", little, "--config", little)
    assert code == 2
    assert "little.json can not be the folder of a run" in told


def test_a_single_place_is_refused(ask: Ask, tmp_path: Path, little: Path, make_archive: Callable[[int], Path]) -> None:
    code, _, told = ask("--archive", make_archive(1), "--out", tmp_path / "run", "--config", little)
    assert code == 2
    assert "1 places, at least two are needed" in told


def test_a_little_run_leaves_weights_that_are_used(
    ask: Ask, tmp_path: Path, little: Path, own_home: Path, make_archive: Callable[[int], Path]
) -> None:
    run = (
        "--archive",
        make_archive(2),
        "--out",
        tmp_path / "run",
        "--config",
        little,
        "--workers",
        1,
        "--device",
        "cpu",
    )
    code, printed, told = ask(*run, "--steps", 2, "--source", "made up|CC0|plots", "--json")
    assert code == 0, told
    entry = json.loads(printed)
    assert entry["name"] == "disturbance"
    assert entry["command"].startswith("weixun train --archive archive --out run --config little.json --steps 2")
    assert entry["training_data"] == [{"name": "made up", "licence": "CC0", "what": "plots"}]
    assert 0 < entry["thresholds"]["low"] < entry["thresholds"]["high"] < 1
    assert {metric["measure"] for metric in entry["metrics"]} == {"precision", "recall", "f1"}
    found = find("disturbance", own_home)
    assert found is not None
    assert found.sha256 == entry["sha256"]
    tensors = load_file(own_home / "weights" / entry["file"])
    assert {"rarity.network", "rarity.unusual"} <= tensors.keys()
    assert "<polyline" in (tmp_path / "run" / "curves.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "run").glob("*/*_x.npy"))) == 2

    code, _, told = ask(*run, "--steps", 3)
    assert code == 2
    assert "another configuration" in told
    # the same command again finds all done, and comes to the same weights
    code, printed, told = ask(*run, "--steps", 2, "--source", "made up|CC0|plots", "--json")
    assert code == 0, told
    assert json.loads(printed)["sha256"] == entry["sha256"]


def test_sites_are_learned_after_the_score_and_again_without_it(
    ask: Ask, tmp_path: Path, own_home: Path, make_archive: Callable[[int], Path]
) -> None:
    learned = {"site_steps": 2, "site_worlds": 0, "site_kept": 0}
    (tmp_path / "sites.json").write_text(json.dumps(LITTLE | learned))
    archive = make_archive(2)
    run = ("--archive", archive, "--config", tmp_path / "sites.json", "--workers", 1, "--device", "cpu", "--json")
    code, printed, told = ask(*run, "--out", tmp_path / "whole")
    assert code == 0, told
    first = json.loads(printed)
    assert {metric["set"].split(":")[0] for metric in first["metrics"]} == {
        "planted changes on ground kept out of training, by pixels", "sites",
    }  # fmt: skip
    whole = load_file(own_home / "weights" / first["file"])
    own = {name for name in whole if not name.startswith(("site.", "rarity."))}
    assert {name.removeprefix("site.") for name in whole if name.startswith("site.")} == own
    name = next(name for name in own if name.endswith("conv1.weight"))
    assert not np.array_equal(whole[name], whole[f"site.{name}"])
    assert "<polyline" in (tmp_path / "whole" / "sites" / "curves.html").read_text(encoding="utf-8")

    manifest = own_home / "weights" / "manifest.json"
    held = json.loads(manifest.read_text())
    claim = {"set": "frozen", "measure": "precision of leads", "value": 0.9, "command": "weixun evaluate"}
    held["entries"][0]["metrics"].append(claim)
    manifest.write_text(json.dumps(held))
    code, printed, told = ask(*run, "--out", tmp_path / "again", "--sites-only", "--seed", 5)
    assert code == 0, told
    second = json.loads(printed)
    assert claim not in second["metrics"]  # it was measured of the network that was replaced
    assert {metric["set"] for metric in second["metrics"]} == {metric["set"] for metric in first["metrics"]}
    assert not any("0 worlds" in source["what"] for source in second["training_data"])
    assert second["command"].startswith(f"{first['command']}; then weixun train --archive archive --sites-only")
    for kept in ("thresholds", "calibration", "architecture"):
        assert second[kept] == first[kept]
    again = load_file(own_home / "weights" / second["file"])
    assert again.keys() == whole.keys()
    same = {name for name in whole if np.array_equal(again[name], whole[name])}
    assert {name for name in whole if not name.startswith("site.")} <= same
    assert f"site.{name}" not in same

    code, _, told = ask(*run, "--out", tmp_path / "again", "--seed", 5)
    assert code == 2
    assert "another configuration" in told


def test_sites_of_another_network_and_no_sites_at_all_are_refused(
    ask: Ask, tmp_path: Path, make_archive: Callable[[int], Path]
) -> None:
    run = ("--archive", make_archive(2), "--out", tmp_path / "run", "--config", tmp_path / "sites.json", "--sites-only")
    for steps, why in ((2, "another network than this configuration says"), (0, "site_steps is 0")):
        (tmp_path / "sites.json").write_text(json.dumps(LITTLE | {"site_steps": steps}))
        code, _, told = ask(*run)
        assert code == 2
        assert why in told
        assert not (tmp_path / "run").exists()
