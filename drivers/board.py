"""What the station may ask of a board, whatever language the board speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from drivers.errors import DriverError, PortMissing

if TYPE_CHECKING:
    from drivers.link import Link


@dataclass(frozen=True, slots=True)
class Identity:
    """What a board says of itself; untrusted text until a recipe has judged it.

    ``hardware_id`` is what can't be changed by writing a setting (a MAC
    address, a chip's unique id); empty if this kind of board has none.
    """

    serial: str
    hardware_id: str = ""
    firmware: str = ""
    hardware_revision: str = ""


class Board(Protocol):
    """One board on one link.  Every method raises a ``DriverError`` or returns.

    All of them are safe to repeat: a cycle that was cut runs its step again.
    None of them outlasts its own deadlines, and each ends early with
    ``Cancelled`` when the link is cancelled.
    """

    def present(self) -> bool:
        """Tell whether a board seems to be there, by bytes that execute nothing on it.  Within 1 s."""
        ...

    def identify(self) -> Identity:
        """Bring the board to where it listens, from any state it may be in, and ask who it is."""
        ...

    def check(self, settings: Mapping[str, str]) -> None:
        """Raise ``ValueUnwritable`` for a setting that this kind of board can't be told.

        Asks the board nothing, so that a mistake of the recipe is known before anything is written anywhere.
        """
        ...

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write the settings and make them permanent; checks them first."""
        ...

    def restart(self) -> bool:
        """Make the board forget what was only in its RAM.

        Returns False where the recipe knows no way to do so (nothing was
        done); True once the board is up again.
        """
        ...

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Read settings back from the board; every name asked for is in the answer.

        ``expected`` is what was written.  A dialect whose board tells a digest
        returns the expected value where the digest is the expected value's,
        and else what the board does hold, or its digest as ``sha256:HEX``.
        """
        ...


@runtime_checkable
class Previewing(Protocol):
    """A board that can be asked what it would be sent; not every dialect's is."""

    def preview(self, settings: Mapping[str, str]) -> list[str]:
        """Return the lines that ``configure`` would send, in their order, for an engineer to read; sends nothing.

        Raises ``ValueUnwritable``.
        """
        ...


class Dialect(Protocol):
    """A language that boards speak: makes a ``Board`` of a link and the recipe's own table.

    A dialect is a class with a frozen pydantic model ``Options``, so that the
    recipe's table of the same name is validated when the recipe is loaded.
    ``drivers.table.Table`` is such a model; one that needs none of the
    station's secrets need not say so.
    """

    Options: ClassVar[type[BaseModel]]

    def __call__(self, link: Link, options: BaseModel, secrets: Mapping[str, str]) -> Board:
        """Make the board's near end.

        ``secrets`` are the station's, by name: those that ``options.secrets``
        asks for.  Whoever sends one hides it in the link first (``Link.hide``).
        """
        ...


class NoBoard:
    """An empty slot, where a board is expected: whatever is asked of it, nobody answers."""

    def __init__(self, fault: DriverError | None = None) -> None:
        """``fault`` is what every question raises; left out, ``PortMissing``."""
        self._fault = fault or PortMissing("no board is here")

    def present(self) -> bool:
        """Say no."""
        return False

    def identify(self) -> Identity:
        """Raise the fault, as all that follow."""
        raise self._fault

    def check(self, settings: Mapping[str, str]) -> None:
        """Do nothing: nobody is here who could not be told."""

    def configure(self, settings: Mapping[str, str]) -> None:
        """Raise the fault."""
        raise self._fault

    def restart(self) -> bool:
        """Raise the fault."""
        raise self._fault

    def read(self, expected: Mapping[str, str]) -> Mapping[str, str]:
        """Raise the fault."""
        raise self._fault
