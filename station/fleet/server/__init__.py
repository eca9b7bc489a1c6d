"""The bundled fleet server: the device provisioning and fleet management API, served from one SQLite file.

A line rehearses on it, and an isolated site runs it.  The room::

    server.py       FleetServer: the socket, the threads, start and stop
    transport.py    waitress as the API's strictest clients need it: header order, one segment a reply
    dispatch.py     the raw request target -> a procedure; who may call it; what a refusal looks like
    call.py         one request: its segments, query, form and the store that answers it
    auth.py         vendor token or CIK -> vendor (API document, section 1.2)
    replies.py      status and value -> the exact reply, and Refused
    names.py        what a legal name is, and how long anything may be (sections 1.10 and 2)
    states.py       the state machine of a serial number as one table; pure (section 4)
    store.py        the tables, one writer, a read connection a thread
    clients.py      the tree of clients: RIDs, keys, who is below whom
    device.py       D1             what a board calls
    models.py       M28, M30       a noun a module; each lists its own ROUTES
    serials.py      M33, M35, M43, M46, M48, M49, M50
    grant.py        init: a vendor, its token, a template and a portal

A further noun is a module with its ``ROUTES``, its name in ``dispatch.NOUNS``
and a migration in ``store``.  A form or query of the API that no procedure
here answers yet is refused with 501, never mistaken for a neighbour.

No code is shared with ``station.fleet.client``: a shared codec would hide a
shared mistake.
"""

from station.fleet.server.grant import Grant, init
from station.fleet.server.options import Options
from station.fleet.server.server import FleetServer

__all__ = ["FleetServer", "Grant", "Options", "init"]
