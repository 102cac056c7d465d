"""Memory of the process: what was given back is used again instead of being asked for anew."""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # mallopt(3)
KEPT_BYTES, LARGE_BYTES = 1 << 30, 32 << 20


def keep() -> None:
    """Has glibc keep up to 1 GiB that was given back, for all threads alike; with other libraries nothing changes.

    Light is formed in pieces of 0.1 to 30 MB by several threads. When each kept its own heap and returned what was free
    at its end, the system had to find and clear twice the pages, and more were in use at once. To be called before
    there are threads.
    """
    tell = getattr(ctypes.CDLL(None), "mallopt", None)
    if tell is not None:
        for option, value in ((TRIM_THRESHOLD, KEPT_BYTES), (MMAP_THRESHOLD, LARGE_BYTES), (ARENA_MAX, 1)):
            tell(option, value)
