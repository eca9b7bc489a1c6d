"""Final result codes: what ends the answer to an AT command, as V.250, 3GPP TS 27.007 and the vendors have them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import Field

from drivers.table import Table

Code = Annotated[str, Field(min_length=1)]
"""A result code, literally; what follows a colon behind it doesn't matter."""

_OK = ("OK",)
_ERROR = ("ERROR", "+CME ERROR", "+CMS ERROR")
_NUMERIC_OK, _NUMERIC_ERROR = "0", "4"


class Final(Enum):
    """What a final result code says of the command."""

    OK = "ok"
    ERROR = "error"
    BUSY = "busy"
    """Not now; the same command will do later."""


class Results(Table):
    """``results``: the final result codes that a module has beside OK, ERROR, +CME ERROR and +CMS ERROR."""

    ok: tuple[Code, ...] = ()
    """Those that mean yes, e.g. ``"SEND OK"``."""
    error: tuple[Code, ...] = ()
    """Those that mean no, e.g. ``"FAIL"`` or ``"NO CARRIER"``."""
    busy: tuple[Code, ...] = ()
    """Those that mean not yet, e.g. ``"+CME ERROR: 14"`` or ``"busy p..."``: the command is sent again, for boot_s at
    most."""

    def final(self, line: str, *, numeric: bool = False) -> Final | None:
        """Tell what a line means for the command, None if it doesn't end its answer.

        ``numeric``: the board has been told to say its results as numbers (``ATV0``).
        """
        line = line.strip()
        if _is_one_of(self.busy, line):
            return Final.BUSY
        if _is_one_of(_OK + self.ok, line) or (numeric and line == _NUMERIC_OK):
            return Final.OK
        if _is_one_of(_ERROR + self.error, line) or (numeric and line == _NUMERIC_ERROR):
            return Final.ERROR
        return None


def _is_one_of(codes: tuple[str, ...], line: str) -> bool:
    return line in codes or (":" in line and line.startswith(tuple(code + ":" for code in codes)))
