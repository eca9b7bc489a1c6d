"""People at a running line: no board is begun by nobody, and no recipe made that nobody has accepted."""

from __future__ import annotations

import logging

import pytest
from engine_floor import Floor
from engine_world import rows

from station import control
from station.control import OrderRefused
from station.model import Operator, Outcome, Phase, Role
from station.operators import NotPermitted, Operators, PinWrong, SignInMissing
from station.supervision import ReasonMissing

PIN = "2468"


def hire(floor: Floor) -> Operators:
    """Give the station a supervisor and a technician."""
    assert floor.bench is not None
    operators = floor.bench.operators
    operators.add(Operator("boss", "Änne Boss", Role.SUPERVISOR), PIN)
    operators.add(Operator("0042", "Kim", Role.TECHNICIAN), "", "boss", PIN)
    return operators


def demand_sign_in(floor: Floor) -> None:
    floor.amend("station.toml", "[fleet]", "[people]\nsign_in = true\n[fleet]")


def test_no_board_is_begun_while_nobody_is_signed_in_where_the_settings_say_so(floor: Floor) -> None:
    demand_sign_in(floor)
    watcher = floor.start()
    floor.insert()
    assert "Scan your badge" in watcher.wait_phase("1", Phase.HELD).note
    assert floor.ledger("SELECT COUNT(*) FROM cycles") == [(0,)]
    hire(floor).sign_in("0042")
    finished = watcher.wait_finished()
    assert finished.outcome is Outcome.PASS
    assert floor.ledger("SELECT operator FROM cycles") == [("0042",)]
    assert floor.bench is not None and floor.bench.line().operator == "Kim"


def test_who_signs_out_in_the_middle_leaves_the_cycle_to_end(floor: Floor) -> None:
    demand_sign_in(floor)
    watcher = floor.start()
    operators = hire(floor)
    operators.sign_in("0042")
    assert floor.client is not None
    floor.client.before("enable", operators.sign_out)
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS


