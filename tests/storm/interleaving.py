"""Every order in which two parties can call on a third, run one call at a time.

Each party runs in a thread of its own and stops at the gate before each of its
calls; exactly one of them runs at any moment.  The parties share nothing but
what they call on, so an order of calls is all that can differ between two
runs, and the same order gives the same run.

There are thousands of orders, and far fewer things that can be the case: two
runs in which both parties have been answered the same, and the third is in
the same state, have the same futures.  ``explore`` goes on from each such
point once.  ``orders`` are all of them, one after the other, for those who
don't believe that.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

PARTIES = (0, 1)
_LIMIT_S = 60


class Choice(NamedTuple):
    """Whose call is next, and what becomes of it."""

    who: int
    fate: str = ""
    """Empty if nothing bad happens to it."""


class Gates:
    """Where the two parties wait for their turns."""

    def __init__(self) -> None:
        self._turns: tuple[queue.SimpleQueue[str], ...] = (queue.SimpleQueue(), queue.SimpleQueue())
        self._stopped: queue.SimpleQueue[tuple[int, str | None]] = queue.SimpleQueue()

    def pass_through(self, who: int, call: str) -> str:
        """Wait, in a party's thread, until this call is its turn; return what becomes of it."""
        self._stopped.put((who, call))
        return self._turns[who].get(timeout=_LIMIT_S)

    def end(self, who: int) -> None:
        """Say that a party makes no more calls."""
        self._stopped.put((who, None))

    def stopped(self) -> tuple[int, str | None]:
        """Wait until a party is before its next call, which is returned, or has ended."""
        return self._stopped.get(timeout=_LIMIT_S)

    def let(self, choice: Choice) -> None:
        """Let a party make its call."""
        self._turns[choice.who].put(choice.fate)


class Point(NamedTuple):
    """What was the case before a choice was made."""

    state: Hashable
    waiting: dict[int, str]
    """Party -> the call that it is about to make."""


@dataclass
class Run(Generic[T]):
    """One run: what was chosen, out of what, and what came of it."""

    chosen: list[Choice] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    calls: list[tuple[Choice, str]] = field(default_factory=list)
    result: T = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return ", ".join(f"{'AB'[who]}:{call}{f' ({fate})' if fate else ''}" for (who, fate), call in self.calls)


class Begun(NamedTuple, Generic[T]):
    """What a run needs."""

    parties: Sequence[Callable[[], object]]
    state: Callable[[], Hashable]
    """Tells everything that a future can depend on."""
    judge: Callable[[Sequence[Any]], T]
    """Makes a result of what the parties returned."""


Begin = Callable[[Gates], Begun[T]]


def run(begin: Begin[T], choices: Sequence[Choice]) -> Run[T]:
    """Run with these choices first; after them, A goes on for as long as it can, and then B.

    The choice of somebody who has ended already is passed over.
    """
    gates = Gates()
    parties, state, judge = begin(gates)
    made: Run[T] = Run()
    planned = iter(choices)
    with ThreadPoolExecutor(len(PARTIES)) as pool:
        futures: list[Future[object]] = []
        waiting: dict[int, str] = {}
        for who in PARTIES:  # one after the other, so that nothing happens at the same time
            futures.append(pool.submit(_party, gates, who, parties[who]))
            _await(gates, waiting)
        while waiting:
            made.points.append(Point(state(), dict(waiting)))
            choice = next((one for one in planned if one.who in waiting), Choice(min(waiting)))
            made.chosen.append(choice)
            made.calls.append((choice, waiting.pop(choice.who)))
            gates.let(choice)
            _await(gates, waiting)
        made.result = judge([future.result(_LIMIT_S) for future in futures])
    return made


def _party(gates: Gates, who: int, work: Callable[[], object]) -> object:
    try:
        return work()
    finally:
        gates.end(who)


def _await(gates: Gates, waiting: dict[int, str]) -> None:
    who, call = gates.stopped()
    if call is not None:
        waiting[who] = call


def explore(begin: Begin[T], fates: Callable[[str], Sequence[str]] = lambda call: (), bad: int = 0) -> Iterator[Run[T]]:
    """Yield runs until every point that can come up has been gone on from, once for each choice there.

    ``fates`` are what may happen to a call, ``bad`` how often something may in
    one run.  A begins: with the names exchanged, everything else is the same.
    """
    seen: set[Hashable] = set()
    left: list[list[Choice]] = [[]]
    while left:
        prefix = left.pop()
        made = run(begin, prefix)
        yield made
        for at in range(len(prefix), len(made.points)):
            point, before = made.points[at], made.chosen[:at]
            misfortunes = sum(bool(choice.fate) for choice in before)
            if (key := (point.state, tuple(sorted(point.waiting.items())), misfortunes)) in seen:
                break
            seen.add(key)
            choices = [Choice(who) for who in point.waiting if at or who == 0]
            if misfortunes < bad:
                choices += [Choice(who, fate) for who, _ in choices for fate in fates(point.waiting[who])]
            left += [[*before, choice] for choice in choices if choice != made.chosen[at]]


def orders(mine: int, theirs: int) -> Iterator[list[Choice]]:
    """Yield every order of so many calls of A and so many of B; who makes fewer is passed over."""
    for places in combinations(range(mine + theirs), mine):
        yield [Choice(0 if at in places else 1) for at in range(mine + theirs)]
