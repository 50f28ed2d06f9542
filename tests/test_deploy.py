"""What `deploy/` holds for a machine of its own: units that start what there is, and a bundle that is verified."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("*.service")), ids=lambda file: file.name)
def test_a_unit_runs_unprivileged_and_starts_what_there_is(file: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    unit.read(file, encoding="utf-8")
    service = unit["Service"]
    assert service["User"] == "weixun"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ReadWritePaths"] == "/var/lib/weixun"
    program = service["ExecStart"].split()[0]
    assert Path(program).parent == Path("/opt/weixun/current/bin")
    assert Path(sys.executable).with_name(Path(program).name).exists()
    assert "0.0.0.0" not in service["ExecStart"]


def test_the_settings_keep_prefect_quiet_and_at_home() -> None:
    said = dict(
        line.split("=", 1) for line in (DEPLOY / "weixun.env").read_text().splitlines() if line and line[0] != "#"
    )
    assert said["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert said["DO_NOT_TRACK"] == "1"
    assert said["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert not any(word in name for name in said for word in ("SECRET", "TOKEN", "PASSWORD"))


@pytest.mark.slow
def test_a_bundle_is_whole_and_one_that_was_changed_is_refused(tmp_path: Path) -> None:
    told = {**os.environ, "WEIXUN_BUNDLE_WHEELS": "ours", "PYTHON": sys.executable}
    subprocess.run([DEPLOY / "bundle", tmp_path / "bundle.tar"], env=told, check=True, timeout=300)
    shutil.unpack_archive(tmp_path / "bundle.tar", tmp_path, filter="data")
    bundle = tmp_path / "weixun-bundle"
    assert list((bundle / "wheels").glob("weixun-*.whl"))
    (bundle / "constraints.txt").write_text("changed")
    done = subprocess.run(
        ["bash", bundle / "install", tmp_path / "opt"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "constraints.txt: FAILED" in done.stdout + done.stderr
    assert not (tmp_path / "opt").exists()
