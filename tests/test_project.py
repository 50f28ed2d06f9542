"""What is promised of the project as a whole: what the wheel holds, what is said in it, what a command costs."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelines.cli import app

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aoi", "imagery", "detectors", "leads", "pipelines", "weights")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
READMES = ("README.md", "README.zh-CN.md")


def _source_files() -> Iterator[Path]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)


@pytest.fixture(scope="session")
def shipped() -> list[Path]:
    """Every file that git has or would take, relative to the root."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip(f"not a git checkout, so what is shipped is not known: {listing.stderr.strip()}")
    return [Path(name) for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


# --- the wheel --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree without touching the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # What is not a package must not slip in, so it is there to be left out.
    for name in (*PACKAGES, "tests", "docs", "benchmarks", "notebooks"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(out), str(source)], check=True, timeout=120)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, scripts in its ``bin``."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, timeout=120)
    return target


def test_wheel_holds_exactly_the_six_packages_and_all_their_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name) for name in archive.namelist()}
    held = {name for name in names if not name.parts[0].endswith(".dist-info")}
    assert {name.parts[0] for name in held} == set(PACKAGES)
    assert held == set(_source_files())


def test_a_folder_with_packages_of_our_names_does_not_shadow_ours(installed: Path, tmp_path: Path) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    script = installed / "bin" / "where-from"
    lines = [f"#!{sys.executable}", f"import {', '.join(PACKAGES)}"]
    lines += [f"print({package}.__file__)" for package in PACKAGES]
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(installed)}

    ours = subprocess.run([script], cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert ours.stdout.split() == [str(installed / package / "__init__.py") for package in PACKAGES]

    listed = subprocess.run(
        [installed / "bin" / "weixun", "detectors", "list", "--json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert listed.returncode == 0, listed.stderr
    assert "land_disturbance" in {detector["id"] for detector in json.loads(listed.stdout)}


# --- what is declared -------------------------------------------------------------------------------------------------


def _requirements(names: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(parsed.name): parsed for parsed in map(Requirement, names)}


def _constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    wrong = [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line)]
    assert not wrong, f"constraints.txt is names and versions only: {wrong}"
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in pins)}


def test_every_import_of_the_packages_is_a_declared_dependency() -> None:
    declared = set(_requirements(PROJECT["dependencies"]))
    known = packages_distributions()
    undeclared = set()
    for path in _source_files():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for top in {name.partition(".")[0] for name in names} - set(PACKAGES) - sys.stdlib_module_names - {"qgis"}:
                if not declared & {canonicalize_name(name) for name in known.get(top, [top])}:
                    undeclared.add(f"{path}: {top}")
    assert not undeclared


def test_constraints_pin_every_dependency_within_its_bounds() -> None:
    pins = _constraints()
    names = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for name, requirement in _requirements(names).items():
        if name != "setuptools":  # build tool: each environment brings its own
            assert name in pins, f"{name} is not in constraints.txt"
            assert requirement.specifier.contains(pins[name]), f"{requirement} contradicts {name}=={pins[name]}"


# --- what is said -----------------------------------------------------------------------------------------------------


def test_no_registry_host_and_no_path_of_a_machine_is_shipped(shipped: list[Path]) -> None:
    registries = r"(?:pypi|anaconda|npmjs|debian|ubuntu|download[.]pytorch)[.](?:org|com)\b|pythonhoste[d]"
    machine = r"(?<![\w./~-])/(?:work|root|farm|home|Users)/"
    forbidden = re.compile(f"{registries}|{machine}")
    hits = []
    for path in shipped:
        try:
            lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        hits += [
            f"{path}:{number}: {line.strip()[:100]}" for number, line in enumerate(lines, 1) if forbidden.search(line)
        ]
    assert not hits


def _code_lines(document: str) -> list[str]:
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [" ".join(line.partition("  #")[0].split()) for line in lines if line.strip()]


def test_both_readmes_show_the_same_commands() -> None:
    assert _code_lines(READMES[0]) == _code_lines(READMES[1])


def _documents() -> list[str]:
    return [*READMES, *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", _documents())
def test_documents_name_make_targets_and_files_that_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)`", text)) <= targets
    assert {line.split()[1] for line in _code_lines(document) if re.match(r"make [a-z]", line)} <= targets

    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    dangling = [link for link in links if link and not (ROOT / document).parent.joinpath(link).exists()]
    assert not dangling


@pytest.mark.parametrize("document", _documents())
def test_documents_show_commands_and_options_that_exist(document: str) -> None:
    for line in _code_lines(document):
        words = shlex.split(line)
        if words[0] != "weixun":
            continue
        command, rest = typer.main.get_command(app), words[1:]
        while subcommands := getattr(command, "commands", None):
            assert rest[0] in subcommands, line
            command, rest = subcommands[rest[0]], rest[1:]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, line


def test_every_design_record_is_in_the_index() -> None:
    folder = ROOT / "docs" / "design"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert {name for name in records if f"]({name})" not in index} == set()


def test_changelog_has_an_entry_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\]", changelog, re.MULTILINE)


# --- what a command costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["--help"], ["scan", "--help"], ["detectors", "list"]])
def test_commands_that_read_no_pixels_import_nothing_heavy(command: list[str]) -> None:
    heavy = ("geopandas", "lightgbm", "odc.geo", "pandas", "prefect", "rasterio", "s2cloudless", "scipy", "torch")
    code = (
        "import sys\n"
        "from pipelines.cli import main\n"
        f"sys.argv = ['weixun', *{command!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    assert not done.code, done.code\n"
        f"print('\\nheavy:', *[name for name in {heavy!r} if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].split() == ["heavy:"]
