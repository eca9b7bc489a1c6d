"""People: who may sign in, who may decide what, and that every act and every failed try is in the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_world import World, rows
from pytest_mock import MockerFixture

from station import pins
from station.ledger import Ledger, Reader
from station.model import Operator, Role
from station.operators import (
    MAY,
    Act,
    NotPermitted,
    Operators,
    OperatorUnfit,
    OperatorUnknown,
    PinSlowed,
    PinWrong,
    SignInMissing,
)

BOSS = Operator("boss", "Änne Boss", Role.SUPERVISOR)
TEST = Operator("t.eng", "Toni", Role.ENGINEER)
TECH = Operator("0042", "Kim", Role.TECHNICIAN)
PIN = "2468"


class People:
    """Operators on a ledger of their own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.db"
        self.ledger = Ledger(self.path, "0123456789abcdef")
        self.reader = Reader(self.path)
        self.operators = Operators(self.ledger, self.reader)

    def again(self, **options: Any) -> Operators:
        """What a restarted station knows."""
        self.operators = Operators(self.ledger, self.reader, **options)
        return self.operators

    def events(self) -> list[tuple[str, str]]:
        return rows(self.path, "SELECT kind, actor FROM events ORDER BY id")

    def close(self) -> None:
        self.reader.close()
        self.ledger.close()


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """A supervisor, an engineer and a technician."""
    with closing(People(tmp_path)) as made:
        made.operators.add(BOSS, PIN)
        for one, pin in ((TEST, "1357"), (TECH, "")):
            made.operators.add(one, pin, "boss", PIN)
        yield made


# --------------------------------------------------------------------------- who works here


def test_the_first_one_is_a_supervisor_with_a_pin(tmp_path: Path) -> None:
    with closing(People(tmp_path)) as people:
        operators = people.operators
        for one, pin in ((TECH, ""), (TEST, "1357")):
            with pytest.raises(OperatorUnfit, match="first one has to be a supervisor"):
                operators.add(one, pin)
        with pytest.raises(OperatorUnfit, match="needs a PIN"):
            operators.add(BOSS)
        assert not operators.decides and operators.all() == []
        operators.add(BOSS, PIN)
        assert operators.decides and operators.all() == [BOSS]
        assert people.events() == [("operator", "boss")]


@pytest.mark.parametrize(
    ("operator", "pin"),
    [
        (Operator("station", "x", Role.TECHNICIAN), ""),
        (Operator("a b", "x", Role.TECHNICIAN), ""),
        (Operator("", "x", Role.TECHNICIAN), ""),
        (Operator("x" * 33, "x", Role.TECHNICIAN), ""),
        (Operator("x", " ", Role.TECHNICIAN), ""),
        (Operator("x", "a\nb", Role.TECHNICIAN), ""),
        (Operator("x", "X", Role.SUPERVISOR), ""),
        (Operator("x", "X", Role.SUPERVISOR), "123"),
        (Operator("x", "X", Role.SUPERVISOR), "0000"),
        (TECH, ""),
    ],
)
def test_what_can_not_be_said_of_an_operator_changes_nothing(people: People, operator: Operator, pin: str) -> None:
    before = people.events()
    with pytest.raises(OperatorUnfit):
        people.operators.add(operator, pin, "boss", PIN)
    assert people.events() == before


def test_a_role_and_a_name_may_change_and_both_values_are_in_the_record(people: People) -> None:
    people.operators.add(Operator("0042", "Kim L.", Role.SUPERVISOR), "8642", "boss", PIN)
    ((facts,),) = rows(people.path, "SELECT json_extract(body, '$.facts') FROM events ORDER BY id DESC LIMIT 1")
    assert '"old":{"active":true,"id":"0042","name":"Kim","role":"technician"}' in facts
    assert '"name":"Kim L.","role":"supervisor"' in facts and "8642" not in facts
    assert people.operators.sign_in("0042", "8642").role is Role.SUPERVISOR


