"""Settings of the whole process that work at full rate needs: from its start on, or for a while.

Nothing depends on them but speed: every figure of `bench/recording.py` was taken with them, and the
bench shows what each is worth.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of malloc.h
_KEPT_BYTES = 512 << 20
_STEP_BYTES = 16 << 20
_LARGE_BYTES = 32 << 20
_YOUNG_OBJECTS = 200_000
_SWITCH_SECONDS = 0.001


def settle() -> None:
    """Keep freed memory, collect garbage less often, and hand over between threads sooner.

    glibc gives the end of its heap back to the system as soon as 128 KiB of it are free, and a
    serializer that shrinks its buffers makes it do so for every fact: a page fault each. Facts hold
    no cycles, so most of what the garbage collector looks through is alive: looking at 50,000 young
    objects took 2 µs of a message and more for what it drove out of the caches. A thread that wants
    the interpreter waits 1 ms instead of 5 ms for one that computes.
    """
    keep_memory()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 100)
    sys.setswitchinterval(_SWITCH_SECONDS)


def keep_memory() -> bool:
    """Keep up to 512 MiB of freed memory in the process; False where malloc takes no such wish."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wishes = (
        (_TRIM_THRESHOLD, _KEPT_BYTES),
        (_TOP_PAD, _STEP_BYTES),
        (_MMAP_THRESHOLD, _LARGE_BYTES),
    )
    return all(mallopt(wish, size) == 1 for wish, size in wishes)


@contextmanager
def no_cycle_hunting() -> Iterator[None]:
    """Do not look for reference cycles meanwhile: among millions of new facts, rows and columns
    there are none, and the search costs a fifth of a rebuild and most of reading a snapshot."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
