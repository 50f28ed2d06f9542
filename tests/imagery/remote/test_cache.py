"""What the cache gives out is what was put in, whoever meddles."""

import hashlib
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagery.errors import ProviderError
from imagery.remote.cache import Cache

SOURCE = "https://data.example/a.tif"


def writes(content):
    return lambda part: part.write_bytes(content)


def again(cache):
    """The same folder, seen by another process."""
    return Cache(cache.folder, cache.limit_bytes)


def test_what_was_put_is_found_with_its_suffix_and_source(cache):
    file = cache.put("a", writes(b"one"), SOURCE, ".tif")
    assert cache.get("a") == file
    assert file.suffix == ".tif"
    assert file.read_bytes() == b"one"
    row = sqlite3.connect(cache.folder / "index.sqlite").execute("SELECT size, sha256, source FROM entries").fetchone()
    assert row == (3, hashlib.sha256(b"one").hexdigest(), SOURCE)
    assert cache.get("b") is None


@pytest.mark.parametrize("damage", [b"onx", b"on", b"", b"longer"])
def test_a_changed_file_is_never_given_out(cache, damage):
    file = cache.put("a", writes(b"one"), SOURCE)
    file.write_bytes(damage)
    other = again(cache)
    assert other.get("a") is None
    assert not file.exists()
    other.close()


def test_a_file_that_changes_while_it_is_in_use_is_noticed(cache):
    file = cache.put("a", writes(b"one"), SOURCE)
    assert cache.get("a") == file
    time.sleep(0.01)
    file.write_bytes(b"two")
    assert cache.get("a") is None


def test_a_file_that_vanished_is_absent(cache):
    cache.put("a", writes(b"one"), SOURCE).unlink()
    assert cache.get("a") is None
    assert cache.put("a", writes(b"two"), SOURCE).read_bytes() == b"two"


def test_a_write_that_fails_leaves_nothing(cache):
    def half(part):
        part.write_bytes(b"ha")
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        cache.put("a", half, SOURCE)
    assert cache.get("a") is None
    assert [file for file in (cache.folder / "objects").rglob("*") if file.is_file()] == []


def test_replaced_content_stays_whole_for_who_reads_the_old(cache):
    old = cache.put("a", writes(b"old"), SOURCE)
    with old.open("rb") as stream:
        new = cache.put("a", writes(b"new"), SOURCE)
        assert stream.read() == b"old"
    assert new.read_bytes() == b"new"
    assert not old.exists()


def test_another_checksum_than_wanted_counts_as_absent(cache):
    cache.put("a", writes(b"one"), SOURCE)
    assert cache.get("a", hashlib.sha256(b"one").hexdigest()) is not None
    assert cache.get("a", "0" * 64) is None


def test_what_was_used_last_stays_and_what_any_process_uses_stays_too(tmp_path):
    first = Cache(tmp_path, 1_000)
    for index in range(10):
        first.put(f"k{index}", writes(bytes([index]) * 100), SOURCE)
    assert first.evict() == 0  # this process uses all of it, and it is within the limit
    first.close()
    second = Cache(tmp_path, 500)
    used = [second.get("k0"), second.get("k3")]
    third = Cache(tmp_path, 500)
    assert third.evict() == 500
    assert [index for index in range(10) if third.get(f"k{index}")] == [0, 3, 7, 8, 9]
    assert all(file.exists() for file in used)
    second.close()
    third.close()


def test_the_limit_is_kept_while_things_are_put(tmp_path):
    for index in range(8):
        cache = Cache(tmp_path, 4_000)
        cache.put(f"k{index}", writes(bytes([index]) * 1_000), SOURCE)
        cache.put(f"m{index}", writes(bytes([index]) * 1_000), SOURCE)
        cache.close()
    assert sum(file.stat().st_size for file in (tmp_path / "objects").rglob("*") if file.is_file()) <= 6_000


def test_a_process_that_was_killed_uses_nothing_any_more(tmp_path):
    script = (
        "import os, sys, pathlib; from imagery.remote.cache import Cache; "
        "cache = Cache(pathlib.Path(sys.argv[1])); cache.put('a', lambda part: part.write_bytes(b'x' * 99), 's'); "
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    cache = Cache(tmp_path, 1)
    assert cache.evict() == 99
    cache.close()


def test_many_processes_and_threads_write_at_once(tmp_path):
    script = (
        "import sys, pathlib; from imagery.remote.cache import Cache; cache = Cache(pathlib.Path(sys.argv[1])); "
        "[cache.put(f'k{index}', lambda part: part.write_bytes(bytes([index]) * 5_000), 's') for index in range(12)]; "
        "assert all(cache.get(f'k{index}') for index in range(12)); cache.close()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(2)]
    cache = Cache(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: cache.put(f"k{index}", writes(bytes([index]) * 5_000), "s"), range(12)))
    assert [process.wait() for process in processes] == [0, 0]
    other = again(cache)
    assert all(other.get(f"k{index}").read_bytes() == bytes([index]) * 5_000 for index in range(12))
    assert len([file for file in (tmp_path / "objects").rglob("*") if file.is_file()]) == 12
    cache.close()
    other.close()


def test_a_damaged_index_is_dropped_and_with_it_what_it_vouched_for(cache):
    cache.put("a", writes(b"one"), SOURCE)
    cache.close()
    for file in cache.folder.glob("index.sqlite*"):
        file.write_bytes(b"not a database, but long enough to look like one" * 100)
    other = again(cache)
    assert other.get("a") is None
    assert other.put("a", writes(b"two"), SOURCE).read_bytes() == b"two"
    other.close()


def test_a_full_disk_is_said_plainly(cache):
    def full(part):
        raise OSError(28, "No space left on device")

    with pytest.raises(ProviderError, match="disk is full"):
        cache.put("a", full, SOURCE)


def test_a_folder_that_can_not_be_made_is_said_plainly(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProviderError, match="can not be written"):
        Cache(tmp_path / "file" / "cache")


def test_a_suffix_can_not_lead_elsewhere(cache):
    file = cache.put("a", writes(b"one"), SOURCE, "/../../../evil.tif")
    assert file.is_relative_to(cache.folder / "objects")
    assert file.suffix == ""


def test_a_lock_held_by_another_is_waited_for_no_longer_than_said(cache):
    def attempt():
        with cache.locked("a", 0.1):
            return "held"

    with cache.locked("a", 1), ThreadPoolExecutor(1) as pool, pytest.raises(ProviderError, match="same object"):
        pool.submit(attempt).result()
