"""Each slot's port: there, ours to open, nobody else's, and one that stays."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from drivers.errors import PortBusy, PortDenied, PortError, PortMissing
from drivers.link import Link
from drivers.opening import port_present
from drivers.ports import Held, denial, holders, steady_names
from station import words
from station.check.finding import Finding, fail, ok, warn
from station.recipe import Presence, Recipe
from station.settings import Settings, SlotSettings

_WANDERS = re.compile(r"/dev/tty(?:USB|ACM)[0-9]+")
_MODEM_MANAGER = 'keep ModemManager away by a udev rule: ENV{ID_MM_DEVICE_IGNORE}="1"'


def check(settings: Settings, recipe: Recipe | None, running: int | None) -> Iterator[Finding]:
    """Look at each slot's port; those of a ``running`` station are left alone."""
    real = {slot.name: os.path.realpath(slot.port) for slot in settings.slots if "://" not in slot.port}
    shared = {path for path, count in Counter(real.values()).items() if count > 1}
    for slot in settings.slots:
        path = real.get(slot.name)
        if path in shared:
            names = " and ".join(name for name, other in real.items() if other == path)
            yield fail(f"slot {slot.name}", f"{slot.port} is {path}, as is another slot's", f"slots {names}: mend one")
        else:
            yield _slot(slot, recipe, running)


def _slot(slot: SlotSettings, recipe: Recipe | None, running: int | None) -> Finding:
    what, port = f"slot {slot.name}", slot.port
    if not port_present(port):
        if closed := _closed(port):
            return fail(what, f"{port} can't be seen: {closed} may not be entered by this user", "open it to that user")
        if recipe and recipe.presence is Presence.PORT:
            return ok(what, f"{port} is not there now; a board brings it")
        return fail(what, f"{port} is not there", words.advice("port-missing"))
    held = holders(port) if "://" not in port else Held()
    if running in {who.pid for who in held.by}:
        return ok(what, f"{port} is in use by the running station")
    if running and not held.by:
        return ok(what, f"{port} is left to the running station")
    if recipe is None:
        return warn(what, f"{port} is there; without a recipe it was not opened", "mend the recipe first")
    try:
        Link.open(port, recipe.link).close()
    except PortBusy as fault:
        modem = fault.details.get("program") == "ModemManager"
        return fail(what, fault.text, _MODEM_MANAGER if modem else "end that program")
    except PortDenied as fault:
        return fail(what, fault.text, "" if denial(port) else words.advice(fault.code))
    except PortMissing as fault:
        if "://" in port and recipe.presence is Presence.PORT:
            return warn(what, f"{fault.text}; a board may bring it", "is what serves it running, if no board does?")
        return fail(what, fault.text, words.advice(fault.code))
    except PortError as fault:
        return fail(what, fault.text, words.advice(fault.code))
    if _WANDERS.fullmatch(port):
        steady = (steady_names(port) or ["a name in /dev/serial/by-path"])[0]
        return warn(what, f"{port} opens, but may be another port after it was unplugged", f"write {steady}")
    return ok(what, f"{port} opens")


def _closed(port: str) -> str | None:
    """Return the folder that hides from this user whether a port is there; None if none does."""
    try:
        os.stat(port)
    except PermissionError:
        above = reversed(Path(port).absolute().parents)
        return str(next((folder for folder in above if not os.access(folder, os.X_OK)), "its link's folder"))
    except OSError:
        return None
    return None
