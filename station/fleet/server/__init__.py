"""The bundled fleet server: the device provisioning and fleet management API, served from one SQLite file.

A line rehearses on it, and an isolated site runs it.  From the socket down::

    server.py       FleetServer: the socket, the loop, start and stop
    transport.py    waitress's loop, a turn at a time: a turn's answers leave after its commit
    channel.py      one connection, as the API's strictest clients need it
    dispatch.py     the raw request target -> a procedure; who may call it; what a refusal looks like
    auth.py         token or CIK -> vendor or client (API document, section 1.2)
    options.py      what may be set

What a request and a reply are::

    procedures.py   one row of a noun's table: number, method, path, who answers
    call.py         one request: its segments, query, form, and the store that answers it
    bodies.py       form, CSV or JSON;  csvs.py reads lists, byterange.py the Range header
    names.py        what a legal name is, and how long anything may be (sections 1.10 and 2)
    replies.py      status and value -> the exact reply, and Refused

The nouns, each with its ``PROCEDURES``::

    device.py  D1   download.py  D2-D4      what a board calls
    content.py  M1-M11                      groups.py  M12-M17   members.py  M18-M25
    models.py  M26, M28-M32                 shares.py  M27, M51-M55
    pages.py  M33   serials.py  M35-M37, M39-M41   ranges.py  M34, M38, M42
    serial.py  M43-M50                      vendors.py  M56-M58   tokens.py  M59-M63
    neighbours.py  U1, U2                   rpc.py  U3, with caller.py and remote.py

What they stand on::

    states.py       the state machine of a serial number as one table; pure (section 4)
    lookup.py       one serial number, from its row or its range, and what may be done with it
    spans.py        what a range holds;  unlisting.py  what a deletion takes along
    membership.py   who is in which group, and may read what (sections 5 and 6)
    entry.py        one content entry;  blobs.py  its bytes, in chunks;  holds.py  those in somebody's hands
    clients.py      the tree of clients: RIDs, keys, who is below whom
    schema.py       the tables;  store.py  one writer, a read connection a thread
    grant.py        init: a vendor, its token, a template and a portal;  window.py  a model's own window

No code is shared with ``station.fleet.client``: a shared codec would hide a
shared mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from station.fleet.server.grant import Grant, init
from station.fleet.server.options import Options
from station.fleet.server.window import set_window

if TYPE_CHECKING:
    from station.fleet.server.server import FleetServer
else:

    def __getattr__(name: str) -> object:
        """Import the server when it is asked for: it alone needs the ``server`` extra."""
        if name != "FleetServer":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from station.fleet.server.server import FleetServer

        return FleetServer


__all__ = ["FleetServer", "Grant", "Options", "init", "set_window"]
