"""The words that the tests of the fleet client share."""

from __future__ import annotations

from collections.abc import Callable

from scripted_fleet import ScriptedFleet

from station.fleet.client import Client

TOKEN = "30c8b0123456789abcdef0123456789abcdef012"

Start = Callable[..., tuple[Client, ScriptedFleet]]
"""The fixture ``start``: a script for each connection -> a client and its far end."""
