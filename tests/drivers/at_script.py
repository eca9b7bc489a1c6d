"""An AT command module on a real pty that says exactly what a script says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from board_script import Reply, scripted

from drivers.at import At
from drivers.board import Identity
from drivers.link import Link

MODEM: dict[str, Any] = {
    "wake": {"every_s": 20.0},
    "identify": [
        {"send": "AT+CGSN=1", "capture": r'^\+CGSN: "(?P<serial>\w+)"$'},
        {"send": "AT+CGMR", "capture": r"^(?P<firmware>R\S+)$"},
    ],
    "write": 'AT+KV="{name}",{value}',
    "quote": "plain",
    "read": {"send": 'AT+KV="{name}"', "capture": r'^\+KV: "{name}","(?P<value>.*)"$'},
    "commit": {"send": "AT&W", "timeout_s": 10.0},
    "restart": {"send": "AT+CFUN=1,1", "expect": "RDY", "timeout_s": 10.0},
    "reply_s": 10.0,
    "boot_s": 10.0,
}

Exchange = tuple[bytes, Reply]


def says(command: bytes, *lines: bytes, result: bytes = b"OK", echo: bool = True) -> Exchange:
    """A command with CR, and its echo and answer as most modules send them."""
    answer = b"".join(b"\r\n" + line + b"\r\n" for line in (*lines, result))
    return command + b"\r", (command + b"\r" if echo else b"") + answer


AT = says(b"AT")
SERIAL = says(b"AT+CGSN=1", b'+CGSN: "490154203237518"')
FIRMWARE = says(b"AT+CGMR", b"R01A02")
STORED = says(b"AT&W")
WHO = Identity("490154203237518", firmware="R01A02")
WRITE = says(b'AT+KV="a","1"')
READ = says(b'AT+KV="a"', b'+KV: "a","1"')


@contextmanager
def modem(script: Sequence[Exchange], *, slowly: bool = False, **changes: Any) -> Iterator[tuple[At, Link]]:
    """Give a module's near end; ``changes`` are changes to the recipe's table."""
    table = {key: value for key, value in (MODEM | changes).items() if value is not None}
    with scripted(script, slowly=slowly) as link:
        yield At(link, At.Options.model_validate(table), {}), link


def quiet(exchange: Exchange) -> Exchange:
    """The same without an echo."""
    command, reply = exchange
    assert isinstance(reply, bytes)
    return command, reply.removeprefix(command)