def test_who_has_left_may_do_nothing_and_may_come_back(people: People) -> None:
    people.operators.sign_in("0042")
    people.operators.disable("0042", "boss", PIN)
    assert people.operators.signed_in is None
    with pytest.raises(OperatorUnknown, match="has left"):
        people.operators.sign_in("0042")
    people.operators.add(TECH, "", "boss", PIN)
    assert people.operators.sign_in("0042") == TECH


def test_the_last_supervisor_stays(people: People) -> None:
    with pytest.raises(OperatorUnfit, match="the last one"):
        people.operators.disable("boss", "boss", PIN)
    people.operators.add(Operator("two", "Two", Role.SUPERVISOR), "8642", "boss", PIN)
    people.operators.disable("boss", "two", "8642")
    with pytest.raises(OperatorUnknown):
        people.operators.approve(Act.CLEAR, "boss", PIN)


# --------------------------------------------------------------------------- signing in


def test_a_badge_is_enough_for_a_technician_and_a_pin_for_the_others(people: People) -> None:
    operators = people.operators
    assert operators.sign_in("0042") == TECH == operators.signed_in
    for pin in ("", "0000", "13579"):
        with pytest.raises(PinWrong):
            operators.sign_in("t.eng", pin)
    assert operators.signed_in == TECH
    people.again()
    assert people.operators.sign_in("boss", PIN) == BOSS
    people.operators.sign_out()
    assert people.operators.signed_in is None
    assert people.events()[-5:] == [
        ("sign-in", "0042"),
        ("refused", "t.eng"),
        ("refused", "t.eng"),
        ("sign-in", "boss"),
        ("sign-out", "boss"),
    ]


def test_one_relieves_the_other(people: People) -> None:
    people.operators.sign_in("0042")
    people.operators.sign_in("boss", PIN)
    assert people.events()[-3:] == [("sign-in", "0042"), ("sign-out", "0042"), ("sign-in", "boss")]


def test_a_badge_that_nobody_knows_is_told_and_recorded(people: People) -> None:
    with pytest.raises(OperatorUnknown, match="ask a supervisor"):
        people.operators.sign_in("\x1b[31m" + "9" * 100)
    assert people.events()[-1] == ("refused", "station")


def test_wrong_pins_are_slowed_down_also_over_a_restart_and_a_clock_that_was_set(
    people: People, mocker: MockerFixture
) -> None:
    uptime = mocker.patch("station.clock.monotonic", return_value=1000.0)
    for wrong in range(1, 6):
        uptime.return_value += 10_000
        with pytest.raises(PinWrong) as told:
            people.operators.sign_in("boss", "9999")
        assert (f"has to wait {pins.pause_s(wrong)} s" in told.value.text) == (wrong >= 3)
    for _ in range(3):
        with pytest.raises(PinSlowed, match="wrong 5 times: try again in 20 s, or ask a supervisor for a new one"):
            people.operators.sign_in("boss", PIN)  # though it is the right one, and this costs no try
    mocker.patch("station.clock.now_us", return_value=0)
    people.again()
    with pytest.raises(PinSlowed):
        people.operators.sign_in("boss", PIN)
    uptime.return_value += 21
    assert people.operators.sign_in("boss", PIN) == BOSS
    with pytest.raises(PinWrong) as told:
        people.operators.sign_in("boss", "9999")
    assert "wait" not in told.value.text, "a right one begins the count anew"


def test_a_new_pin_takes_the_old_one_s_place_and_its_tries(people: People) -> None:
    for _ in range(4):
        with pytest.raises((PinWrong, PinSlowed)):
            people.operators.sign_in("t.eng", "9999")
    people.operators.reset_pin("t.eng", "8642", "boss", PIN)
    assert people.operators.sign_in("t.eng", "8642") == TEST
    with pytest.raises(PinWrong):
        people.operators.reset_pin("t.eng", "7531", "t.eng", "1357")
    people.operators.reset_pin("t.eng", "7531", "t.eng", "8642")
    assert people.operators.sign_in("t.eng", "7531") == TEST
    with pytest.raises(NotPermitted):
        people.operators.reset_pin("boss", "7531", "t.eng", "7531")


