"""Labels: printed once a board has passed, whatever becomes of them a PASS stays one, and the records tell of each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_cycle import cycle
from engine_floor import Floor
from engine_world import HARDWARE, MODEL, SERIAL, TameBoard, World, rows

from drivers.errors import CommitFailed
from station.errors import StationError
from station.model import Outcome
from station.print_rules import PrintRules
from station.printing import Printer, PrintFailed, PrintUnwanted, record

EXAMPLE = Path(__file__).parents[2] / "config" / "print-zpl"


@pytest.fixture
def printer(world: World) -> Iterator[Callable[..., Printer]]:
    made: list[Printer] = []

    def make(*command: str, limit_s: float = 15) -> Printer:
        rules = PrintRules(command=command, limit_s=limit_s)
        made.append(Printer(rules, world.folder, world.ledger, world.reader, told.append))
        return made[-1]

    told: list[StationError | None] = []
    make.told = told  # type: ignore[attr-defined]
    yield make
    for one in made:
        one.close()


def printed(world: World) -> list[tuple[Any, ...]]:
    sql = "SELECT cycle, actor, json_extract(body, '$.facts.trouble') FROM events WHERE kind = 'print' ORDER BY id"
    return rows(world.folder / "ledger.db", sql)


def test_the_command_gets_the_record_on_its_standard_input(world: World, printer: Callable[..., Printer]) -> None:
    one = cycle(world, TameBoard())
    one.run()
    paper = world.folder / "paper"
    made = printer(sys.executable, "-c", "import sys; open('paper', 'w').write(sys.stdin.read())")
    made.passed(one.row)
    made.idle()
    told = json.loads(paper.read_text())
    assert (told["serial"], told["hardware_id"], told["model"], told["cycle"]) == (SERIAL, HARDWARE, MODEL, 1)
    assert told["recipe"] == "widget 7" and told["passed_at"].endswith("Z") and told["status"] == "activated"
    key = rows(world.fleet_db, "SELECT cik FROM clients WHERE cik IS NOT NULL AND name = ?", SERIAL)[0][0]
    assert key not in paper.read_text() and world.token not in paper.read_text()
    assert printed(world) == [(1, "station", "")] and printer.told == [None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "trouble"),
    [
        (("/nowhere/print",), "can't be run: No such file or directory"),
        ((sys.executable, "-c", "print('out of\\npaper'); raise SystemExit(3)"), "ended with 3: out of paper"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), "took more than 0.5 s"),
    ],
)
def test_a_failure_is_told_and_recorded_and_the_pass_stays_one(
    world: World, printer: Callable[..., Printer], command: tuple[str, ...], trouble: str
) -> None:
    one = cycle(world, TameBoard())
    one.run()
    made = printer(*command, limit_s=0.5)
    made.passed(one.row)
    with pytest.raises(PrintFailed, match=trouble):
        made.again(MODEL, SERIAL, "0042")
    made.idle()
    assert sorted(printed(world)) == [(1, "0042", trouble), (1, "station", trouble)]
    assert world.reader.cycle(1).outcome == "PASS" and world.reader.passed() == 1


def test_a_command_that_floods_and_one_that_leaves_a_child_behind_end_in_time(
    world: World, printer: Callable[..., Printer]
) -> None:
    one = cycle(world, TameBoard())
    one.run()
    with pytest.raises(PrintFailed, match=r"took more than 0.5 s"):
        printer("yes", "flood", limit_s=0.5).again(MODEL, SERIAL, "0042")
    started = time.monotonic()
    printer("sh", "-c", "sleep 30 & exit 0").again(MODEL, SERIAL, "0042")
    assert time.monotonic() - started < 20
    assert [trouble for _, _, trouble in printed(world)] == ["took more than 0.5 s", ""]


def test_a_station_that_stops_waits_for_no_printer_and_says_what_was_not_printed(
    world: World, printer: Callable[..., Printer]
) -> None:
    one = cycle(world, TameBoard())
    one.run()
    made = printer("sleep", "60", limit_s=60)
    for _ in range(3):
        made.passed(one.row)
    made.close()
    assert [trouble for _, _, trouble in printed(world)] == ["the station has stopped"] * 3


def test_only_what_has_passed_is_printed_again(world: World, printer: Callable[..., Printer]) -> None:
    cycle(world, TameBoard(faults={"configure": [CommitFailed("worn")]})).run()
    with pytest.raises(PrintUnwanted):
        printer("true").again(MODEL, SERIAL, "0042")
    with pytest.raises(PrintUnwanted):
        printer("true").again(MODEL, "SIM-00000009", "0042")
    with pytest.raises(PrintUnwanted):
        printer().again(MODEL, SERIAL, "0042")
    assert printed(world) == []


def test_on_the_floor_a_failed_print_is_shown_beside_the_pass(floor: Floor) -> None:
    floor.amend("widget.toml", "[link]", '[print]\ncommand = ["false"]\n[link]')
    watcher = floor.start()
    floor.insert()
    assert watcher.wait_finished().outcome is Outcome.PASS
    assert floor.bench is not None
    watcher.wait_for(lambda: floor.bench and floor.bench.line().warning.startswith("A label could not be printed"))
    with pytest.raises(PrintFailed):
        floor.bench.reprint(SERIAL)
    floor.stop()
    assert floor.ledger("SELECT COUNT(*) FROM events WHERE kind = 'print'") == [(2,)]


def test_the_example_prints_zpl_that_no_field_can_break(world: World) -> None:
    cycle(world, TameBoard()).run()
    facts = {**record(world.reader, 1), "model": "a^XZ~b_c\u00e9\n"}
    done = subprocess.run([EXAMPLE, "-"], input=json.dumps(facts), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("^XA") and done.stdout.rstrip().endswith("^XZ") and done.stdout.count("^XZ") == 1
    assert f"^FDQA,{SERIAL}^FS" in done.stdout and "a_5EXZ_7Eb_5Fc\u00e9_0A" in done.stdout


def test_a_label_that_was_not_printed_before_a_cut_is_told_at_the_next_start_and_once(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.amend("widget.toml", "[link]", '[print]\ncommand = ["true"]\n[link]')
    with monkeypatch.context() as patched:
        patched.setattr(Printer, "passed", lambda *_: None)  # cut between the verdict and this
        watcher = floor.start()
        floor.insert()
        assert watcher.wait_finished().outcome is Outcome.PASS
        floor.stop()
    for _ in range(2):
        floor.start()
        floor.stop()
    sql = "SELECT cycle, json_extract(body, '$.facts.trouble') FROM events WHERE kind = 'print'"
    assert floor.ledger(sql) == [(1, "the station was cut before this was done, or known to be")]
