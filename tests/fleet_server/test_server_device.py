"""The settings of D1: what an unknown board is told, and whose address the log names."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from fleet_content import serving
from fleet_wire import Fleet, body, status

from station.fleet.server import Options


def test_what_is_unknown_may_be_403(tmp_path: Path) -> None:
    with serving(tmp_path / "fleet.db", Options(unknown_activation=HTTPStatus.FORBIDDEN)) as fleet:
        fleet.add("A1")
        assert status(fleet.wire.activate("A1")) == 409
        for reply in (
            fleet.wire.activate("A2"),
            fleet.wire.activate("A1", model="g2"),
            fleet.wire.activate("A1", vendor="nobody"),
        ):
            assert status(reply) == 403 and b"X-Error" not in reply
        fleet.enable("A1")
        assert len(body(fleet.wire.activate("A1"))) == 40


def logged_peer(fleet: Fleet, forwarded: str) -> str:
    fleet.add("A1")
    fleet.enable("A1")
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert fleet.wire.code("POST", "/provision/activate", "vendor=acme&model=g1&sn=A1", headers) == 200
    ((peer,),) = fleet.sql("SELECT peer FROM activations")
    return str(peer)


@pytest.mark.parametrize(
    ("forwarded", "peer"),
    [
        ("", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("10.0.0.1, 192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("192.0.2.7, ", "127.0.0.1"),
        ("unknown", "127.0.0.1"),
        ("192.0.2.7:8080", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_log_names_the_last_address(tmp_path: Path, forwarded: str, peer: str) -> None:
    with serving(tmp_path / "fleet.db", Options(behind_proxy=True)) as fleet:
        assert logged_peer(fleet, forwarded) == peer


def test_without_a_proxy_nobody_says_who_they_are(fleet: Fleet) -> None:
    assert logged_peer(fleet, "192.0.2.7") == "127.0.0.1"
