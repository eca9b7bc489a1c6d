"""What a process does that is there for the station alone: it makes room for the boards' threads."""

from __future__ import annotations

import gc
import os

_GARBAGE = 50_000
"""Objects that are made before the garbage collector looks for cycles among them: a few MB."""


def keep_to_one_core() -> None:
    """Let all threads that are started from here on share one core; a process that is started later inherits it.

    One interpreter runs one thread at a time anyway.  On several cores the slots wake each other up only to find the
    interpreter taken, which costs a third of the CPU time that a board needs (``make bench``).  It is one of the cores
    that the process may use, and by its number, so that two stations on a PC are likely to have two.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def spare_collector() -> None:
    """Keep the garbage collector out of the way of boards, once everything is imported.

    It would look through every module again and again, although what there is now stays.  And cycles of objects are
    rare here, so that it need not look for them every 700 objects, which would be some 50 times a board.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
