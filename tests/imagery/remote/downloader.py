"""Downloads objects into a cache until it is done or killed.

A program for test_kill.py: FOLDER BASE NAME:SIZE:SHA256 ….
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imagery.remote.cache import Cache
from imagery.remote.http import Fetcher
from imagery.remote.limits import Limits


def main() -> None:
    folder, base, *wanted = sys.argv[1:]
    fetcher = Fetcher(Cache(Path(folder)), Limits(attempts=3, timeout_s=5, deadline_s=60, concurrency=4))

    def fetch(line: str) -> None:
        name, size, sha256 = line.split(":")
        fetcher.file(f"{base}/{name}", name, int(size), sha256)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fetch, wanted))


main()