def test_without_roles_no_recipe_has_to_be_accepted(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS


def test_a_recipe_that_nobody_has_accepted_as_it_is_written_now_is_not_made(floor: Floor) -> None:
    floor.start()
    hire(floor)
    floor.stop()
    watcher = floor.start()
    floor.insert()
    assert "nobody has accepted it" in watcher.wait_phase("1", Phase.HELD).note
    assert floor.bench is not None
    supervision, operators = floor.bench.supervision, floor.bench.operators
    operators.sign_in("0042")
    for wrong, ask in (
        (NotPermitted, lambda: supervision.accept("first article was good")),
        (PinWrong, lambda: supervision.accept("first article was good", "boss", "1111")),
        (ReasonMissing, lambda: supervision.accept(" ", "boss", PIN)),
        (ReasonMissing, lambda: supervision.accept("a\nb", "boss", PIN)),
        (ReasonMissing, lambda: supervision.accept("x" * 201, "boss", PIN)),
    ):
        with pytest.raises(wrong):
            ask()
    assert floor.ledger("SELECT COUNT(*) FROM acceptances") == [(0,)]
    supervision.accept("first article was good", "boss", PIN)
    assert watcher.wait_finished().outcome is Outcome.PASS
    ((actor, facts),) = floor.ledger("SELECT actor, json_extract(body, '$.facts') FROM events WHERE kind = 'accept'")
    assert actor == "boss" and '"old":null' in facts and "first article was good" in facts
    floor.stop()
    floor.remove()

    watcher = floor.start()  # it stays accepted
    floor.insert(number=2)
    assert watcher.wait_finished().outcome is Outcome.PASS
    floor.stop()
    floor.remove()

    floor.amend("widget.toml", 'version = "7"', 'version = "8"')
    watcher = floor.start()
    floor.insert(number=3)
    assert watcher.wait_phase("1", Phase.HELD)
    assert floor.bench is not None and floor.bench.line().stopped_code == "recipe-unaccepted"


def test_nobody_who_is_not_signed_in_accepts(floor: Floor) -> None:
    floor.start()
    hire(floor)
    assert floor.bench is not None
    with pytest.raises(SignInMissing):
        floor.bench.supervision.accept("why not")


# --------------------------------------------------------------------------- through the door


def test_every_act_goes_through_the_same_door_and_no_pin_into_the_journal(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    floor.start()
    state = floor.folder / "state"
    boss = {"operator": "boss", "name": "Änne Boss", "role": "supervisor", "pin": PIN}
    assert control.ask(state, "operators-add", **boss) == {
        "id": "boss",
        "name": "Änne Boss",
        "role": "supervisor",
        "active": True,
    }
    kim = {"operator": "0042", "name": "Kim", "role": "technician", "by": "boss", "by_pin": PIN}
    control.ask(state, "operators-add", **kim)
    assert control.ask(state, "sign-in", operator="0042")["role"] == "technician"
    told = control.ask(state, "operators")
    assert [one["id"] for one in told["operators"]] == ["0042", "boss"] and told["signed_in"] == "0042"
    assert control.ask(state, "status")["line"]["operator"] == "Kim"
    control.ask(state, "accept", reason="good", by="boss", pin=PIN)
    control.ask(state, "operators-reset-pin", operator="boss", pin="13579", by="boss", by_pin=PIN)
    for verb, needs, code in (
        ("sign-in", {"operator": "nobody"}, "operator-unknown"),
        ("accept", {"reason": "good"}, "not-permitted"),
        ("accept", {"reason": "good", "by": "boss", "pin": PIN}, "pin-wrong"),
        ("operators-add", {"operator": "x", "name": "X", "role": "king"}, "operator-unfit"),
        ("operators-disable", {"operator": "boss", "by": "boss", "by_pin": "13579"}, "operator-unfit"),
        ("sign-in", {"operator": "0042", "pin": "x", "more": "x"}, "order-unknown"),
    ):
        with pytest.raises(OrderRefused) as refused:
            control.ask(state, verb, **needs)
        assert refused.value.details["code"] == code, verb
    control.ask(state, "sign-out")
    assert control.ask(state, "operators")["signed_in"] is None
    assert "control: operators-add" in caplog.text
    assert PIN not in caplog.text and "13579" not in caplog.text
    assert rows(state / "ledger.db", "SELECT COUNT(*) FROM events WHERE body LIKE '%' || ? || '%'", PIN) == [(0,)]


def test_a_board_is_worked_on_again_and_scrapped_by_orders(floor: Floor) -> None:
    watcher = floor.start()
    hire(floor)
    state, boss = floor.folder / "state", {"by": "boss", "pin": PIN}
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    watcher.wait_phase("1", Phase.REMOVE)
    for verb, needs, code in (
        ("rework", {"reason": "firmware"}, "sign-in-missing"),
        ("rework", {"reason": "why not", **boss}, "reason-unknown"),
        ("rework", {"reason": "firmware", "replaced": "perhaps", **boss}, "order-unknown"),
        ("scrap", {"reason": "", **boss}, "reason-missing"),
    ):
        with pytest.raises(OrderRefused) as refused:
            control.ask(state, verb, serial="SIM-00000001", **needs)
        assert refused.value.details["code"] == code, verb
    control.ask(state, "rework", serial="SIM-00000001", reason="firmware", note="1.2 -> 1.3", replaced="no", **boss)
    control.ask(state, "start", slot="1")
    again = watcher.wait_finished(2)
    assert (again.outcome, again.attempt) == (Outcome.PASS, 2)
    assert floor.entry("SIM-00000001") == ("activated", floor.flash()["fleet_key"])
    floor.remove()
    control.ask(state, "scrap", serial="SIM-00000001", reason="burnt", **boss)
    assert floor.entry("SIM-00000001") is None
    floor.insert()
    assert watcher.wait_finished(3).error == "scrapped"
