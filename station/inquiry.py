"""Questions to the fleet, which change nothing there: is it ours, and what does it say of a number.

Strangers answer in its place now and then (a proxy, a portal, another vendor's
fleet), so no answer is taken for more than it proves.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.errors import Blame
from station.errors import StationError
from station.fleet.client import Client, FleetError, Garbled, NotAllowed, NotFound, Refused
from station.situation import Found

NOBODYS = frozenset({Found.UNKNOWN, Found.UNUSED})
"""What the fleet says of a number that nobody lives by."""


class ModelUnknown(StationError):
    """The fleet knows no such model: it is not there, or the token is that of another vendor."""

    code = "model-unknown"
    blame = Blame.FLEET


class VendorUnknown(StationError):
    """The fleet knows the board by our token, and not by the vendor's name of the settings."""

    code = "vendor-unknown"
    blame = Blame.FLEET


def certain(fault: Refused) -> FleetError:
    """Return a refusal if the fleet itself has refused; else what it is instead, as far as anybody can tell.

    Whatever turns the station away as a whole (401, 403) has passed nothing on.
    """
    if fault.in_api_words or isinstance(fault, NotAllowed):
        return fault
    return Garbled(f"the fleet answered {fault.status}, and not in this API's words", fault.asked, status=fault.status)


def know_model(fleet: Client, model: str) -> None:
    """Make sure that the fleet, with our token, knows the model at this moment (M30); raises ``ModelUnknown``."""
    try:
        fleet.models.info(model)
    except Refused as fault:
        gone = isinstance(fault, NotFound) and fault.in_api_words
        raise ModelUnknown(fault.text) if gone else certain(fault) from None


def know_vendor(fleet: Client, model: str, vendor: str) -> bool:
    """Tell whether the fleet takes our model for that vendor's (M33); raises ``VendorUnknown``.

    Only a board that fetches its key names its vendor, perhaps when it is in the field: this is asked before.  A fleet
    that passes over the name takes every one; one that doesn't know it says so of ``shared``, too; and one that doesn't
    know the question says nothing.
    """
    questions: tuple[Callable[[], object], ...] = (
        lambda: fleet.serials.shared_by(vendor).page(model, limit=1),
        lambda: fleet.serials.page(model, limit=1, shared_with=vendor),
    )
    for refused, question in enumerate(questions):
        try:
            question()
        except (NotAllowed, NotFound):
            continue
        except Refused:
            return True
        return not refused
    raise VendorUnknown(f"the fleet knows no vendor {vendor}")


def ask(fleet: Client, model: str, serial: str) -> tuple[Found, str | None, str]:
    """Return what the fleet says of a serial number (M43): state, RID, extra.

    A 404 may be that of a proxy whose fleet is gone.  One that is not in the API's words counts only if the fleet
    knows the model at this moment, and then says so again.
    """
    try:
        try:
            info = fleet.serials.info(model, serial)
        except NotFound as fault:
            if fault.in_api_words:
                raise
            know_model(fleet, model)
            info = fleet.serials.info(model, serial)
    except NotFound:
        return Found.UNKNOWN, None, ""
    except Refused as fault:
        raise certain(fault) from None
    return Found(info.status), info.rid, info.extra


def ask_for_good(fleet: Client, model: str, serial: str) -> tuple[Found, str | None, str]:
    """``ask``, where no later call would tell that a number which nobody has is one that we can't see.

    To another vendor's token every number is unknown, and a proxy may answer something with 204.
    """
    answer = ask(fleet, model, serial)
    if answer[0] in NOBODYS:
        know_model(fleet, model)
        answer = ask(fleet, model, serial)
    return answer
