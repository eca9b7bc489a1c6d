"""What a closed cycle owes the fleet is delivered once, and only to the client that the cycle has made."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest
from engine_cycle import cycle
from engine_world import HARDWARE, MODEL, SERIAL, STATION, TameBoard, World, rows, write_recipe

from drivers.board import Identity
from drivers.errors import CommitFailed
from station import clock
from station import recipe as recipes
from station.errors import DatabaseFailed
from station.evidence import mark
from station.fleet.client import FleetError, Refused, Reply, Request, Unanswered
from station.ledger import CycleRow
from station.model import Outcome, Step
from station.outbox import Outbox


def outbox(world: World) -> Outbox:
    return Outbox(world.office, refused=lambda fault: None)


def deliver(world: World) -> None:
    """The fleet answers again, and the outbox is told."""
    world.client.away = False
    outbox(world).deliver()


def worn(serial: str = SERIAL, hardware_id: str = HARDWARE) -> TameBoard:
    return TameBoard(serial, hardware_id, faults={"configure": [CommitFailed("worn")]})


def owe(world: World, board: TameBoard | None = None) -> int:
    """Let a board fail after enable while the fleet is away for longer than anybody waits; return the cycle."""
    world.client.leave_after("activate")
    one = cycle(world, board or worn())
    closing = one.run()
    assert (closing.outcome, closing.details["disable"]) == (Outcome.FAIL, "fleet-unreachable")
    assert phase(world, one.row.serial or "") == "activated"
    world.client.away = False
    world.client.asked.clear()
    return one.row.id


def phase(world: World, serial: str = SERIAL) -> str | None:
    entry = world.entry(serial)
    assert entry is not None
    return entry.phase


def settled(world: World) -> list[tuple[int, str, str]]:
    """Each ``disable`` event: the cycle, what was found, what was done."""
    found = rows(world.folder / "ledger.db", "SELECT cycle, body FROM events WHERE kind = 'disable' ORDER BY id")
    facts: list[tuple[int, dict[str, Any]]] = [(number, json.loads(body)["facts"]) for number, body in found]
    return [(number, fact["found"], fact["move"]) for number, fact in facts]


# --------------------------------------------------------------------------- delivered


def test_what_is_owed_is_delivered_once(world: World) -> None:
    number = owe(world)
    closed = world.reader.cycle(number)
    deliver(world)
    assert phase(world) == "expired"
    assert settled(world) == [(number, "activated", "disable")] and world.client.asked == ["disable"]
    deliver(world)
    assert len(settled(world)) == 1 and world.client.asked == ["disable"]
    assert world.reader.cycle(number) == closed, "the record of the cycle is as it was closed"


def test_a_fleet_that_is_still_away_loses_nothing(world: World) -> None:
    number = owe(world)
    world.client.away = True
    outbox(world).deliver()
    assert settled(world) == [] and phase(world) == "activated"
    deliver(world)
    assert settled(world) == [(number, "activated", "disable")] and phase(world) == "expired"


def test_a_disable_whose_answer_is_lost_is_looked_after(world: World) -> None:
    number = owe(world)
    world.client.lose_answer("disable")
    deliver(world)
    assert settled(world) == []
    deliver(world)
    assert settled(world) == [(number, "expired", "proceed")] and world.client.asked == ["disable"]


def test_an_enable_that_was_never_answered_is_owed_too(world: World) -> None:
    """Only our mark vouches for the client, and nobody but us can have made one that nobody has used."""
    world.client.lose_answer("enable")
    one = cycle(world, TameBoard(), lambda fault, waited: leave(world, fault))
    assert one.run().code == "fleet-unanswered"
    assert world.reader.cycle(one.row.id).rid is None and phase(world) == "notactivated"
    deliver(world)
    assert phase(world) == "expired" and settled(world) == [(one.row.id, "notactivated", "disable")]


def leave(world: World, fault: Exception) -> None:
    """A line without patience, before a fleet that has just gone."""
    world.client.away = True
    raise fault


def test_a_number_that_the_fleet_refuses_to_disable_holds_up_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = owe(world), owe(world, worn("SIM-00000002", "02:00:00:00:00:02"))

    def refused(request: Request) -> Reply:
        raise Refused("no", request.asked, 400)

    box = outbox(world)
    world.client.instead("disable", refused)
    world.client.before("disable", lambda: None)
    world.client.instead("disable", refused)
    with caplog.at_level(logging.WARNING):
        box.deliver()
        box.deliver()
    assert [number for number, *_ in settled(world)] == [second] and phase(world) == "activated"
    assert caplog.text.count(f"cycle {first}: {SERIAL}: the fleet can't be told") == 1
    box.deliver()
    assert [number for number, *_ in settled(world)] == [second, first] and phase(world) == "expired"


def test_a_number_that_the_fleet_never_answers_holds_up_no_other_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round ends at it, and the next one begins behind it."""
    numbers = [owe(world, worn(f"SIM-0000000{n}", f"02:00:00:00:00:0{n}")) for n in (1, 2, 3)]
    send = world.client.send

    def stuck(request: Request) -> Reply:
        if "SIM-00000001" in request.path:
            raise Unanswered("500", request.asked)
        return send(request)

    monkeypatch.setattr(world.client, "send", stuck)
    world.client.away = False
    box = outbox(world)
    for _ in range(2):
        box.deliver()
    assert [number for number, *_ in settled(world)] == numbers[1:]


