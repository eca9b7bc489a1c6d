"""Two calls on the same host that small devices make beside the API (U1, U2; section 9)."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from station import clock
from station.fleet.server import replies
from station.fleet.server.call import Call
from station.fleet.server.procedures import Procedure
from station.fleet.server.replies import Reply


def address(call: Call) -> Reply:
    """U1: 200 with the octets of the caller's address and the two of its port, with commas between.

    Six for IPv4, also where it arrives inside IPv6; eighteen for IPv6.  The
    port is the socket's, whose it is behind a proxy.
    """
    ip, port = ip_address(call.peer), int(call.environ["REMOTE_PORT"])
    if isinstance(ip, IPv6Address):
        ip = ip.ipv4_mapped or ip
    return replies.value(",".join(map(str, [*ip.packed, *port.to_bytes(2, "big")])), replies.TEXT)


def timestamp(call: Call) -> Reply:
    """U2: 200 with the time in Unix seconds."""
    return replies.value(str(clock.now_us() // 1_000_000), replies.TEXT)


PROCEDURES = (
    Procedure("U1", "GET", "/ip", address),
    Procedure("U2", "GET", "/timestamp", timestamp),
)
