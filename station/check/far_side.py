"""The fleet, by questions that change nothing: is it there, does it take our token, know our model, and our vendor.

The owner is only looked at by the fleet when a number is enabled, so nothing is known of it before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from station import words
from station.check.finding import Finding, fail, ok, warn
from station.clock import Ahead
from station.errors import SettingsError, StationError
from station.fleet.client import Client, FleetError, NotAllowed, NotFound, Refused, Request, Unreachable, names
from station.fleet.client.messages import LISTED, VALUE, Credential
from station.inquiry import VendorUnknown, know_vendor
from station.recipe import Recipe
from station.settings import Settings


def check(
    settings: Settings, recipe: Recipe | None, client: Callable[[Settings], Client]
) -> tuple[Ahead | None, list[Finding]]:
    """Return how far the fleet's clock is ahead of our uptime, if it told; and what was found."""
    model = recipe.fleet.model if recipe else None
    try:
        settings.token()
        credential = Credential.VENDOR
    except SettingsError:
        credential = Credential.NONE  # told already; whether the fleet is there can be seen all the same
    began = time.monotonic()
    try:
        with client(settings) as fleet:
            path = names.manage("model", "" if model is None else names.model(model))
            answers = LISTED if model is None else VALUE
            fleet.send(Request("GET", path, answers, credential=credential))
            took_ms = (time.monotonic() - began) * 1000
            named = [] if model is None else [_vendor(fleet, model, settings.fleet.vendor)]
    except Refused as refusal:
        there = ok("fleet", f"{settings.fleet.url} answers in {(time.monotonic() - began) * 1000:.0f} ms")
        return fleet.time, [there, *_refused(refusal, settings, model, credential)]
    except FleetError as fault:
        away = isinstance(fault, Unreachable)
        advice = "is the address right, and this machine's network up?" if away else words.advice(fault.code)
        return None, [fail("fleet", f"{settings.fleet.url}: {fault.text}", advice)]
    except StationError as fault:
        return None, [fail("fleet", fault.text, words.advice(fault.code))]
    findings = [ok("fleet", f"{settings.fleet.url} answers in {took_ms:.0f} ms")]
    findings.append(ok("fleet token", "the fleet takes it"))
    if model is not None:
        findings.append(ok("fleet model", f"the fleet knows {model}"))
    owner = f"{settings.fleet.owner}: whether it is the right one, the fleet only tells when a board is enabled"
    return fleet.time, [*findings, *named, ok("fleet owner", owner)]


def _vendor(fleet: Client, model: str, vendor: str) -> Finding:
    """Try the vendor's name; raises ``FleetError``."""
    what, advice = "fleet vendor", "mend fleet.vendor of the settings: it is the name whose token it is"
    try:
        if not know_vendor(fleet, model, vendor):
            return warn(what, f"the fleet does not take {model} for a model of {vendor}'s", advice)
    except VendorUnknown as fault:
        return fail(what, fault.text, advice)
    return ok(what, f"the fleet takes {model} for a model of {vendor}'s")


def _refused(refusal: Refused, settings: Settings, model: str | None, credential: Credential) -> list[Finding]:
    if credential is Credential.NONE:
        return [warn("fleet token", "could not be tried, since it can't be read here", "see the line of the token")]
    match refusal:
        case NotAllowed():
            return [fail("fleet token", refusal.text, "ask for a new one, or look for the right vendor's")]
        case NotFound() if model is not None:
            taken = ok("fleet token", "the fleet takes it")
            advice = f"make the model, or mend fleet.model of the recipe; vendor: {settings.fleet.vendor}"
            return [taken, fail("fleet model", f"the fleet does not know {model} ({refusal.text})", advice)]
    return [fail("fleet", refusal.text, words.advice(refusal.code))]
