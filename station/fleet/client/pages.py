"""How a list is walked that the fleet gives a page at a time (API document, 1.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from station.fleet.client import names
from station.fleet.client.errors import Garbled
from station.fleet.client.messages import LISTED, Reply, Request, Sender

PAGE = 500
"""Lines a page.  The fleet gives up to 1000; the fewer, the less is lost when one must be asked for again."""

_FEWEST, _MOST = 5, 1000

Row = TypeVar("Row")


def clamp(limit: int) -> int:
    """Return the lines that the fleet gives when asked for so many."""
    return min(max(limit, _FEWEST), _MOST)


def paged(path: str, offset: int, limit: int, asking: Iterable[tuple[str, str]] = ()) -> str:
    """Return path and query of one page; both are always said, since a default is not documented everywhere."""
    return names.query(path, [("offset", str(offset)), ("limit", str(limit)), *asking])


def walk(
    client: Sender,
    path: str,
    read: Callable[[Reply], list[Row]],
    asking: Iterable[tuple[str, str]] = (),
    *,
    shared_by: str | None = None,
) -> Iterator[Row]:
    """Walk a list to its first page that isn't full.

    If lines are deleted meanwhile, others may be passed over.  Raises
    ``Garbled`` if the fleet gives the same page again, as one that knows no
    pages would do for ever, and the rest of ``FleetError``.
    """
    asking = list(asking)
    offset, before = 0, None
    while True:
        target = paged(path, offset, PAGE, asking)
        reply = client.send(Request("GET", target, LISTED, shared_by=shared_by))
        rows = read(reply)
        if rows and rows == before:
            raise Garbled("the fleet's list goes round in circles", reply.asked, status=reply.status)
        yield from rows
        if len(rows) < PAGE:
            return
        offset, before = offset + len(rows), rows
