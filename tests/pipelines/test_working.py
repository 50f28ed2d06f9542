import resource
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from pipelines.working import _LIBRARY, working_blocks

BIG = 100 << 20  # far beyond what the C library serves from its heap unasked
PAGE = 4096

glibc = pytest.mark.skipif(_LIBRARY is None, reason="the C library is not glibc")


def faults(size: int) -> int:
    """Pages that the kernel gave for an array that was made and dropped."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(size)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc
def test_memory_that_a_block_frees_serves_the_next_without_new_pages():
    assert faults(BIG) > BIG // PAGE // 2
    with working_blocks():
        faults(BIG)
        assert faults(BIG) < 100
    assert faults(BIG) > BIG // PAGE // 2


@glibc
def test_what_was_kept_goes_back_to_the_system_in_the_end():
    code = f"""
from pipelines.working import working_blocks
def held():
    return int(open("/proc/self/statm").read().split()[1]) * {PAGE}
before = held()
with working_blocks():
    parts = [bytearray({BIG}) for _ in range(3)]
    pinned = bytearray(10)
    del parts
    within = held()
print(within - before, held() - before)
"""
    root = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    within, after = map(int, ran.stdout.split())
    assert within > 2 * BIG
    assert after < BIG / 5


def test_one_blas_thread_meanwhile():
    with working_blocks():
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}
