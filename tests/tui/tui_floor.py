"""A floor without an engine: the tests set its views, and see what the screen asked and painted."""

from __future__ import annotations

from dataclasses import replace

from textual.app import App

from station.model import Counters, Delivery, FleetState, LineView, Outcome, Phase, SlotView, Step

PLAN = (
    Step.IDENTIFY,
    Step.REGISTER,
    Step.ENABLE,
    Step.ACTIVATE,
    Step.CONFIGURE,
    Step.VERIFY_BOARD,
    Step.VERIFY_FLEET,
)
ADVICE = "The board did not answer. Check the cable and the power, then put it in again."


class FakeFloor:
    """Implements ``station.live.Floor``."""

    def __init__(self, *views: SlotView, line: LineView | None = None) -> None:
        self.slots = list(views)
        self.the_line = line or LineView(
            station="line-3",
            recipe="gateway-g1 v3",
            fleet=FleetState.OK,
            fleet_ms=12,
            counters=Counters(done=128, passed=120, first=118, first_passed=115),
        )
        self.started: list[str] = []

    def views(self) -> tuple[SlotView, ...]:
        return tuple(self.slots)

    def line(self) -> LineView:
        return self.the_line

    def start_cycle(self, slot: str) -> None:
        self.started.append(slot)

    def deliver(self) -> Delivery:
        return Delivery(0, 0, "")

    def change(self, index: int, **changes: object) -> None:
        """Replace one view, as the engine does."""
        self.slots[index] = replace(self.slots[index], **changes)  # type: ignore[arg-type]

    def change_line(self, **changes: object) -> None:
        """Replace the line's view."""
        self.the_line = replace(self.the_line, **changes)  # type: ignore[arg-type]


def closed(slot: str, outcome: Outcome, serial: str | None = "G1-00000042", **more: object) -> SlotView:
    """A slot whose cycle is closed, its board still there."""
    failed = outcome not in (Outcome.PASS, Outcome.PENDING)
    fields: dict[str, object] = {
        "phase": Phase.REMOVE,
        "serial": serial,
        "plan": PLAN,
        "step": Step.ACTIVATE if failed else Step.VERIFY_FLEET,
        "started": 0.0,
        "duration": 12.4,
        "outcome": outcome,
        "code": "board-silent" if failed else None,
        "advice": ADVICE if failed else "",
    }
    return SlotView(slot, **{**fields, **more})  # type: ignore[arg-type]


def busy(slot: str, step: Step = Step.ACTIVATE, serial: str | None = "G1-00000042", started: float = 0.0) -> SlotView:
    """A slot in the middle of a cycle."""
    return SlotView(slot, phase=Phase.RUNNING, serial=serial, plan=PLAN, step=step, started=started, attempt=1)


def mixed(count: int, started: float = 0.0) -> list[SlotView]:
    """As many slots as asked for, in every state in turn."""
    states = [
        closed("", Outcome.PASS),
        busy("", Step.CONFIGURE, started=started),
        closed("", Outcome.FAIL),
        SlotView("", last="G1-00000041 PASS"),
        closed("", Outcome.ERROR, advice="The fleet refused. Call the test engineer."),
        busy("", Step.IDENTIFY, serial=None, started=started),
        SlotView("", Phase.OUT, note="Port missing: plug the adapter in."),
        closed("", Outcome.ABORTED),
        closed("", Outcome.PENDING),
        SlotView("", Phase.HELD, note="The line is stopped."),
    ]
    return [replace(states[n % len(states)], slot=f"slot-{n + 1}") for n in range(count)]


def painted(app: App[int]) -> str:
    """Everything on the screen now, as text."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))
