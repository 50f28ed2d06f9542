"""The guards that every other test stands on."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_needs_what_is_not_there(real_data):
    pass

def test_needs_qgis(qgis_python):
    pass
"""


def _run_pytest(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_skips.py").write_text(SKIPS)
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "WEIXUN_REQUIRE_ALL")}
    missing = {"WEIXUN_REAL_DATA": str(folder / "nowhere"), "WEIXUN_QGIS_PYTHON": str(folder / "no-python")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**kept, **missing, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_missing_component_skips_with_its_reason(tmp_path: Path) -> None:
    run = _run_pytest(tmp_path)
    assert run.returncode == 0
    assert "2 skipped" in run.stdout
    assert "set WEIXUN_REAL_DATA" in run.stdout
    assert "set WEIXUN_QGIS_PYTHON" in run.stdout


@pytest.mark.parametrize("variable", ["CI", "WEIXUN_REQUIRE_ALL"])
def test_in_ci_a_missing_component_is_a_failure(tmp_path: Path, variable: str) -> None:
    run = _run_pytest(tmp_path, **{variable: "true"})
    assert run.returncode == 1
    assert "skipped" not in run.stdout.splitlines()[-1]
    assert "set WEIXUN_REAL_DATA" in run.stdout


def test_the_network_beyond_loopback_is_refused() -> None:
    for host in ("192.0.2.1", "example.org", "2001:db8::1"):
        with pytest.raises(pytest.fail.Exception, match="reached for the network"):
            socket.create_connection((host, 80), timeout=1)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        pytest.raises(pytest.fail.Exception, match="reached for the network"),
    ):
        udp.sendto(b"hello", ("192.0.2.1", 53))


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_each_test_has_an_empty_home_of_its_own(own_home: Path) -> None:
    assert os.environ["WEIXUN_HOME"] == str(own_home)
    assert not list(own_home.iterdir())
