"""A download that is killed again and again."""

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imagery.remote.cache import Cache, name_of
from imagery.remote.partial import SEGMENT_BYTES

PROGRAM = Path(__file__).with_name("downloader.py")


def verified(folder, name):
    """Bytes of an object that the journal beside its unfinished download proves."""
    part, journal = (folder / "partial" / f"{name_of(name)}{suffix}" for suffix in (".part", ".journal"))
    if not (part.exists() and journal.exists()):  # killed between making the two: nothing is proven yet
        return 0
    content = part.read_bytes()
    proven = 0
    for line in journal.read_text().splitlines()[1:]:
        try:
            length, sha256 = json.loads(line)
        except ValueError:
            break
        if hashlib.sha256(content[:length]).hexdigest() == sha256 and len(content) >= length:
            proven = length
    return proven


def finished(folder, files):
    """Objects that lie whole in the cache."""
    cache = Cache(folder)
    done = {path for path in files if cache.get(path[1:]) is not None}
    cache.close()
    return done


def check_round(asked, before, done):
    """One process's requests: nothing that was finished, and of the rest only what was not proven."""
    begun = set()
    for request in asked:
        assert request.path not in done, "a finished object is not asked for"
        if request.path not in begun:
            start = int(request.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
            assert start == before[request.path], "it goes on exactly where the journal ends"
        begun.add(request.path)


def killed_again_and_again(faulty, folder, count, kills, pace_s):
    """Downloads objects in a process that is killed at random moments, then once to the end."""
    dice, chance = np.random.default_rng(6), random.Random(8)
    files = {f"/{index}.bin": dice.bytes(int(dice.integers(10**6, 3 * 10**6))) for index in range(count)}
    wanted = [f"{path[1:]}:{len(body)}:{hashlib.sha256(body).hexdigest()}" for path, body in files.items()]
    killed = 0
    with faulty.Server(files) as server:
        server.pace_s = pace_s
        command = [sys.executable, str(PROGRAM), str(folder), server.base, *wanted]
        Cache(folder).close()
        for turn in range(kills + 1):
            before = {path: verified(folder, path[1:]) for path in files}
            done = finished(folder, files)
            seen = len(server.asked)
            process = subprocess.Popen(command)
            if turn < kills:
                while len(server.asked) == seen and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(chance.uniform(0, count * 2e6 / 65_536 * pace_s / 4 / kills * 2))
                process.kill()
                killed += process.wait() == -9
            assert process.wait() in (0, -9)
            check_round(server.asked[seen:], before, done)
    cache = Cache(folder)
    for path, body in files.items():
        assert cache.get(path[1:]).read_bytes() == body
    assert not any((folder / "partial").glob("*.part"))
    cache.close()
    needed = sum(map(len, files.values()))
    report = f"{killed} kills, {needed:,} bytes needed, {server.sent.total():,} sent, {len(server.asked)} requests"
    # What a killed process had received and not yet proven is sent again: a segment of each object under way, and what
    # lay in the system's buffers of its sockets.
    assert server.sent.total() <= needed + killed * 4 * (SEGMENT_BYTES + 8 * 2**20), report
    return report, killed


def test_a_download_killed_three_times_goes_on_where_it_was(faulty, tmp_path):
    _, killed = killed_again_and_again(faulty, tmp_path, count=8, kills=3, pace_s=0.02)
    assert killed == 3


@pytest.mark.slow
def test_a_download_killed_twenty_times_goes_on_where_it_was(faulty, tmp_path):
    report, killed = killed_again_and_again(faulty, tmp_path, count=40, kills=20, pace_s=0.02)
    print(report)
    assert killed >= 18
