"""Every row of the table that a client of ours can ask, through that client.

The stage is set and the outcome is seen by raw requests, so that client and
server can't agree on a mistake.
"""

from __future__ import annotations

import pytest
from conformance_far_end import Scene
from conformance_table import FIRST, GUESTS, ROWS, UNKNOWN_MODEL
from conformance_words import Row, plain, same

from station.fleet.client import BadRequest, Client, Conflict, NotAllowed, NotFound, Refused

ASKED = [row for row in ROWS if row.call is not None]
REFUSALS: dict[int, type[Refused]] = {400: BadRequest, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict}


class Guest:
    """A client whose serial numbers are those that ``vendor`` shares; the rest it has not."""

    def __init__(self, client: Client, vendor: str) -> None:
        self.serials = client.serials.shared_by(vendor)


def caller(scene: Scene, row: Row) -> Client | Guest:
    if row.ask.who == "guest":
        return Guest(scene.client("other"), scene.words["vendor"])
    return scene.client("cik" if row.ask.who == "cik" else "token")


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.id)
def test_the_client_does_as_documented(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    client = caller(scene, row)
    assert row.call is not None
    if row.answer.status >= 400 and row.result is None:
        with pytest.raises(REFUSALS.get(row.answer.status, Refused)) as refusal:
            plain(row.call(client, scene.words))
        assert refusal.value.status == row.answer.status
        assert not [secret for secret in secrets(scene) if secret in f"{refusal.value!r} {vars(refusal.value)}"]
    else:
        found = plain(row.call(client, scene.words))
        assert same(row.result, found, scene.words), f"{found!r} is not {row.result!r}"
        if row.ask.keep:
            scene.words[row.ask.keep] = found
    for ask, answer in row.after:
        scene.expect(ask, answer)


def secrets(scene: Scene) -> list[str]:
    return [
        scene.words[name] for name in ("token", "vendor_cik", "other_token", "other_cik", "cik") if name in scene.words
    ]


WITH_A_KEY = [row for number, row in FIRST.items() if number != "D1"]


@pytest.mark.parametrize("row", WITH_A_KEY, ids=lambda row: row.id)
def test_a_wrong_credential_is_not_allowed(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    words = scene.words | ({"cik": "0" * 40} if row.ask.who == "device" else {})
    assert row.call is not None
    with pytest.raises(NotAllowed) as refusal:
        plain(row.call(scene.client("wrong"), words))
    assert refusal.value.status == 401


OF_A_MODEL = [row for row in WITH_A_KEY if "/g1" in row.ask.path and row.ask.who == "token" and row.number != "M54"]
"""M54 is a question, whose answer is then no."""


@pytest.mark.parametrize("row", OF_A_MODEL, ids=lambda row: row.id)
def test_another_vendor_knows_no_such_model(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    assert row.call is not None
    with pytest.raises(Refused) as refusal:
        plain(row.call(scene.client("other"), scene.words))
    assert refusal.value.status == UNKNOWN_MODEL.get(row.number, 404)


@pytest.mark.parametrize("number", sorted(GUESTS))
def test_a_guest_is_refused_what_is_not_shared(scene: Scene, number: str) -> None:
    row = FIRST[number]
    scene.do(*row.before)
    assert row.call is not None
    with pytest.raises(NotAllowed):
        plain(row.call(Guest(scene.client("other"), scene.words["vendor"]), scene.words))
