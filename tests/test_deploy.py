"""What `deploy/` holds for a machine of its own: units that start what there is, and a bundle that is verified."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
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


def test_the_container_starts_what_the_command_line_has_and_takes_in_no_environment() -> None:
    root = DEPLOY.parent
    said = (DEPLOY / "Containerfile").read_text()
    assert "USER weixun" in said
    entry, command = (json.loads(re.findall(rf"^{word} (.*)$", said, re.M)[0]) for word in ("ENTRYPOINT", "CMD"))
    done = subprocess.run(
        [Path(sys.executable).with_name(entry[0]), *command[:2], "--help"], capture_output=True, text=True, check=True
    )
    assert "--config" in done.stdout
    left_out = (root / ".dockerignore").read_text().split()
    assert {".git", ".venv"} <= set(left_out)
    assert not {"aoi", "imagery", "detectors", "leads", "pipelines", "weights", "deploy"} & set(left_out)


@pytest.mark.slow
def test_a_bundle_is_installed_upgraded_to_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    told = {
        **os.environ, "WEIXUN_BUNDLE_WHEELS": "ours", "WEIXUN_INSTALL_OPTIONS": "--no-deps --ignore-installed",
        "PYTHONPATH": sysconfig.get_path("purelib"),  # what ours needs is not in this bundle: it is taken from here
    }  # fmt: skip
    subprocess.run([DEPLOY / "bundle", tmp_path / "bundle.tar"], env={**told, "PYTHON": sys.executable}, check=True)
    shutil.unpack_archive(tmp_path / "bundle.tar", tmp_path, filter="data")
    bundle, opt = tmp_path / "weixun-bundle", tmp_path / "opt"

    def install() -> int:
        return subprocess.run(["bash", bundle / "install", opt], env={**told, "PYTHON": sys.executable}, check=False,
                              timeout=300, cwd=tmp_path).returncode  # fmt: skip

    assert install() == 0
    first = (opt / "current").resolve()
    inside = "import pipelines; print(pipelines.__file__)"
    done = subprocess.run(
        [first / "bin" / "python", "-c", inside], capture_output=True, text=True, env=told, check=True, cwd=tmp_path
    )
    assert Path(done.stdout.strip()).is_relative_to(first)

    (bundle / "README.md").write_text("a newer one")
    assert install() != 0, "a file that is not what SHA256SUMS says"
    assert (opt / "current").resolve() == first
    sums = subprocess.run("find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum", shell=True,
                          cwd=bundle, capture_output=True, check=True).stdout  # fmt: skip
    (bundle / "SHA256SUMS").write_bytes(sums)
    assert install() == 0
    second = (opt / "current").resolve()
    assert second != first
    assert first.is_dir(), "the old version stays, to go back to"
    assert subprocess.run(
        [opt / "current" / "bin" / "weixun", "--help"], env=told, check=True, capture_output=True
    ).stdout


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
