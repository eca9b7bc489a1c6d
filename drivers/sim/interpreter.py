"""What a simulated MicroPython board does with code: it runs it, as Python, with the board's own modules and files.

The code is what an engineer's recipe sends, and so is trusted; it sees no
module and no file of this machine, and its loops end after so many turns.
"""

from __future__ import annotations

import ast
import binascii
import builtins
import hashlib
import io
import json
import traceback
import warnings
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

TURNS = 1_000_000
"""Turns of loops that code may take, a fraction of a second; a real board would go on until it is interrupted."""

_TURN = "__turn__"
"""The function that is called in each turn of a loop."""
_HIDDEN = frozenset({"open", "print", "input", "eval", "compile", "breakpoint", "help", "exit", "quit"})
"""What a board has of its own, or nothing like it."""


class _Uname(NamedTuple):
    sysname: str
    nodename: str
    release: str
    version: str
    machine: str


class _Counted(ast.NodeTransformer):
    """Has each turn of a loop counted."""

    def visit_For(self, node: ast.For) -> ast.AST:
        """Count the turns of a for loop."""
        return self._counted(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        """Count the turns of a while loop."""
        return self._counted(node)

    def _counted(self, loop: ast.For | ast.While) -> ast.AST:
        self.generic_visit(loop)
        call = ast.Expr(ast.Call(ast.Name(_TURN, ast.Load()), [], []))
        loop.body.insert(0, ast.fix_missing_locations(ast.copy_location(call, loop.body[0])))
        return loop


class Interrupted(BaseException):
    """What no ``except`` of the code may catch: the board itself goes on otherwise."""


class HardReset(Interrupted):
    """``machine.reset()``."""


class TooLong(Interrupted):
    """The code doesn't end."""


class Board(Protocol):
    """What code can do to a board."""

    @property
    def unique_id(self) -> bytes:
        """The chip's own number."""
        ...

    def load(self, path: str) -> bytes:
        """Return a file; raises ``KeyError``."""
        ...

    def begin(self, path: str) -> None:
        """Empty a file, or make it; it is going to be written."""
        ...

    def store(self, path: str, content: bytes) -> None:
        """Keep a file that was written."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in place of the file of that name; raises ``KeyError``."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; raises ``KeyError``."""
        ...

    def paths(self) -> list[str]:
        """Name all files."""
        ...


class Interpreter:
    """The globals of one board, from one start to the next."""

    def __init__(self, board: Board, version: str, machine: str, missing: frozenset[str] = frozenset()) -> None:
        """``missing``: names of modules, and of functions as in ``os.rename``, that this port doesn't have."""
        self._board = board
        self._missing = missing
        self._printed = bytearray()
        self._left = 0
        kept: dict[str, Any] = {name: it for name, it in vars(builtins).items() if name not in _HIDDEN}
        kept |= {"print": self._print, "open": self._open, "exec": self._exec, "__import__": self._import}
        kept[_TURN] = self._turn
        self._builtins = kept
        self._globals: dict[str, Any] = {"__name__": "__main__"}
        uname = _Uname("sim", "sim", version, f"v{version}", machine)
        modules: dict[str, Mapping[str, Any]] = {
            "machine": {"unique_id": lambda: board.unique_id, "reset": self._reset},
            "os": {
                "rename": self._or_missing(board.rename),
                "remove": self._or_missing(board.remove),
                "listdir": lambda path="/": [name.removeprefix("/") for name in board.paths()],
                "sync": lambda: None,
                "uname": lambda: uname,
            },
            "sys": {"version": f"3.4.0; MicroPython v{version}", "platform": "sim", "print_exception": self._print},
            "json": {"loads": json.loads, "dumps": json.dumps, "load": lambda file: json.loads(file.read())},
            "hashlib": {"sha256": hashlib.sha256},
            "binascii": {"hexlify": binascii.hexlify, "crc32": binascii.crc32},
        }
        self._modules = {
            name: SimpleNamespace(**{key: it for key, it in has.items() if f"{name}.{key}" not in missing})
            for name, has in modules.items()
            if name not in missing
        }

    def run(self, code: str) -> tuple[bytes, bytes]:
        """Run code; return what it printed and the traceback, if any.

        What it printed until it was ``Interrupted`` is in ``printed``.
        """
        self._printed.clear()
        self._left = TURNS
        try:
            self._exec(code, filename="<stdin>")
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - the board tells it
            return self.printed, _crlf(_told(error))
        return self.printed, b""

    @property
    def printed(self) -> bytes:
        """What the code has printed so far, as the board's console sends it."""
        return bytes(self._printed)

    def _exec(self, code: str, names: dict[str, Any] | None = None, filename: str = "<string>") -> None:
        names = self._globals if names is None else names
        names["__builtins__"] = self._builtins
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about code with a byte lost
            compiled = compile(_Counted().visit(ast.parse(code)), filename, "exec")
        exec(compiled, names)

    def _turn(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooLong

    def _reset(self) -> None:
        raise HardReset

    def _print(self, *values: Any, sep: str = " ", end: str = "\n") -> None:
        self._printed += _crlf(sep.join(map(str, values)) + end)

    def _import(self, name: str, *_: Any) -> Any:
        name = name.removeprefix("u") if name.startswith("u") and name not in self._modules else name
        if name not in self._modules:
            raise ImportError(f"no module named '{name}'")
        return self._modules[name]

    def _open(self, path: str, mode: str = "r") -> Any:
        if "w" in mode:
            self._board.begin(path)
            return _Written(self._board, path, text="b" not in mode)
        raw = io.BytesIO(self._or_missing(self._board.load)(path))
        return raw if "b" in mode else io.TextIOWrapper(raw, "utf-8", newline="")

    @staticmethod
    def _or_missing(act: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*paths: str) -> Any:
            try:
                return act(*paths)
            except KeyError:
                raise OSError(2, "ENOENT") from None

        return asked


class _Written:
    """A file open for writing; what is not closed is not kept."""

    def __init__(self, board: Board, path: str, *, text: bool) -> None:
        self._board, self._path, self._text = board, path, text
        self._content = bytearray()
        self._open = True

    def write(self, data: str | bytes) -> int:
        """Add to the file."""
        if not self._open:
            raise ValueError("I/O operation on closed file")
        self._content += data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        return len(data)

    def close(self) -> None:
        """Keep it."""
        if self._open:
            self._open = False
            self._board.store(self._path, bytes(self._content))

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def _told(error: BaseException) -> str:
    """Return a traceback as MicroPython prints it."""
    kind = "OSError" if isinstance(error, OSError) else type(error).__name__
    if isinstance(error, SyntaxError):
        return f'Traceback (most recent call last):\n  File "<stdin>", line {error.lineno}\n{kind}: invalid syntax\n'
    frames = [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in ("<stdin>", "<string>")
    ]
    return f"Traceback (most recent call last):\n{''.join(frames)}{kind}: {error}\n"
