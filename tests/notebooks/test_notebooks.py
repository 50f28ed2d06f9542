"""The notebooks run from top to bottom in a kernel of their own, say what they should, and are committed bare."""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbformat import NotebookNode
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
KERNEL = "this-interpreter"
OWN_FOLDERS = ("TMPDIR", "WEIXUN_HOME", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
PATIENCE_S = 900
"""Against a kernel that hangs, not against a slow machine."""

FONTS = "Matplotlib is building the font cache; this may take a moment.\n"
"""What matplotlib says in a fresh environment when the machine is slow."""


class Ran:
    """A notebook after it ran."""

    def __init__(self, book: NotebookNode, scratch: Path) -> None:
        self.book = book
        self.scratch = scratch
        """The kernel's temporary folder."""

    def printed(self, cell_id: str) -> str:
        """What one cell printed."""
        return "".join(output["text"] for output in self._cell(cell_id)["outputs"] if output.get("name") == "stdout")

    def pictures(self, cell_id: str) -> list[bytes]:
        """The PNGs that one cell showed."""
        shown = (output.get("data", {}).get("image/png") for output in self._cell(cell_id)["outputs"])
        return [base64.b64decode(picture) for picture in shown if picture]

    def complaints(self) -> list[str]:
        """Errors, and whatever was written to stderr."""
        return [
            f"{cell['id']}: {output.get('ename', '')} {output.get('text', output.get('evalue', ''))}"
            for cell in self._code()
            for output in cell["outputs"]
            if output["output_type"] == "error" or (output.get("name") == "stderr" and output["text"] != FONTS)
        ]

    def _code(self) -> list[NotebookNode]:
        return [cell for cell in self.book["cells"] if cell["cell_type"] == "code"]

    def _cell(self, cell_id: str) -> NotebookNode:
        return next(cell for cell in self._code() if cell["id"] == cell_id)


def execute(name: str, folder: Path, real: Path) -> Ran:
    """Run a notebook in a fresh kernel of this very interpreter; no kernel need be installed anywhere.

    Args:
        name: of the notebook.
        folder: an empty one, for whatever the kernel writes.
        real: folder of real imagery; an empty one makes the notebook simulate.
    """
    env = {**os.environ, "WEIXUN_REAL_DATA": str(real), "JUPYTER_PATH": str(folder), "PYTHONUTF8": "1"}
    env.pop("MPLBACKEND", None)
    for variable in OWN_FOLDERS:
        env[variable] = str(folder / variable.lower())
        (folder / variable.lower()).mkdir()
    write_kernel_spec(str(folder / "kernels" / KERNEL))  # its command line begins with sys.executable
    work = folder / "work"
    work.mkdir()
    book = Path(shutil.copy(NOTEBOOKS / f"{name}.ipynb", work))
    # nbclient in a process of its own: it leaves sockets to the garbage collector, and warnings are errors here
    jupyter = [sys.executable, "-c", "from nbclient.cli import main; main()"]
    options = ["--inplace", "--allow-errors", f"--kernel_name={KERNEL}", f"--startup_timeout={PATIENCE_S}"]
    run = subprocess.run(
        [*jupyter, str(book), *options], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert run.returncode == 0, run.stderr
    assert list(work.iterdir()) == [book], "the notebook wrote beside itself"
    return Ran(nbformat.read(book, as_version=4), folder / "tmpdir")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return _simulated("walk", tmp_path_factory)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return _simulated("evaluate", tmp_path_factory)


def _simulated(name: str, folders: pytest.TempPathFactory) -> Ran:
    empty = folders.mktemp("no-imagery")
    return execute(name, folders.mktemp(name), empty)


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in: {text}"
    return float(found[1])


def _check_pictures(ran: Ran, counts: dict[str, int]) -> None:
    """Each cell shows as many pictures, and none is blank."""
    for cell_id, count in counts.items():
        pictures = ran.pictures(cell_id)
        assert len(pictures) == count, cell_id
        for picture in pictures:
            assert np.asarray(Image.open(io.BytesIO(picture)).convert("L")).std() > 10, cell_id


def _check_walk(ran: Ran) -> None:
    assert ran.complaints() == []
    assert re.search(r"the training-free score|the network, weights [0-9a-f]{12}…", ran.printed("read-pair"))
    stepwise = _number(r"leads: (\d+)", ran.printed("vectorize"))
    scanned = _number(r"(\d+) leads", ran.printed("scan-run"))
    assert stepwise > 0
    assert abs(stepwise - scanned) <= max(3, 0.1 * scanned), "the steps are not what a scan does"
    assert "leads.gpkg" in ran.printed("scan-run")
    assert "地表扰动" in ran.printed("record-show")
    _check_pictures(ran, {"pictures": 1, "features-show": 1, "read-pair": 1, "draw-leads": 1, "quicklook-show": 2})
    assert list(ran.scratch.glob("weixun-*")) == []


def _figures(ran: Ran) -> dict[str, list[float]]:
    """The table: precision, recall, F1, AUC, observed, CVA's F1 and AUC, by pair."""
    rows = re.findall(r"^(\w[\w, -]*?) +((?:[\d.]+%?|nan)(?: +(?:[\d.]+%?|nan)){6})$", ran.printed("table-print"), re.M)
    return {name: [float(value.rstrip("%")) for value in values.split()] for name, values in rows}


def _check_evaluation(ran: Ran, names: set[str]) -> None:
    assert ran.complaints() == []
    assert re.search(r"scored by the (training-free score|network, weights [0-9a-f]{12}…)", ran.printed("scan-pairs"))
    figures = _figures(ran)
    assert set(figures) == names
    for name, (_, recall, f1, auc, observed, *_) in figures.items():
        assert recall > 0.1, name
        assert f1 > 0, name
        assert auc > 0.6, name
        assert observed > 50, name
    _check_pictures(ran, {"bars": 1, "curves": 1, "calibration-plot": 1, "maps-draw": 1})
    assert list(ran.scratch.glob("weixun-*")) == []


def test_the_walk_gets_from_a_simulated_steppe_to_leads(walk: Ran) -> None:
    assert "imagery: simulated" in walk.printed("source")
    _check_walk(walk)


def test_the_evaluation_measures_simulated_steppes(evaluation: Ran) -> None:
    assert "imagery: simulated" in evaluation.printed("pairs-find")
    _check_evaluation(evaluation, {"steppe-1", "steppe-2", "simulated, pooled"})


@pytest.mark.real
def test_the_walk_gets_from_a_real_pair_to_leads(real_data: Path, tmp_path: Path) -> None:
    ran = execute("walk", tmp_path, real_data)
    assert "imagery: real" in ran.printed("source")
    _check_walk(ran)


@pytest.mark.real
@pytest.mark.slow
def test_the_evaluation_measures_real_pairs(real_data: Path, tmp_path: Path) -> None:
    ran = execute("evaluate", tmp_path, real_data)
    assert "imagery: real" in ran.printed("pairs-find")
    _check_evaluation(ran, {"beihai", "bordeaux", "rennes", "oscd, pooled", "taizhou"})


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_committed_notebooks_hold_no_outputs(path: Path) -> None:
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    for cell in book["cells"]:
        assert cell["metadata"] == {}, cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], cell["id"]
            assert cell["execution_count"] is None, cell["id"]
    assert set(book["metadata"]) <= {"kernelspec", "language_info"}
    assert book["metadata"]["kernelspec"]["name"] == "python3"


def test_every_notebook_is_tested_and_listed() -> None:
    listed = re.findall(r"\]\((\w+)\.ipynb\)", (NOTEBOOKS / "README.md").read_text(encoding="utf-8"))
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(listed) == {"walk", "evaluate"}