def test_who_has_gone_away_is_signed_out(people: People, mocker: MockerFixture) -> None:
    uptime = mocker.patch("station.clock.monotonic", return_value=0.0)
    operators = people.again(leave_s=60.0)
    operators.sign_in("0042")
    uptime.return_value = 50.0
    operators.touch()
    uptime.return_value = 109.0
    operators.look()
    assert operators.signed_in == TECH
    uptime.return_value = 110.0
    operators.look()
    assert operators.signed_in is None and people.events()[-1] == ("sign-out", "0042")


# --------------------------------------------------------------------------- deciding


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("role", Role)
def test_a_role_decides_what_it_may(people: People, act: Act, role: Role) -> None:
    who, pin = {Role.TECHNICIAN: ("0042", ""), Role.SUPERVISOR: ("boss", PIN), Role.ENGINEER: ("t.eng", "1357")}[role]
    people.operators.sign_in(who, pin)
    if role in MAY[act]:
        assert people.operators.approve(act).id == who
    else:
        with pytest.raises(NotPermitted, match=f"{who} is a {role}: {act} is for a "):
            people.operators.approve(act)
        assert people.events()[-1] == ("refused", who)


def test_a_supervisor_decides_beside_a_technician_who_stays_signed_in(people: People) -> None:
    people.operators.sign_in("0042")
    assert people.operators.approve(Act.SCRAP, "boss", PIN) == BOSS
    assert people.operators.signed_in == TECH
    for pin in ("", "1111"):
        with pytest.raises(PinWrong):
            people.operators.approve(Act.SCRAP, "boss", pin)


def test_nobody_decides_who_is_not_signed_in(people: People) -> None:
    with pytest.raises(SignInMissing, match="clear is for a supervisor or engineer to decide"):
        people.operators.approve(Act.CLEAR)


def test_no_pin_is_anywhere_in_the_files_but_as_its_hash(people: People) -> None:
    secret = "hunter2-hunter2"
    people.operators.reset_pin("t.eng", secret, "boss", PIN)
    with pytest.raises(PinWrong):
        people.operators.sign_in("t.eng", secret + "!")
    people.close()
    for file in people.path.parent.iterdir():
        assert secret.encode() not in file.read_bytes(), file
    with closing(sqlite3.connect(people.path)) as pen:
        kept = pen.execute("SELECT hash, cost FROM pins").fetchall()
        assert len(kept) == 2 and all(len(hashed) == 32 and cost >= 2**14 for hashed, cost in kept)
    people.ledger = Ledger(people.path, "0123456789abcdef")
    people.reader = Reader(people.path)


# --------------------------------------------------------------------------- at the line


def test_the_operator_is_in_the_record_of_a_cycle(world: World) -> None:
    row = world.ledger.open_cycle("1", world.recipe.edition, world.recipe.plan[0], "0042")
    assert world.reader.cycle(row.id).operator == "0042"


def test_who_is_signed_in_decides_as_what_he_is_now(world: World) -> None:
    """Not as what he was when he came."""
    operators = Operators(world.ledger, world.reader)
    operators.add(BOSS, PIN)
    operators.add(Operator("boss2", "Sam", Role.SUPERVISOR), "1357", "boss", PIN)
    operators.sign_in("boss2", "1357")
    assert operators.approve(Act.ACCEPT).id == "boss2"
    operators.add(Operator("boss2", "Sam", Role.TECHNICIAN), "", "boss", PIN)
    with pytest.raises(NotPermitted):
        operators.approve(Act.ACCEPT)
    assert operators.signed_in is not None and operators.signed_in.role is Role.TECHNICIAN
