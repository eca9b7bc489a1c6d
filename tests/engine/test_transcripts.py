"""What is kept of the exchange with a board that did not pass, on a whole station; and that no secret is in it."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import Any

import pytest
from engine_cycle import PowerCut, cycle, patient, power_cut, taken_up
from engine_floor import Floor, Forgetful
from engine_world import TameBoard, World

from drivers.errors import BoardSilent, Cancelled, PortLost
from drivers.sim.memory import Memory
from station.ledger.archive import Archive, Attempt
from station.model import Outcome
from station.steps import Step

OLD = "fedcba9876543210fedcba9876543210fedcba98"
ALL_IS_TOLD = ("identify = [\n", 'identify = [\n  { send = "printenv", capture = "bootdelay=(?P<firmware>.*)" },\n')
"""Some recipes ask a board for everything that it holds."""


def attempt(floor: Floor, number: int = 1) -> Attempt:
    with closing(Archive(floor.folder / "state" / "ledger.db")) as archive:
        return archive.attempt(number)


def said(floor: Floor, number: int = 1) -> str:
    return "\n".join(f"{passage.direction} {passage.text}" for passage in attempt(floor, number).transcript)


def gives_away(content: bytes, secret: str) -> bool:
    """Tell whether any form of a secret, or a good part of it, is in there."""
    digits = secret.encode().hex()
    coded = [base64.b64encode(bytes(n) + secret.encode())[n and 2 * n : -4].decode() for n in range(3)]
    forms = [secret, secret.upper(), digits, digits.upper(), *coded]
    return any(form[i : i + 10].encode() in content for form in forms for i in range(len(form) - 9))


def files(floor: Floor) -> bytes:
    """All that the ledger has written so far, its WAL included."""
    return b"".join(path.read_bytes() for path in (floor.folder / "state").glob("ledger.db*"))


# --------------------------------------------------------------------------- kept, or not


def test_a_board_that_fails_leaves_its_transcript_and_one_that_passes_none(floor: Floor) -> None:
    watcher = floor.start()
    floor.insert(kind=Forgetful)
    assert watcher.wait_finished().error == "readback-differs"
    floor.remove()
    watcher.wait_left("1")
    floor.insert(number=2)
    assert watcher.wait_finished(2).outcome is Outcome.PASS
    exchange = said(floor)
    for line in (r"> printenv serial#\r", r"> saveenv\r", "label=lost", "setenv label 'acme widget-1 SIM-00000001'"):
        assert line in exchange
    times = [passage.at for passage in attempt(floor).transcript]
    assert times == sorted(times) and len(set(times)) > 1
    assert attempt(floor, 2).transcript == ()
    assert floor.ledger("SELECT cycle FROM transcripts") == [(1,)]


def test_a_silent_board_leaves_what_was_sent_to_it(make: Any) -> None:
    floor = make(("boot_s = 20.0", "boot_s = 0.3"))
    watcher = floor.start()
    floor.plug()
    assert watcher.wait_finished().error == "board-silent"
    assert set(said(floor).splitlines()) == {r"> \x03"}


def test_a_board_that_is_pulled_leaves_its_transcript(floor: Floor) -> None:
    floor.start()
    assert floor.client is not None
    floor.client.before("enable", floor.unplug)
    floor.insert()
    assert floor.watcher.wait_finished().outcome is Outcome.ABORTED
    assert "serial#=SIM-00000001" in said(floor)


# --------------------------------------------------------------------------- cut


def cut_at_enable(floor: Floor) -> None:
    """Stop the station while a board waits for the fleet."""
    watcher = floor.start()
    assert floor.client is not None
    floor.client.lose_answer("enable")
    floor.insert(kind=Forgetful)
    watcher.wait_note("Next try at")
    floor.stop()


def test_a_cycle_that_was_cut_keeps_both_parts(floor: Floor) -> None:
    cut_at_enable(floor)
    first = said(floor)
    assert "serial#=SIM-00000001" in first and attempt(floor).closing is None
    assert floor.start().wait_finished().error == "readback-differs"
    whole = said(floor)
    assert whole.startswith(first) and "label=lost" in whole[len(first) :]


def test_a_cycle_that_was_cut_and_passes_keeps_nothing(floor: Floor) -> None:
    watcher = floor.start()
    assert floor.client is not None
    floor.client.lose_answer("enable")
    floor.insert()
    watcher.wait_note("Next try at")
    floor.stop()
    assert floor.ledger("SELECT cycle FROM transcripts") == [(1,)]
    assert floor.start().wait_finished().outcome is Outcome.PASS
    assert floor.ledger("SELECT cycle FROM transcripts") == []


def test_a_cycle_whose_slot_is_gone_keeps_the_part_before(floor: Floor) -> None:
    cut_at_enable(floor)
    first = said(floor)
    floor.amend("station.toml", 'name = "1"', 'name = "9"')
    floor.start()
    floor.watcher.wait_for(lambda: floor.ledger("SELECT 1 FROM cycles WHERE outcome = 'ABORTED'"))
    assert said(floor) == first


def test_the_transcript_is_on_the_disk_before_the_fleet_is_told(world: World) -> None:
    """The verdict and what led to it outlive a power cut while the serial number is being disabled."""
    said = "2026-11-26T00:00:00.000000Z > hello\n"
    one = cycle(world, TameBoard(faults={"configure": [BoardSilent("nothing")]}), patient)
    one._case.transcript = lambda: said
    world.client.before("disable", power_cut)
    with pytest.raises(PowerCut):
        one.run()
    assert world.reader.transcript(one.row.id) == said
    assert taken_up(world, one.row.id, TameBoard()).run().code == "board-silent"
    assert world.reader.transcript(one.row.id) == said


@pytest.mark.parametrize("fault", [Cancelled("stopping"), PortLost("gone")])
def test_nothing_said_is_nothing_kept(world: World, fault: Any) -> None:
    one = cycle(world, TameBoard(faults={"identify": [fault]}))
    try:
        one.run()
    except Cancelled:
        assert world.kinds(one.row.id) == ["open", f"intend {Step.IDENTIFY}"]
    assert world.reader.transcript(one.row.id) == ""


# --------------------------------------------------------------------------- without secrets


def test_no_key_is_in_the_ledger_in_any_form_neither_a_new_one_nor_an_old_one(make: Any) -> None:
    """A board that comes back tells its old key unasked, takes a new one, forgets it and tells the old one again."""

    class Returned(Memory):
        starts = 0

        def reset(self) -> None:
            super().reset()
            self.ram |= {"fleet_key": OLD, "spare_password": OLD[::-1], "label": "lost"}

    floor = make(ALL_IS_TOLD)
    watcher = floor.start()
    floor.insert(kind=Returned)
    finished = watcher.wait_finished()
    assert finished.error == "readback-differs"
    entry = floor.entry("SIM-00000001")
    assert entry is not None
    exchange = said(floor)
    assert "fleet_key=***" in exchange and "spare_password=***" in exchange and "setenv fleet_key '***'" in exchange
    floor.stop()
    content = files(floor)
    for secret in (OLD, OLD[::-1], entry[1], floor.grant.token):
        assert not gives_away(content, secret)


def test_the_test_itself_would_see_a_secret(floor: Floor) -> None:
    for form in (OLD, OLD.encode().hex(), base64.b64encode(f"k{OLD}".encode()).decode(), f"..{OLD[7:25]}.."):
        assert gives_away(form.encode(), OLD)
