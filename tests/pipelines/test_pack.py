"""A detector of another distribution: one file, one entry point, and everything knows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODULE = '''"""盐碱地监督: a pack of one file."""

from detectors.core.history import Season
from detectors.core.types import BARE, VEGETATION, Detector, Transition

DETECTOR = Detector(
    id="saltmarsh",
    name_zh="盐碱地监督",
    name_en="Salt marsh",
    seasons=(Season((5, 15), (10, 10)),),
    transitions=(Transition(VEGETATION, BARE, 1.0, "植被剥离", "vegetation stripped"),),
    layers=("wetland",),
)
'''

PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "weixun-saltmarsh"
version = "1.0"

[project.entry-points."weixun.detectors"]
saltmarsh = "weixun_saltmarsh:DETECTOR"

[tool.setuptools]
py-modules = ["weixun_saltmarsh"]
"""


def run(*words: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder that the pack was installed into, by pip and without a network."""
    source = tmp_path_factory.mktemp("pack")
    target = tmp_path_factory.mktemp("installed")
    (source / "weixun_saltmarsh.py").write_text(MODULE, encoding="utf-8")
    (source / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    flags = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    run("-m", "pip", "install", *flags, "--target", str(target), str(source))
    return str(target)


def test_it_is_listed_without_loading_torch(pack: str) -> None:
    command = "import sys; from pipelines.cli import app; app(['detectors', 'list', '--json'], standalone_mode=False)"
    rows = json.loads(run("-c", command, PYTHONPATH=pack))
    (row,) = [row for row in rows if row["id"] == "saltmarsh"]
    assert (row["name_zh"], row["layers"]) == ("盐碱地监督", ["wetland"])
    loaded = run("-c", f"{command}; sys.exit('torch' in sys.modules)", PYTHONPATH=pack)
    assert "saltmarsh" in loaded
    assert "saltmarsh" not in run("-c", command)


def test_it_scans(pack: str, steppe: Path, tmp_path: Path) -> None:
    words = ["scan", str(steppe / "aoi.geojson"), "--archive", str(steppe / "archive"), "--detectors", "saltmarsh"]
    words += ["--before", "2023-07-17", "--after", "2024-07-20", "--method", "training-free"]
    words += ["--out", str(tmp_path / "out"), "--json"]
    said = run("-c", "from pipelines.cli import main; main()", *words, PYTHONPATH=pack)
    record = json.loads(said)
    assert record["leads_by_detector"].keys() == {"saltmarsh"}
    assert record["leads"] > 0
    assert "saltmarsh: layer wetland was not given" in record["notes"]


def test_the_contract_of_all_detectors_is_asked_of_it(pack: str) -> None:
    words = ("-m", "pytest", "-v", "-k", "saltmarsh", "-p", "no:cacheprovider", "--no-header")
    said = run(*words, "tests/detectors/test_contract.py", PYTHONPATH=pack)
    asked = (ROOT / "tests" / "detectors" / "test_contract.py").read_text(encoding="utf-8").count("@EVERY\n")
    assert said.count("[saltmarsh] PASSED") == asked >= 4
