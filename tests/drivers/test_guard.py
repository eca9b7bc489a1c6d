"""A dialect that somebody else wrote may do what it likes: it ends one board, and is named."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from drivers.board import Identity
from drivers.errors import BoardSilent, DialectBroken
from drivers.guard import Guarded


class Wild:
    """A board whose every method gives, or raises, one thing."""

    def __init__(self, gives: Any) -> None:
        self._gives = gives

    def _give(self, *arguments: Any) -> Any:
        if isinstance(self._gives, BaseException):
            raise self._gives
        return self._gives

    present = identify = check = configure = restart = read = _give


def ask_all(board: Guarded) -> Mapping[str, Any]:
    asked = {
        "present": board.present,
        "identify": board.identify,
        "check": lambda: board.check({}),
        "configure": lambda: board.configure({"a": "1"}),
        "restart": board.restart,
        "read": lambda: board.read({"a": "1"}),
    }
    answers: dict[str, Any] = {}

    def ask() -> None:  # in a thread, as a slot does
        for name, question in asked.items():
            try:
                answers[name] = question()
            except BaseException as error:  # noqa: BLE001
                answers[name] = error

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return answers


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), RecursionError(), ValueError("x"), OSError()])
def test_whatever_it_raises_the_dialect_is_named(raised: BaseException) -> None:
    for name, error in ask_all(Guarded("acme", Wild(raised))).items():
        assert isinstance(error, DialectBroken), name
        assert f"'acme' is broken: {name}: it raised {type(raised).__name__}" in error.text


def test_a_fault_is_its_own_word() -> None:
    fault = BoardSilent("nothing")
    assert all(error is fault for error in ask_all(Guarded("acme", Wild(fault))).values())


def test_a_person_at_a_command_may_interrupt_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        Guarded("acme", Wild(KeyboardInterrupt())).restart()


@pytest.mark.parametrize("seen", [None, "SN1", Identity(7), Identity("SN1", None), Identity(b"SN1")])  # type: ignore[arg-type]
def test_an_identity_is_of_texts(seen: Any) -> None:
    with pytest.raises(DialectBroken, match="identify: expected an Identity of texts"):
        Guarded("acme", Wild(seen)).identify()


@pytest.mark.parametrize("read", [None, [], {}, {"a": b"1"}, {"a": None}, {"b": "1"}])
def test_every_setting_is_read_as_text(read: Any) -> None:
    with pytest.raises(DialectBroken, match="read: expected"):
        Guarded("acme", Wild(read)).read({"a": "1"})


def test_a_good_one_is_heard() -> None:
    assert Guarded("acme", Wild(Identity("SN1"))).identify() == Identity("SN1")
    assert Guarded("acme", Wild({"a": "1", "b": "2"})).read({"a": "1"}) == {"a": "1"}
    assert Guarded("acme", Wild(True)).restart() and Guarded("acme", Wild(1)).present()
