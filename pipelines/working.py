"""What a process is told while it works blocks: one BLAS thread each, and memory that is kept for the next block.

A block frees gigabytes that the next one asks for again. The C library gives such memory back at once, and the kernel
then clears every page anew: a fifth of a night's processor time (docs/design/scale.md).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
"""Names of glibc's mallopt(3)."""

_USUAL = {_MMAP_MAX: 65_536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20}
"""Where glibc itself arrives once a process has freed large arrays."""


def _one_arena() -> ctypes.CDLL | None:
    """The C library, told to serve all threads from one arena; None where it is not glibc, and nothing changes.

    A thread's own arena can not hold large arrays, so each would be mapped anew. It has to be told before threads have
    theirs: when this module is imported.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, 1)
    except (AttributeError, TypeError, OSError):  # no mallopt, or no C library to be had by no name
        return None
    return library if hasattr(library, "malloc_trim") else None


_LIBRARY = _one_arena()


@contextmanager
def working_blocks() -> Iterator[None]:
    """Blocks and cells share the cores already; and one BLAS thread gives the same normals on every machine.

    Freed memory stays with the process meanwhile, and goes back to the system in the end.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        if _LIBRARY is None:
            yield
            return
        for name, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1)):
            _LIBRARY.mallopt(name, value)
        try:
            yield
        finally:
            for name, value in _USUAL.items():
                _LIBRARY.mallopt(name, value)
            _LIBRARY.malloc_trim(0)
