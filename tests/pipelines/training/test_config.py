import json
from pathlib import Path

import pytest

from pipelines.errors import BadInputError
from pipelines.training.config import TrainConfig, read_config
from pipelines.training.curves import draw


def test_the_file_is_read_and_what_is_given_wins(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"steps": 7, "seed": 3, "variant": {"plant": {"median_ha": 0.5}}}')
    config = read_config(path, {"steps": 9})
    assert (config.steps, config.seed, config.variant.plant.median_ha) == (9, 3, 0.5)
    assert read_config(None, {}) == TrainConfig()


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ('{"stepz": 7}', "stepz"),
        ('{"steps": 0}', "steps"),
        ('{"seed": 1000}', "seed"),
        ('{"variant": {"plant": {"median": 1}}}', r"variant\.plant\.median"),
        ('{"depth": 3}', "decoder_channels"),
        ('{"variant": {"no_swir": 1.0}}', "no_swir22"),
        ("[]", "the whole"),
        ("{", "the whole"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path: Path, said: str, where: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(said)
    with pytest.raises(BadInputError, match=where) as refused:
        read_config(path, {})
    assert "mine.json" in str(refused.value)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.json can not be read"):
        read_config(tmp_path / "none.json", {})
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"binary\.json can not be read"):
        read_config(tmp_path / "binary.json", {})


def test_every_figure_is_drawn_and_a_line_cut_off_is_passed_over(tmp_path: Path) -> None:
    rows = [{"step": 10, "loss": 3.0, "f1": 0.2}, {"step": 20, "loss": 1.5, "f1": 0.7}]
    source = tmp_path / "curves.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)) + '\n{"step": 30, "lo')
    draw(source, tmp_path / "curves.html")
    page = (tmp_path / "curves.html").read_text(encoding="utf-8")
    assert page.count("<polyline") == 2
    assert "loss: 1.5<" in page
    assert "f1: 0.7<" in page
    assert "step 20" in page
    assert "http" not in page


def test_without_curves_there_is_no_page(tmp_path: Path) -> None:
    draw(tmp_path / "curves.jsonl", tmp_path / "curves.html")
    assert not (tmp_path / "curves.html").exists()
