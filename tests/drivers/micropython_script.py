"""What a MicroPython board hears and says, in bytes; the envelope of an order is built here once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from board_script import Reply, scripted

from drivers.link import Link
from drivers.micropython import MicroPython

Exchange = tuple[bytes, Reply]

WAKE = b"\x03\x03\x01"
RAW = b"raw REPL; CTRL-B to exit\r\n>"
BANNER = b'MicroPython v1.24.1 on 2024-11-29; Board with CHIP\r\nType "help()" for more information.\r\n>>> '
WOKEN: Exchange = (WAKE, b"\r\n>>> \r\n>>> \r\n" + RAW)
ASKED = b"\x05A\x01"
ROOM = b"R\x01\x00\x40\x01"
"""Raw-paste mode with more room than any code needs."""
GREETING = (
    rb"""_ts="print('\\x02')\ntry:\n _st\n print('known')\nexcept NameError:print('fresh')\ndef _st(s,n):\n h=0\n """
    rb"""for c in s:h=(h*31+ord(c))%16777213\n if h==n:\n  print('\\x02')\n  exec(s,{'kept':_tk})\n """
    rb"""else:print('misheard')\n_tk={}\n"
_th=0
for _tc in _ts:_th=(_th*31+ord(_tc))%16777213
if _th==15900574:exec(_ts)
"""
)
WHO = {"run": "print('serial=G1-7')", "capture": "^serial=(?P<serial>.*)$"}


def order(code: str) -> bytes:
    number = reduce(lambda total, octet: (total * 31 + octet) % 16777213, code.encode("ascii"), 0)
    return f"_st({code!a},{number})\n".encode()


def said(printed: bytes = b"", raised: bytes = b"") -> bytes:
    """Return what a board answers to code that has arrived whole."""
    return b"\x02\r\n" + printed + b"\x04" + raised + b"\x04>"


def pasted(code: bytes, answer: bytes) -> list[Exchange]:
    return [(ASKED, ROOM), (code + b"\x04", b"\x04" + answer)]


def plainly(code: bytes, answer: bytes) -> list[Exchange]:
    return [(code + b"\x04", b"OK" + answer)]


def greeted(word: bytes = b"fresh") -> list[Exchange]:
    return pasted(GREETING, said(word + b"\r\n"))


def ran(code: str, printed: bytes = b"", raised: bytes = b"") -> list[Exchange]:
    return pasted(order(code), said(printed, raised))


def identified() -> list[Exchange]:
    """Return a board that is brought to its raw REPL and says who it is."""
    return [WOKEN, *greeted(), *ran(WHO["run"], b"serial=G1-7\r\n")]


@contextmanager
def micropython(
    script: Sequence[Exchange], *, slowly: bool = False, **changes: Any
) -> Iterator[tuple[MicroPython, Link]]:
    """Give the near end of a board that expects and answers ``script``; ``changes`` are to the recipe's table."""
    table = {"identify": [WHO], "path": "/c.json", "wake_s": 20.0, "reply_s": 20.0, "boot_s": 20.0} | changes
    with scripted(script, slowly=slowly) as link:
        yield MicroPython(link, MicroPython.Options.model_validate(table), {}), link
