"""What every test gets: no network beyond loopback, no state outside a temporary folder, and the real components.

A test that needs real imagery or QGIS takes the fixture of that name. Where the component is missing the test skips and
says why; in CI (``CI=true`` or ``WEIXUN_REQUIRE_ALL=1``) any skip is a failure, so that nothing goes unmeasured there.
"""

import ipaddress
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

ROOT = Path(__file__).resolve().parent.parent

# as `aoi.intake.workbook` does: here, since conftests below import openpyxl themselves, before `pytest_configure`
os.environ["OPENPYXL_LXML"] = "False"


def _set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "0", "false", "no")


def pytest_configure(config: pytest.Config) -> None:
    """Sets the environment before any test module is imported: Prefect and Qt read theirs once, on import."""
    state = Path(tempfile.mkdtemp(prefix="weixun-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(state, ignore_errors=True))
    for folder in ("home", "prefect", "qgis"):
        (state / folder).mkdir()
    (state / "runtime").mkdir(mode=0o700)
    os.environ.pop("WEIXUN_STORE", None)
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.update(
        WEIXUN_HOME=str(state / "home"),
        PREFECT_HOME=str(state / "prefect"),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_LOGGING_LEVEL="WARNING",  # Prefect logs its goodbye after pytest has closed the streams
        DO_NOT_TRACK="1",
        QT_QPA_PLATFORM="offscreen",
        QGIS_CUSTOM_CONFIG_PATH=str(state / "qgis"),
        XDG_RUNTIME_DIR=str(state / "runtime"),
    )


# --- nothing is skipped in CI -----------------------------------------------------------------------------------------


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _fail_if_skipped(report: Report) -> Report:
    if report.skipped and not hasattr(report, "wasxfail") and (_set("CI") or _set("WEIXUN_REQUIRE_ALL")):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (here a skip is a failure: CI or WEIXUN_REQUIRE_ALL is set)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skipped test into a failed one in CI."""
    return _fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns a skipped module into a failed one in CI."""
    return _fail_if_skipped((yield))


@pytest.fixture(scope="session")
def missing() -> Callable[[str], None]:
    """Call it with the reason when a real component is not there: skips the test, or fails it in CI."""
    return lambda reason: pytest.skip(reason)


@pytest.fixture(scope="session")
def real_data(missing: Callable[[str], None]) -> Path:
    """The folder of real imagery."""
    folder = Path(os.environ.get("WEIXUN_REAL_DATA") or ROOT.parent / "shared" / "real").resolve()
    if not folder.is_dir():
        missing(f"no real imagery in {folder}: set WEIXUN_REAL_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def qgis_python(missing: Callable[[str], None]) -> str:
    """An interpreter that has PyQGIS: Debian's, or the one that WEIXUN_QGIS_PYTHON names."""
    python = os.environ.get("WEIXUN_QGIS_PYTHON") or "/usr/bin/python3"
    try:
        probe = subprocess.run(
            [python, "-c", "import qgis.core"], capture_output=True, text=True, timeout=60, check=False
        )
        failure = probe.stderr.strip().splitlines()[-1:] if probe.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        failure = [str(error)]
    if failure:
        missing(f"{python} has no PyQGIS ({failure[0]}): install qgis and python3-qgis, or set WEIXUN_QGIS_PYTHON")
    return python


# --- no state, no network ---------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A WEIXUN_HOME of its own for each test, so that no test sees what another left."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("WEIXUN_HOME", str(home))
    return home


def _is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(host: object) -> None:
    # pytest's failure is a BaseException: code under test that forgives an Exception can not hide it.
    pytest.fail(f"a test reached for the network: {host!r}. Serve what it needs on loopback.")


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Fails a test that connects, sends or resolves a name beyond loopback."""

    def guarded(method: Callable[..., Any], position: int) -> Callable[..., Any]:
        def call(self: socket.socket, *args: Any) -> Any:
            address = args[position]
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                _refuse(address[0])
            return method(self, *args)

        return call

    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host):
            _refuse(host)
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
            patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name), position))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield
