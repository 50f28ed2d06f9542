"""The C library told to keep what was freed: a block allocates planes of the same sizes thousands of times.

Each time the library gives one back to the system, which must then clear its pages for the next: a third of a block's
processor time (docs/design/scale.md).
"""

import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD, _TOP_PAD = -3, -1, -2  # of <malloc.h>
_PLANE_BYTES = 32 << 20
"""What is larger comes from the system each time; glibc takes no higher limit."""

_KEPT_BYTES = 256 << 20
_GROWN_BYTES = 64 << 20


def keep_freed_memory() -> bool:
    """Keep freed memory for the next allocation, in all threads of this process; may be called again.

    Returns:
        Whether the C library took it: glibc does; with another one nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # no shared C library, Windows, or one without such a choice
        return False
    options = ((_MMAP_THRESHOLD, _PLANE_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_TOP_PAD, _GROWN_BYTES))
    return all(bool(mallopt(option, value)) for option, value in options)
