import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import isolated, run
from benchmarks.isolated import JobFailedError, Measured
from benchmarks.jobs import JOBS
from benchmarks.rows import Row, write
from benchmarks.world import FULL_M, cached_world, spec_of
from imagery.simulated.spec import bench_spec

KEYS = ["name", "ours", "other", "unit", "ratio", "command"]


def test_a_row_is_written_with_its_ratio_and_command(tmp_path: Path) -> None:
    write([Row("a", 2.0, 4.0, "s", "make a"), Row("b", 1 / 3, None, "s", "make b")], tmp_path / "new" / "rows.json")
    first, second = json.loads((tmp_path / "new" / "rows.json").read_text())
    assert list(first) == KEYS
    assert first["ratio"] == 0.5
    assert (second["ours"], second["other"], second["ratio"]) == (0.3333, None, None)


def test_peak_memory_of_a_child_of_the_job_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hold = "import time; held = bytearray(120_000_000); time.sleep(0.6)"
    script = tmp_path / "job.py"
    script.write_text(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}]); print('{{\"x\": 1}}')"
    )
    monkeypatch.setattr(isolated, "MODULE", [str(script)])
    measured = isolated.run("anything")
    assert measured.result == {"x": 1}
    assert measured.peak_bytes > 120_000_000


def test_a_failing_job_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text("raise SystemExit('no such thing')")
    monkeypatch.setattr(isolated, "MODULE", [str(script)])
    with pytest.raises(JobFailedError, match="scan world=x ended with 1"):
        isolated.run("scan", world="x")


def test_full_world_is_the_shipped_spec_and_small_ones_hold_less() -> None:
    assert spec_of(FULL_M, 3) == bench_spec(3, FULL_M)
    small = spec_of(run.QUICK_M, 3)
    assert small.width_m * small.height_m == pytest.approx(200e6, rel=0.01)
    assert 2 <= small.planted.pit < bench_spec().planted.pit


def test_a_world_is_built_once_and_anew_after_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def build(spec: object, out: Path, progress: object) -> None:
        out.mkdir(parents=True)
        built.append(out)
        if len(built) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.world.build", build)
    with pytest.raises(KeyboardInterrupt):
        cached_world(tmp_path, 10_000)
    assert cached_world(tmp_path, 10_000) == cached_world(tmp_path, 10_000) == built[0]
    assert len(built) == 2
    assert cached_world(tmp_path, 10_000, seed=1) != built[0]


def fake(job: str, **arguments: Any) -> Measured:
    inspect.signature(JOBS[job]).bind(**arguments)
    stages = {"plan": 0.1, "blocks": 5.0}
    results: dict[str, dict[str, Any]] = {
        "decode": {"seconds": 2.0},
        "scan": {"seconds": 8.0, "km2": 200.0, "blocks": 4, "stages": stages},
        "detectors": {"cpu_s": 12.0 if arguments.get("which") == "all" else 10.0, "detectors": 9},
        "normals": {"seconds": 1.0, "samples": 60_000},
        "read": {"ours_mpx_s": 4.0, "other_mpx_s": 5.0},
        "same_mosaic": {"worst": 5e-5},
        "mosaic": {
            "seconds": {"ours": 2.0, "odc": 8.0, "decode": 1.5}.get(arguments.get("way", ""), 0.0),
            "cpu_s": 4.0,
            "mpx": 24.0,
        },
        "evaluation": {"ours_mpx_s": 50.0, "other_mpx_s": 10.0},
        "inference": {"bf16_mpx_s": 4.0, "fp32_mpx_s": 2.0, "percentile_99_9": 0.01},
        "plain": {"plain_mpx_s": 1.0},
        "store": {"cpu_s": {"25000": 2.6, "2500": 2.5}, "seconds": {"25000": 5.0, "2500": 5.0}, "bytes": 70_000_000},
    }
    quarter = 0.25 if arguments.get("share") == "0.5" else 1.0
    results["patrol"] = {
        "km2": 200.0 * quarter, "seconds": 2.0 + 18.0 * quarter, "cpu_s": 1.0 + 8.0 * quarter,
        "blocks": int(4 * quarter), "stages": {"normals": 1.0, "blocks": 10.0 * quarter}, "night_s": 1.0,
        "quiet_s": 0.5, "work": {"mpx": 4.0 * quarter, "cells": 2}, "all_of_it": {"mpx": 500.0, "cells": 20},
    }  # fmt: skip
    if arguments.get("quarter") == "yes":
        results["scan"] = {"seconds": 2.0, "km2": 50.0, "blocks": 1, "stages": stages}
    return Measured(results[job], 1_200_000_000, f"python -m benchmarks.jobs {job}")


def test_the_table_and_the_file_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "cached_world", lambda cache, size_m, seed: tmp_path)
    monkeypatch.setattr(run, "run", fake)
    monkeypatch.setattr(run, "_help", lambda: Row("weixun --help, beside its bound", 0.3, 0.5, "s", "weixun --help"))
    assert run.main(["--quick", "--out", str(tmp_path / "latest.json")]) == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "latest.json").read_text())}
    speed = rows["scan, beside decoding the same files once with all cores"]
    assert (speed["ours"], speed["other"], speed["ratio"]) == (25.0, 100.0, 0.25)
    assert rows["peak memory of the scan, beside its bound"]["ratio"] == 0.4
    assert rows["mosaic, largest difference from odc-stac's, beside the bound"]["ratio"] == 0.5
    assert rows["mosaic, beside odc-stac + xarray with as many threads, by the clock"]["ratio"] == 4.0
    assert rows["mosaic, beside decoding the windows it reads, by the clock"]["ratio"] == 0.75
    assert rows["whole scan per block of the whole (4), beside a quarter (1)"]["ratio"] == 1.0
    assert rows["one block by all 9 detectors, beside one, in CPU time"]["ratio"] == 1.2
    assert rows["patrol, stage blocks, beside the whole night"]["ratio"] == 0.5
    whole = rows["patrol of 37,000 km², one new date, from 4 blocks, beside its bound"]
    assert whole["ours"] == pytest.approx((10 * 500 / 4 + 1 * 20 / 2 + 1 + 8 * 37_000 / 200) / 60, abs=0.01)
    pixels = rows["patrol, blocks, per Mpx read with halos, beside a quarter of the area"]
    assert (pixels["ours"], pixels["ratio"]) == (2.5, 1.0)
    large = "a finding of a night on 25,000 leads, beside on 2,500, CPU time"
    assert (rows[large]["ours"], rows[large]["ratio"]) == (1.04, 1.04)
    printed = capsys.readouterr().out
    assert all(name in printed for name in rows)


@pytest.mark.slow
def test_quick_runs_and_writes_valid_json(tmp_path: Path) -> None:
    out = tmp_path / "latest.json"
    words = ["--quick", "--cache", str(tmp_path / "cache"), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "benchmarks", *words], check=True, cwd=isolated.ROOT, timeout=900)
    rows = json.loads(out.read_text())
    assert all(list(row) == KEYS and row["ours"] > 0 for row in rows)
    memory = next(row for row in rows if row["name"].startswith("peak memory of the scan"))
    assert memory["ours"] < memory["other"]
