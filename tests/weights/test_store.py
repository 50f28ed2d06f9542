"""Weights come back as they were saved, or not at all."""

import errno
import hashlib
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from weights import store
from weights.errors import (
    ChangedFileError,
    ManifestError,
    MissingFileError,
    NoRoomError,
    NotWrittenError,
    TensorError,
    UnknownWeightsError,
)
from weights.folder import MANIFEST, locked, read_manifest
from weights.manifest import Draft

DraftMaker = Callable[..., Draft]
Tensors = dict[str, NDArray[Any]]


@pytest.fixture
def home(tmp_path: Path, shipped: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def saved(home: Path, draft: DraftMaker, tensors: Tensors) -> Path:
    """The file of weights that were saved under the home folder."""
    return home / "weights" / store.save(home / "weights", draft(), tensors).file


def states(home: Path | None) -> dict[str, str]:
    return {verdict.file: str(verdict.state) for verdict in store.verify(home) if verdict.file != MANIFEST}


# --- as they were saved -----------------------------------------------------------------------------------------------


def test_tensors_come_back_in_kind_shape_and_value(home: Path, saved: Path, tensors: Tensors) -> None:
    loaded = store.load("disturbance", home)
    assert loaded.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        found = loaded.tensors[name]
        assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(found, tensor)
        assert found.flags.writeable  # torch warns of what it may not write to
    assert loaded.entry == store.find("disturbance", home)
    assert loaded.entry.bytes == saved.stat().st_size
    assert loaded.entry.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()


def test_the_same_tensors_make_the_same_bytes(tmp_path: Path, draft: DraftMaker, tensors: Tensors) -> None:
    turned = dict(reversed(tensors.items()))
    assert store.save(tmp_path / "a", draft(), tensors).sha256 == store.save(tmp_path / "b", draft(), turned).sha256


def test_saving_leaves_weights_card_and_manifest_readable_by_all(saved: Path) -> None:
    folder = saved.parent
    assert sorted(path.name for path in folder.iterdir()) == ["disturbance.md", "disturbance.safetensors", MANIFEST]
    mask = os.umask(0o022)
    os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~mask}


def test_saving_again_replaces_the_entry_and_removes_the_old_file(
    home: Path, saved: Path, draft: DraftMaker, tensors: Tensors
) -> None:
    store.save(home / "weights", draft("surface"), tensors)
    store.save(home / "weights", draft(file="disturbance-2.safetensors", seed=8), tensors)
    manifest = read_manifest(home / "weights")
    assert [(entry.name, entry.seed) for entry in manifest.entries] == [("disturbance", 8), ("surface", 7)]
    assert not saved.exists()
    assert not saved.with_suffix(".md").exists()
    assert states(home) == {"disturbance-2.safetensors": "ok", "surface.safetensors": "ok"}


def test_a_file_that_another_entry_uses_stays(home: Path, saved: Path, draft: DraftMaker, tensors: Tensors) -> None:
    store.save(home / "weights", draft("twin", file=saved.name), tensors)
    store.save(home / "weights", draft(file="new.safetensors"), tensors)
    assert store.load("twin", home).entry.file == saved.name


def test_the_file_of_another_entry_is_not_overwritten(
    home: Path, saved: Path, draft: DraftMaker, tensors: Tensors
) -> None:
    with pytest.raises(ManifestError, match="'disturbance'"):
        store.save(home / "weights", draft("twin", file=saved.name), {"a": np.ones(3, np.float32)})
    assert states(home) == {saved.name: "ok"}


def test_many_saves_at_once_lose_nothing(home: Path, draft: DraftMaker) -> None:
    names = [f"model_{number}" for number in range(12)]

    def save(job: tuple[int, str]) -> None:
        seed, name = job
        store.save(home / "weights", draft(name, seed=seed), {"a": np.full(1000, seed, np.float32)})

    store.save(home / "weights", draft("model_0"), {"a": np.zeros(1000, np.float32)})
    with ThreadPoolExecutor(12) as pool:
        saves = pool.map(save, list(enumerate(names * 3)))
        # A reader meanwhile sees old or new, never a mixture.
        reads = [store.load("model_0", home) for _ in range(20)]
        list(saves)
    assert [entry.name for entry in read_manifest(home / "weights").entries] == sorted(names)
    assert set(states(home).values()) == {"ok"}
    assert all((read.tensors["a"] == (read.entry.seed if read.entry.seed != 7 else 0)).all() for read in reads)
    assert not list((home / "weights").glob(".*"))


