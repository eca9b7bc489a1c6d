"""The control socket of a running station: who may ask, what is answered, and what does no harm."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_floor import LIMIT_S, Floor

from station import control
from station.control import Control, NoStation, OrderRefused, ask
from station.errors import StateBusy
from station.model import Outcome, Phase

Make = Callable[..., Floor]


def state(floor: Floor) -> Path:
    return floor.folder / "state"


def say(folder: Path, line: bytes) -> Any:
    """Send bytes as they are, and return what is answered."""
    here = os.getcwd()
    with closing(socket.socket(socket.AF_UNIX)) as caller:
        os.chdir(folder)  # the whole path may be too long for an address
        try:
            caller.settimeout(LIMIT_S)
            caller.connect(control.NAME)
        finally:
            os.chdir(here)
        caller.sendall(line)
        with caller.makefile("rb") as answer:
            line = answer.readline()
    return json.loads(line) if line else None


def test_a_slot_is_started_and_seen(make: Make) -> None:
    floor = make(('presence = "port"', 'presence = "start"'))
    floor.insert()
    watcher = floor.start()
    watcher.wait_note("start the slot")
    shown = ask(state(floor), "status")
    assert [(slot["slot"], slot["phase"], slot["running_s"]) for slot in shown["slots"]] == [("1", "empty", None)]
    assert (shown["line"]["station"], shown["line"]["recipe"]) == ("line 3", "widget 7")
    assert ask(state(floor), "start", slot="1") == {"slot": "1"}
    assert watcher.wait_finished().outcome is Outcome.PASS
    watcher.wait_phase("1", Phase.REMOVE)
    (slot,) = ask(state(floor), "status")["slots"]
    assert (slot["serial"], slot["outcome"], slot["code"]) == ("SIM-00000001", "PASS", None)


def test_what_a_station_will_not_do_is_said_in_its_words(floor: Floor) -> None:
    floor.start()
    with pytest.raises(OrderRefused, match="no slot '2'; there are: 1") as refused:
        ask(state(floor), "start", slot="2")
    assert refused.value.details == {"code": "slot-unknown"}
    watcher = floor.watcher
    assert floor.client is not None
    said: list[Any] = []

    def start() -> None:
        said.append(say(state(floor), b'{"verb": "start", "slot": "1"}\n'))

    floor.client.before("activate", start)
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert said == [{"ok": False, "code": "slot-running", "text": "slot 1: a board is being worked on"}]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"start 1\n",
        b"[]\n",
        b'"start"\n',
        b"{}\n",
        b'{"verb": ["start"]}\n',
        b'{"verb": "stop"}\n',
        b'{"verb": "__init__"}\n',
        b'{"verb": "start"}\n',
        b'{"verb": "start", "slot": 1}\n',
        b'{"verb": "start", "floor": "1", "slot": "1"}\n',
        b'{"verb": "status", "slot": "1"}\n',
        b"[" * 4095 + b"\n",
        b"\xff\xfe\n",
        b'{"verb": "start", "slot": "' + b"1" * 5000,
    ],
)
def test_whatever_else_is_sent_gets_one_answer_and_does_no_harm(line: bytes, floor: Floor) -> None:
    watcher = floor.start()
    answer = say(state(floor), line)
    assert (answer["ok"], answer["code"]) == (False, "order-unknown")
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS and len(floor.ledger("SELECT id FROM cycles")) == 1
    assert ask(state(floor), "status")["slots"]


def mute(folder: Path) -> socket.socket:
    """Return a caller who is let in and says nothing."""
    caller = socket.socket(socket.AF_UNIX)
    with control._within_reach(folder / control.NAME) as address:
        caller.settimeout(LIMIT_S)
        caller.connect(address)
    return caller


def test_callers_who_say_nothing_are_sent_away(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PATIENCE_S", 0.05)
    floor.start()
    callers = [mute(state(floor)) for _ in range(5)]
    callers[0].sendall(b'{"verb"')
    for caller in callers:
        with caller:
            assert caller.recv(1) == b""


def test_callers_who_say_nothing_keep_nobody_waiting(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_PATIENCE_S", float(LIMIT_S))
    floor.start()
    callers = [mute(state(floor)) for _ in range(control._AT_ONCE + 2)]
    assert ask(state(floor), "status")["slots"], "whose time is not over"
    for caller in callers[:3]:
        assert caller.recv(1) == b"", "the oldest had to make room"
    callers[-1].sendall(b'{"verb": "status"}\n')
    assert json.loads(callers[-1].makefile("rb").readline())["ok"]
    floor.stop()
    for caller in callers:
        with caller:
            assert caller.recv(1) == b"", "a stop waits for none of them"


def test_who_has_asked_is_not_sent_away_for_others(tmp_path: Path) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    class Slow(_Nothing):
        def views(self) -> tuple[Any, ...]:
            asked.set()
            assert may_answer.wait(LIMIT_S)
            return ()

    with closing(Control(tmp_path)) as door:
        door.serve(Slow())
        asker = mute(tmp_path)
        asker.sendall(b'{"verb": "status"}\n')
        assert asked.wait(LIMIT_S)
        callers = [mute(tmp_path) for _ in range(control._AT_ONCE + 1)]
        for caller in callers[:2]:
            assert caller.recv(1) == b""
        may_answer.set()
        assert json.loads(asker.makefile("rb").readline())["ok"]
        for caller in (asker, *callers):
            caller.close()


def test_only_user_and_group_may_ask_and_nobody_before_that_is_so(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod, early = os.chmod, []

    def look(path: Any, mode: int, **more: Any) -> None:
        if Path(path).name == control.NAME:
            with closing(socket.socket(socket.AF_UNIX)) as caller, control._within_reach(Path(path)) as address:
                early.append(caller.connect_ex(address))
        chmod(path, mode, **more)

    monkeypatch.setattr(os, "chmod", look)
    floor.start()
    assert early and all(early), "it was connected to before it was safe"
    found = (state(floor) / control.NAME).stat()
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660


def test_what_a_killed_station_left_is_replaced(floor: Floor) -> None:
    state(floor).mkdir()
    stale = socket.socket(socket.AF_UNIX)
    with control._within_reach(state(floor) / control.NAME) as address:
        stale.bind(address)
    stale.close()
    with pytest.raises(NoStation, match="no station is running"):
        ask(state(floor), "status")
    floor.start()
    assert ask(state(floor), "status")["slots"]


def test_a_second_station_takes_nothing_from_the_first(floor: Floor) -> None:
    first = floor.start()
    bench = floor.bench
    with pytest.raises(StateBusy, match="in use by another station"):
        floor.build()
    floor.bench = bench
    assert ask(state(floor), "status")["slots"]
    assert first.finished == []


def test_after_the_stop_nobody_is_there(floor: Floor) -> None:
    floor.start()
    floor.stop()
    assert not (state(floor) / control.NAME).exists()
    with pytest.raises(NoStation, match="no station is running"):
        ask(state(floor), "status")
    with pytest.raises(NoStation, match="no station is running"):
        ask(floor.folder / "nowhere", "status")


def test_a_state_folder_may_lie_deep(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 20)
    folder.mkdir(parents=True)
    door = Control(folder)
    try:
        door.serve(_Nothing())
        assert ask(folder, "status")["slots"] == []
    finally:
        door.close()


class _Nothing:
    """A station without slots."""

    def views(self) -> tuple[Any, ...]:
        return ()

    def line(self) -> Any:
        from station.model import LineView

        return LineView("line 3", "widget 7")

    def start_cycle(self, slot: str) -> None:
        raise KeyError(slot)
