"""What a manifest may say, and what it may not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from weights.errors import ManifestError
from weights.folder import MANIFEST, MOST_MANIFEST_BYTES, read_manifest
from weights.manifest import Calibration, Draft, Entry, Manifest, Metric, Source, Thresholds

DraftMaker = Callable[..., Draft]


def record(draft: Draft, **fields: Any) -> dict[str, Any]:
    """An entry as it stands in a file."""
    return {**draft.model_dump(mode="json"), "sha256": "a" * 64, "bytes": 10, **fields}


def written(folder: Path, *entries: dict[str, Any], **more: Any) -> Path:
    (folder / MANIFEST).write_text(json.dumps({"version": 1, "entries": entries, **more}), encoding="utf-8")
    return folder


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(folder)
    said = str(caught.value)
    assert str(folder / MANIFEST) in said
    assert "retrain, or remove" in said
    assert "\n" not in said
    assert "\x1b" not in said
    for word in words:
        assert word in said


def test_what_is_written_is_what_is_read(tmp_path: Path, draft: DraftMaker) -> None:
    entry = Entry.model_validate(record(draft()))
    (tmp_path / MANIFEST).write_text(Manifest(entries=(entry,)).model_dump_json(indent=2), encoding="utf-8")
    read = read_manifest(tmp_path).get("disturbance")
    assert read == entry
    assert read is not None
    assert read.names("classes") == ("disturbed",)
    depth = read.architecture["encoder_depth"]
    assert (depth, type(depth)) == (4, int)
    assert [type(number) for number in read.architecture["mean"]] == [float, int]  # type: ignore[union-attr]


def test_the_shipped_manifest_is_one() -> None:
    import weights

    assert read_manifest(Path(weights.__file__).parent).version == 1


def test_no_manifest_has_no_entries(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == Manifest()


@pytest.mark.parametrize(
    "file",
    [
        "../evil.safetensors",
        "a/b.safetensors",
        "a\\b.safetensors",
        "C:b.safetensors",
        "/etc/x.safetensors",
        ".safetensors",
        "..safetensors",
        ".hidden.safetensors",
        "w.safetensors\n",
        "w.safetensors/",
        "w.pt",
        "w.safetensors.pt",
        "W.safetensors",
        "w\x00.safetensors",
        "\x1b[2J.safetensors",
        "",
    ],
)
def test_a_file_that_is_not_a_bare_name(tmp_path: Path, draft: DraftMaker, file: str) -> None:
    refused(written(tmp_path, record(draft(), file=file)), "file")


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("sha256", "g" * 64, "sha256"),
        ("sha256", "a" * 63, "sha256"),
        ("sha256", "A" * 64, "sha256"),
        ("bytes", 0, "bytes"),
        ("bytes", 10**15, "bytes"),
        ("thresholds", {"low": 0.6, "high": 0.5}, "above the high one"),
        ("thresholds", {"low": -0.1, "high": 0.5}, "low"),
        ("thresholds", {"low": 0.1, "high": 1.5}, "high"),
        ("calibration", {"points": [[0.2, 0.1], [0.2, 0.3]]}, "raw scores must rise"),
        ("calibration", {"points": [[0.2, 0.4], [0.5, 0.3]]}, "must not fall"),
        ("calibration", {"points": [[0.2, 1.4]]}, "calibration"),
        ("gsd_m", [30, 10], "gsd_m runs"),
        ("gsd_m", [0, 10], "gsd_m"),
        ("bands", [], "bands"),
        ("bands", ["red", "red"], "twice"),
        ("bands", ["\x1b[31mred"], "bands"),
        ("name", "Digging now", "name"),
        ("created", "yesterday", "created"),
        ("reach_px", -1, "reach_px"),
        ("training_data", [], "training_data"),
        ("architecture", {"encoder": {"nested": 1}}, "architecture"),
        ("pickle", "yes", "pickle"),
        ("\x1b]0;title", "yes", "Extra inputs"),
    ],
)
def test_an_entry_that_can_not_be(tmp_path: Path, draft: DraftMaker, field: str, value: object, word: str) -> None:
    refused(written(tmp_path, record(draft(), **{field: value})), word)


def test_a_calibration_may_be_level_and_may_be_absent() -> None:
    assert Calibration(points=((0.1, 0.2), (0.3, 0.2))).points[1] == (0.3, 0.2)
    assert Calibration().points == ()


def test_a_figure_that_is_no_number(tmp_path: Path, draft: DraftMaker) -> None:
    metric = {"set": "planted", "measure": "F1", "value": float("nan"), "command": "none"}
    refused(written(tmp_path, record(draft(), metrics=[metric])), "metrics.0.value")


def test_two_entries_of_one_name(tmp_path: Path, draft: DraftMaker) -> None:
    refused(written(tmp_path, record(draft()), record(draft(), file="other.safetensors")), "'disturbance'", "two")


def test_two_entries_that_disagree_on_a_file(tmp_path: Path, draft: DraftMaker) -> None:
    other = record(draft("surface", file="disturbance.safetensors"), sha256="b" * 64)
    refused(written(tmp_path, record(draft()), other), "contradict")


def test_a_manifest_of_another_version(tmp_path: Path) -> None:
    refused(written(tmp_path, version=2), "version")


def test_an_unknown_key_of_the_manifest(tmp_path: Path) -> None:
    refused(written(tmp_path, extra=1), "extra")


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"\x80\x04N."])
def test_what_is_no_json_of_a_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(data)
    refused(tmp_path)


def test_a_manifest_of_absurd_size_is_not_parsed(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b" " * (MOST_MANIFEST_BYTES + 1))
    refused(tmp_path, "larger than")


def test_a_manifest_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).mkdir()
    refused(tmp_path, "can not be read")


def test_an_architecture_without_the_names_asked_for(draft: DraftMaker) -> None:
    with pytest.raises(ManifestError, match="'mean'"):
        draft().names("mean")
    with pytest.raises(ManifestError, match="'in_channels'"):
        draft().names("in_channels")


@pytest.mark.parametrize("model", [Thresholds, Calibration, Source, Metric, Draft, Entry, Manifest])
def test_every_field_is_described_and_nothing_can_be_altered(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"


def test_an_entry_can_not_be_altered(draft: DraftMaker) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        draft().seed = 8  # type: ignore[misc]