def test_a_load_in_the_middle_of_a_save_waits_for_its_end(
    home: Path, saved: Path, draft: DraftMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(home / "next", draft(seed=8), {"a": np.ones(3, np.float32)})
    os.replace(home / "next" / saved.name, saved)  # the manifest still tells of the file before

    @contextmanager
    def until_the_save_is_done(folder: Path) -> Iterator[None]:
        assert folder == saved.parent
        os.replace(home / "next" / MANIFEST, folder / MANIFEST)
        yield

    monkeypatch.setattr(store, "locked", until_the_save_is_done)
    assert store.load("disturbance", home).entry.seed == 8


def test_a_folder_is_one_writer_s_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with locked(tmp_path):
            entered.set()

    other = threading.Thread(target=enter)
    with locked(tmp_path):
        other.start()
        assert not entered.wait(0.2)
    assert entered.wait(30)
    other.join()
    assert not list(tmp_path.iterdir())


# --- what is not saved ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensor",
    [np.array([1, np.nan], np.float32), np.array([np.inf], np.float16), np.zeros(2, np.float64), np.array([None])],
)
def test_numbers_that_no_network_has(home: Path, draft: DraftMaker, tensor: NDArray[Any]) -> None:
    with pytest.raises(TensorError, match="'bad'"):
        store.save(home / "weights", draft(), {"bad": tensor})
    assert not home.exists()


def test_no_tensors(home: Path, draft: DraftMaker) -> None:
    with pytest.raises(TensorError, match="no tensors"):
        store.save(home / "weights", draft(), {})


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, NoRoomError), (errno.EROFS, NotWrittenError)])
def test_a_write_that_fails_changes_nothing(
    home: Path, saved: Path, draft: DraftMaker, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(kind, match=str(saved.parent)):
        store.save(home / "weights", draft(seed=8), {"a": np.ones(3, np.float32)})
    assert len(list(saved.parent.iterdir())) == 3
    assert store.load("disturbance", home).entry.seed == 7


def test_a_folder_that_can_not_be_made(tmp_path: Path, draft: DraftMaker, tensors: Tensors) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(NotWrittenError, match="home"):
        store.save(tmp_path / "home" / "weights", draft(), tensors)


# --- not at all -------------------------------------------------------------------------------------------------------


def test_one_changed_bit(home: Path, saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    with pytest.raises(ChangedFileError, match=r"disturbance\.safetensors has SHA-256 .* changed; retrain"):
        store.load("disturbance", home)
    assert states(home) == {saved.name: "changed"}


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: b""])
def test_another_size(home: Path, saved: Path, change: Callable[[bytes], bytes]) -> None:
    saved.write_bytes(change(saved.read_bytes()))
    with pytest.raises(ChangedFileError, match="bytes where"):
        store.load("disturbance", home)
    assert states(home) == {saved.name: "changed"}


def test_a_missing_file(home: Path, saved: Path) -> None:
    saved.unlink()
    with pytest.raises(MissingFileError, match=r"disturbance\.safetensors is missing"):
        store.load("disturbance", home)
    assert states(home) == {saved.name: "missing"}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file(home: Path, saved: Path, make: Callable[[Path], None]) -> None:
    saved.unlink()
    make(saved)
    assert states(home) == {saved.name: "missing"}


HEADER = b'{"a":{"dtype":"%s","shape":[1],"data_offsets":[0,%d]}}'


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"a": 1}),
        b"\xff" * 64,
        (2**62).to_bytes(8, "little") + b"{}",
        len(HEADER % (b"BF16", 2)).to_bytes(8, "little") + HEADER % (b"BF16", 2) + bytes(2),
        len(HEADER % (b"F64", 8)).to_bytes(8, "little") + HEADER % (b"F64", 8) + bytes(8),
        len(HEADER % (b"F32", 4)).to_bytes(8, "little") + HEADER % (b"F32", 4) + bytes(1),
    ],
)
def test_a_hostile_file_whose_hash_is_right(home: Path, saved: Path, data: bytes) -> None:
    manifest = json.loads((saved.parent / MANIFEST).read_text())
    manifest["entries"][0] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (saved.parent / MANIFEST).write_text(json.dumps(manifest))
    saved.write_bytes(data)
    with pytest.raises(ChangedFileError, match=r"disturbance\.safetensors holds"):
        store.load("disturbance", home)
    assert states(home) == {saved.name: "changed"}