@pytest.mark.parametrize("fault", [Refused("no", "M49", 409), Unanswered("500", "M49")])
def test_a_number_that_the_fleet_refuses_is_tried_later_and_later(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: FleetError
) -> None:
    """Each try is in the records, which are kept for ever; whoever asks has it tried at once."""
    gone, monotonic = [0.0], clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + gone[0])
    owe(world)
    box, tries = outbox(world), []

    def refuse(request: Request) -> Reply:
        tries.append(gone[0])
        world.client.instead("disable", refuse)
        raise fault

    world.client.instead("disable", refuse)
    while gone[0] < 24 * 3600:
        box.deliver(due=True)
        gone[0] += 5
    assert 24 <= len(tries) <= 40 and tries[1] == 5
    box.deliver()
    assert len(tries) in range(25, 42) and tries[-1] == gone[0]


def test_a_number_that_is_gone_owes_nothing(world: World) -> None:
    number = owe(world)
    world.stranger().serials.delete(MODEL, SERIAL)
    deliver(world)
    assert settled(world) == [(number, "unknown", "proceed")] and world.client.asked == []


# --------------------------------------------------------------------------- left alone


def test_a_pass_owes_nothing(world: World) -> None:
    assert cycle(world, TameBoard()).run().outcome is Outcome.PASS
    deliver(world)
    assert phase(world) == "activated" and settled(world) == [] and "disable" not in world.client.asked


@pytest.mark.parametrize("extra", ["", "st=another-station;hw=00", mark(STATION, Identity(SERIAL, HARDWARE))])
@pytest.mark.parametrize("activated", [False, True])
def test_a_client_that_is_somebody_elses_by_now_is_left_alone(activated: bool, extra: str, world: World) -> None:
    number = owe(world)
    stranger = world.stranger()
    stranger.serials.delete(MODEL, SERIAL)
    stranger.serials.add(MODEL, SERIAL, extra)
    stranger.serials.enable(MODEL, SERIAL, world.grant.owner_rid)
    if activated:
        stranger.device.activate(MODEL, SERIAL)
    before = world.entry()
    deliver(world)
    assert world.entry() == before and world.client.asked == []
    assert [(cycle, move) for cycle, _, move in settled(world)] == [(number, "proceed")]


