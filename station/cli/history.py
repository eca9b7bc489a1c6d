"""``station history``: what happened to a board, from the ledger; also while a station runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from station.cli.records import ledger_of, of_ledger, opened, plain

if TYPE_CHECKING:
    from station.ledger.archive import Archive, Attempt, Moment

_LAST = 20
"""So many cycles are listed where no board is named."""
_KEEPING = ("close", "release", "cut")
"""The events with which a transcript is kept."""
_ESCAPED_NEWLINE = "\\n"


@click.command()
@click.argument("serial", required=False)
@click.option("--cycle", type=click.IntRange(1), metavar="N", help="One cycle, by its number in the ledger.")
@click.option("--transcript", is_flag=True, help="What was said, too: it is kept of a cycle that did not pass.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a cycle, a line each.")
@of_ledger
def command(
    serial: str | None, cycle: int | None, transcript: bool, as_json: bool, config: Path | None, ledger: Path | None
) -> None:
    """Tell what happened to a board, attempt by attempt.

    With a serial number, every attempt of that board, step by step; without
    one, the station's last cycles, a line each.  Nothing is changed, and a
    station that runs is not disturbed.
    """
    if serial and cycle:
        raise click.UsageError("either SERIAL or --cycle")
    path = ledger_of(config, ledger)
    with opened(path) as archive:
        found = _found(archive, serial, cycle)
        if not found and (serial or cycle):
            what = f"no cycle of {plain(serial)}" if serial else f"no cycle {cycle}"
            click.echo(f"station: {what} in {path}", err=True)
            sys.exit(1)
        for number in found:
            attempt = archive.attempt(number)
            if as_json:
                click.echo(json.dumps(_record(attempt, transcript)))
            elif serial or cycle or transcript:
                click.echo("\n".join(_told(attempt, transcript)))
            else:
                click.echo(_line(attempt))


def _found(archive: Archive, serial: str | None, cycle: int | None) -> list[int]:
    if serial:
        return archive.cycles_of(serial)
    if cycle is None:
        return archive.last(_LAST)
    try:
        return [archive.cycle(cycle).id]
    except KeyError:
        return []


# --------------------------------------------------------------------------- for programs


def _record(attempt: Attempt, transcript: bool) -> dict[str, Any]:
    from station import clock, timekeeper, views

    cycle, ending = attempt.cycle, attempt.closing
    found: dict[str, Any] = {
        "cycle": cycle.id,
        "slot": cycle.slot,
        "serial": attempt.serial,
        "hardware_id": cycle.hardware_id,
        "attempt": cycle.attempt or 0,
        "recipe": attempt.recipe,
        "rid": cycle.rid,
        "outcome": cycle.outcome,
        "error": cycle.error,
        "advice": views.advice(cycle.error, ending.text) if ending and cycle.error else None,
        "text": ending.text if ending else None,
        "details": dict(ending.details) if ending else None,
        "started_at": clock.iso(cycle.opened_at),
        "ended_at": clock.iso(cycle.closed_at) if cycle.closed_at else None,
        "duration_s": cycle.duration_ms / 1000 if cycle.duration_ms is not None else None,
        "events": [
            {
                "at": clock.iso(moment.at),
                "kind": moment.kind,
                "step": moment.step,
                "facts": moment.facts,
                **({} if moment.doubts is None else timekeeper.recorded(moment.doubts)),
            }
            for moment in attempt.moments
        ],
    }
    if transcript:
        found["transcript"] = [asdict(said) for said in attempt.transcript]
    return found


# --------------------------------------------------------------------------- for people


def _line(attempt: Attempt) -> str:
    from station import clock

    cycle = attempt.cycle
    outcome = cycle.outcome or ("PENDING" if cycle.released_at else "open")
    text = f"{cycle.id:>6}  {clock.iso(cycle.opened_at)}  slot {cycle.slot:<3} {outcome:<8}"
    text = f"{text} {plain(attempt.serial or '-'):<20}"
    return f"{text} {cycle.error}" if cycle.error else text.rstrip()


def _told(attempt: Attempt, transcript: bool) -> Iterator[str]:
    """Tell of one cycle: how it ended, then what happened in it, with seconds since it began."""
    from station import clock, views

    cycle, ending = attempt.cycle, attempt.closing
    waiting = "PENDING: the fleet has yet to be told" if cycle.released_at else "still open"
    verdict = f"{cycle.outcome} {cycle.error or ''}".rstrip() if cycle.outcome else waiting
    count = f", attempt {cycle.attempt}" if cycle.attempt else ""
    yield f"cycle {cycle.id}{count}: {plain(attempt.serial or 'a board that did not say who it is')}: {verdict}"
    if ending and cycle.error:
        yield f"  {plain(views.advice(cycle.error, ending.text))}"
    hardware = f" on {plain(cycle.hardware_id)}" if cycle.hardware_id else ""
    took = f", {cycle.duration_ms / 1000:.3f} s" if cycle.duration_ms is not None else ""
    yield f"  {clock.iso(cycle.opened_at)}{took}, slot {cycle.slot}{hardware}, recipe {plain(attempt.recipe)}"
    for name, value in (ending.details if ending else {}).items():
        yield f"  {plain(name)}: {plain(str(value))}"
    yield from (line for _, line in sorted(_timeline(attempt, transcript), key=lambda entry: entry[0]))
    if transcript and not attempt.transcript:
        yield f"  no transcript: {'none is kept of a PASS' if cycle.outcome == 'PASS' else 'nothing was said, or kept'}"
    yield ""


def _timeline(attempt: Attempt, transcript: bool) -> Iterator[tuple[int, str]]:
    """Yield what happened, and how many microseconds after the opening."""
    for moment, settled in zip(attempt.moments, _settlements(attempt.moments), strict=True):
        if text := _said_of(moment, settled):
            yield moment.since, f"{moment.since / 1e6:10.3f}  {text}"
    # A transcript has the times of the clock as it was when it was kept.
    kept = next((m for m in reversed(attempt.moments) if m.kind in _KEEPING), attempt.moments[0])
    for said in attempt.transcript if transcript else ():
        since = kept.since + _microseconds(said.at) - kept.at
        first, *more = said.text.replace(_ESCAPED_NEWLINE, f"{_ESCAPED_NEWLINE}\n").splitlines() or [""]
        yield since, f"{since / 1e6:10.3f}    {said.direction} {plain(first)}"
        for line in more:
            yield since, f"{'':10}    {said.direction} {plain(line)}"


def _settlements(moments: tuple[Moment, ...]) -> Iterator[Moment | None]:
    """Return, for each event, the one that settled what it intended; None if it intended nothing, or was cut."""
    for i, moment in enumerate(moments):
        later = (other for other in moments[i + 1 :] if other.step == moment.step)
        after = next(later, None) if moment.kind == "intend" else None
        yield after if after and after.kind == "settle" else None


def _said_of(moment: Moment, settled: Moment | None) -> str:
    match moment.kind:
        case "open" if moment.doubts:
            return f"opened{_doubted(moment)}"
        case "intend":
            took = f"{(settled.since - moment.since) / 1e6:.3f} s{_facts(settled)}" if settled else "did not succeed"
            return f"{moment.step}: {took}"
        case "disable":
            return f"disabled in the fleet, late{_facts(moment)}"
        case "call":
            return f"about to ask the fleet{_facts(moment)}"
        case "cut":
            return "the station stopped"
        case "resume":
            return "the station was started again"
        case "release":
            return "the board left the slot; the fleet is told later"
        case "close":
            return f"closed{_doubted(moment)}"
        case "remove":
            return "the board left"
    return ""


def _doubted(moment: Moment) -> str:
    """Say what speaks against the times of an event."""
    from station.timekeeper import told

    return f"; the clock: {told(moment.doubts)}" if moment.doubts else ""


def _facts(moment: Moment) -> str:
    """Say in short what a step has established; digests are for programs."""
    facts = dict(moment.facts or {})
    facts |= facts.pop("identity", None) or {}
    settings, proofs = facts.pop("settings", None), facts.pop("proofs", None)
    words = [f"{name} {value}" for name, value in facts.items() if value not in (None, "")]
    words += [f"{len(settings)} settings"] if settings else []
    words += [f"{name} by its {proof}{' only' if proof == 'length' else ''}" for name, proof in (proofs or {}).items()]
    return plain(f": {', '.join(words)}") if words else ""


def _microseconds(at: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(at).timestamp() * 1e6)