def test_weights_that_nobody_has(home: Path, saved: Path) -> None:
    assert store.find("moon", home) is None
    with pytest.raises(UnknownWeightsError, match="'moon'; installed: disturbance"):
        store.load("moon", home)


# --- which of several -------------------------------------------------------------------------------------------------


def test_retrained_weights_win(home: Path, shipped: Path, draft: DraftMaker, tensors: Tensors) -> None:
    store.save(shipped, draft(seed=1), tensors)
    store.save(shipped, draft("surface", seed=2), tensors)
    store.save(home / "weights", draft(seed=3), tensors)
    found = {name: store.load(name, home).entry.seed for name in ("disturbance", "surface")}
    assert found == {"disturbance": 3, "surface": 2}
    assert store.load("disturbance").entry.seed == 1
    rows = [(row.entry.name, row.entry.seed, row.where, row.used) for row in store.installed(home)]
    assert rows == [
        ("disturbance", 3, "home", True),
        ("disturbance", 1, "shipped", False),
        ("surface", 2, "shipped", True),
    ]


def test_spoilt_retrained_weights_are_not_quietly_replaced_by_shipped_ones(
    home: Path, saved: Path, shipped: Path, draft: DraftMaker, tensors: Tensors
) -> None:
    store.save(shipped, draft(), tensors)
    saved.unlink()
    with pytest.raises(MissingFileError):
        store.load("disturbance", home)
    (home / "weights" / MANIFEST).write_text("{")
    with pytest.raises(ManifestError, match="home"):
        store.find("disturbance", home)


def test_a_folder_of_that_name_in_the_working_directory_counts_for_nothing(
    tmp_path: Path, shipped: Path, draft: DraftMaker, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store.save(Path("weights"), draft(), tensors)
    assert store.find("disturbance") is None
    assert store.find("disturbance", tmp_path / "home") is None
    assert store.installed() == ()


# --- what no manifest names -------------------------------------------------------------------------------------------


def test_files_that_no_manifest_names(home: Path, saved: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (ran,))

    for name in ("model.pt", "model.BIN"):
        (saved.parent / name).write_bytes(pickle.dumps(Trap()))
    (saved.parent / "stray\x1b.safetensors").write_bytes(saved.read_bytes())
    assert states(home) == {
        "disturbance.safetensors": "ok",
        "model.BIN": "refused",
        "model.pt": "refused",
        "stray\\x1b.safetensors": "stray",
    }
    assert all("\x1b" not in verdict.said for verdict in store.verify(home))
    assert not ran.exists()


def test_a_broken_manifest_is_a_verdict_and_the_other_folder_is_still_verified(
    home: Path, saved: Path, shipped: Path, draft: DraftMaker, tensors: Tensors
) -> None:
    store.save(shipped, draft("surface"), tensors)
    (saved.parent / MANIFEST).write_text("[]")
    found = [(verdict.where, verdict.file, str(verdict.state)) for verdict in store.verify(home)]
    assert found == [
        ("home", MANIFEST, "broken"),
        ("shipped", "surface.safetensors", "ok"),
        ("shipped", MANIFEST, "ok"),
    ]


def test_shipped_weights_have_a_limit_in_all(
    home: Path, shipped: Path, draft: DraftMaker, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.save(shipped, draft(), tensors).bytes
    store.save(shipped, draft("twin", file="disturbance.safetensors"), tensors)  # the same file counts once
    monkeypatch.setattr(store, "MOST_SHIPPED_BYTES", one + 1)
    assert all(verdict.ok for verdict in store.verify(home))
    monkeypatch.setattr(store, "MOST_SHIPPED_BYTES", one)
    assert [str(verdict.state) for verdict in store.verify(home) if not verdict.ok] == ["too large"]


def test_what_is_shipped_verifies() -> None:
    assert [verdict for verdict in store.verify() if not verdict.ok] == []