def test_a_board_that_has_passed_since_keeps_its_life(world: World) -> None:
    """A retest keeps the client and its RID (M48), so the RID alone would not tell."""
    number = owe(world)
    again = cycle(world, TameBoard())
    assert again.run().outcome is Outcome.PASS
    assert world.reader.cycle(again.row.id).rid == world.reader.cycle(number).rid
    deliver(world)
    assert phase(world) == "activated" and "disable" not in world.client.asked


def test_a_board_that_passes_while_the_fleet_is_asked_keeps_its_life(world: World) -> None:
    owe(world)

    def passes(request: Request) -> Reply:
        reply = world.client.send(request)
        assert cycle(world, TameBoard()).run().outcome is Outcome.PASS
        return reply

    world.client.instead("info", passes)
    deliver(world)
    assert phase(world) == "activated" and "disable" not in world.client.asked


def test_a_board_that_is_being_tested_again_is_left_alone_until_that_has_ended(world: World) -> None:
    number = owe(world)
    seen: list[tuple[str | None, int]] = []

    def told() -> None:
        outbox(world).deliver()
        seen.append((phase(world), len(settled(world))))

    assert cycle(world, TameBoard(faults={"configure": [told]})).run().outcome is Outcome.PASS
    assert seen == [("activated", 0)] and "disable" not in world.client.asked
    deliver(world)
    assert settled(world) == [(number, "activated", "proceed")] and phase(world) == "activated"


def test_a_retest_that_ended_before_it_had_enabled_anything_takes_no_debt_over(world: World) -> None:
    number = owe(world)
    world.client.away = True
    later = cycle(world, TameBoard())
    closing = later.run()
    assert (closing.outcome, closing.code) == (Outcome.ERROR, "fleet-unreachable")
    assert world.reader.cycle(later.row.id).serial == SERIAL
    deliver(world)
    assert phase(world) == "expired" and settled(world) == [(number, "activated", "disable")]


# --------------------------------------------------------------------------- beside a slot


def test_a_slot_waits_for_a_debt_of_its_own_board_and_for_no_other(world: World) -> None:
    """M49 on its way must not arrive at a board that has passed meanwhile."""
    owe(world)
    one, sending, sent = outbox(world), threading.Event(), threading.Event()

    def hold() -> None:
        sending.set()
        assert sent.wait(20)

    world.client.before("disable", hold)
    delivering = threading.Thread(target=one.deliver, daemon=True)
    delivering.start()
    assert sending.wait(20)
    one.make_way("SIM-00000002")  # another board's is none of its business
    phases: list[str | None] = []

    def slot() -> None:
        one.make_way(SERIAL)
        phases.append(phase(world))

    waiting = threading.Thread(target=slot, daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive() and phases == []
    sent.set()
    waiting.join(20)
    delivering.join(20)
    assert phases == ["expired"]


def test_what_was_certainly_not_sent_in_one_round_is_no_evidence_once_another_has_sent_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round 1 could not send, round 2 could not write down what it had sent: round 3 has to know its own work again."""
    field = 'activate = "field"\nwindow_h = 24\nreenabled_by = "service"\ndeferred = true'
    changes = (('activate = "station"', field), ('fleet_key = "{cik}"\n', ""), ('fleet_rid = "{rid}"\n', ""))
    world.recipe = recipes.load(write_recipe(world.folder, *changes))
    assert cycle(world, TameBoard()).run().outcome is Outcome.PENDING
    box = outbox(world)
    world.client.refuse_connection("enable")
    assert box.deliver().left == 1
    settle = world.ledger.settle

    def full(row: CycleRow, step: Step, *rest: Any) -> CycleRow:
        if step is Step.ENABLE:
            raise DatabaseFailed("disk full")
        return settle(row, step, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(world.ledger, "settle", full)
        box.deliver()
    endings: list[str] = []
    box.deliver(lambda row, ending: endings.append(ending.code or str(ending.outcome)))
    assert endings == ["PASS"]
