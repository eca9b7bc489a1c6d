"""What every procedure has in common (API document, sections 1.1, 1.2 and 7, and the head of 8).

Derived from the first row of each: the same request with something wrong,
none of which may change what its success would have changed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from conformance_far_end import Scene
from conformance_table import FIRST, GUESTS, UNKNOWN_MODEL
from conformance_words import Ask, Row, active, get, lines, post, refused, value

ALL = list(FIRST.values())
MANAGED = [row for row in ALL if row.ask.path.startswith("/provision/manage/")]
ADMIN = [row for row in ALL if row.ask.path.startswith("/provision/admin/")]
KEPT = [row for row in ALL if row.number != "D1"]
OF_A_MODEL = [row for row in MANAGED if "/g1" in row.ask.path]
WITH_A_FORM = [row for row in ALL if row.ask.type.startswith("application/x-www-form-urlencoded")]

SHARES = ("M51", "M52", "M53", "M54", "M55")
CLOSED = [row for row in OF_A_MODEL if row.number not in (*GUESTS, *SHARES)]
"""What no share opens, but for the procedures that look at the shares themselves."""

each = pytest.mark.parametrize


def named(row: Row) -> str:
    return row.number


def succeeds(scene: Scene, row: Row, ask: Ask) -> None:
    """Check that the row's own request, or one like it, does what the row says."""
    scene.expect(ask, row.answer)
    for seen, answer in row.after:
        scene.expect(seen, answer)


def refuses(scene: Scene, row: Row, refusals: list[tuple[Ask, int]]) -> None:
    """Check that requests are refused and leave everything as it was: the plain success still succeeds."""
    scene.do(*row.before)
    for ask, status in refusals:
        scene.expect(replace(ask, keep=""), refused(status))
    succeeds(scene, row, row.ask)


@each("row", KEPT, ids=named)
def test_401_for_nothing_and_for_what_is_wrong(scene: Scene, row: Row) -> None:
    refuses(scene, row, [(replace(row.ask, who=who), 401) for who in ("nobody", "empty", "wrong", "wrong cik")])


@each("row", [*MANAGED, *ADMIN], ids=named)
def test_403_for_a_device(scene: Scene, row: Row) -> None:
    # The device is another vendor's, so that it changes nothing that the row looks at.
    scene.do(
        post("model/", "model=dev&rid=$other_template", who="other"),
        post("model/dev/", "sn=D1", who="other"),
        post("model/dev/D1", "enable=true&owner=$other_owner", who="other"),
        post("/provision/activate", "vendor=$other&model=dev&sn=D1", who="nobody", keep="their_cik"),
    )
    refuses(scene, row, [(replace(row.ask, who="their device"), 403)])


@each("row", ADMIN, ids=named)
def test_403_for_a_token_that_would_make_tokens(scene: Scene, row: Row) -> None:
    refuses(scene, row, [(replace(row.ask, who="token"), 403)])


@each("row", MANAGED, ids=named)
def test_the_vendors_key_does_what_its_token_does(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    succeeds(scene, row, replace(row.ask, who="cik"))


@each("row", OF_A_MODEL, ids=named)
def test_another_vendor_knows_no_such_model(scene: Scene, row: Row) -> None:
    unknown = UNKNOWN_MODEL.get(row.number, 404)
    nowhere = replace(row.ask, target=row.ask.target.replace("/g1", "/nope"))
    refuses(scene, row, [(replace(row.ask, who="other"), unknown), (nowhere, unknown)])


@each("row", OF_A_MODEL, ids=named)
def test_403_for_a_guest_that_nobody_asked(scene: Scene, row: Row) -> None:
    refuses(scene, row, [(replace(row.ask, who=who), 403) for who in ("guest", "guest of nobody")])


@each("row", OF_A_MODEL, ids=named)
def test_a_model_of_the_same_name_is_another_model(scene: Scene, row: Row) -> None:
    scene.do(*row.before, post("model/", "model=g1&rid=$other_template", who="other"))
    assert scene.ask(replace(row.ask, who="other", keep=""))[:10] in (b"HTTP/1.1 2", b"HTTP/1.1 4")
    succeeds(scene, row, row.ask)


@each("row", CLOSED, ids=named)
def test_403_for_what_a_guest_may_not(scene: Scene, row: Row) -> None:
    scene.do(post("share/g1/", "vendor=$other"))
    refuses(scene, row, [(replace(row.ask, who="guest"), 403)])


@each("row", MANAGED, ids=named)
def test_naming_oneself_is_naming_nobody(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    succeeds(scene, row, replace(row.ask, who="oneself"))


@each("row", ALL, ids=named)
def test_405_for_a_verb_that_the_path_has_not(scene: Scene, row: Row) -> None:
    refuses(scene, row, [(replace(row.ask, method=method), 405) for method in ("PATCH", "OPTIONS", "BREW")])


@each("row", WITH_A_FORM, ids=named)
def test_400_for_a_form_that_is_not_utf_8(scene: Scene, row: Row) -> None:
    assert isinstance(row.ask.body, str)
    first, _, rest = row.ask.body.partition("=")
    bad = replace(row.ask, body=f"{first}=%FF{rest}")
    refuses(scene, row, [(bad, 400), (replace(row.ask, body=row.ask.body.encode() + b"&x=\xff"), 400)])


@each("row", OF_A_MODEL, ids=named)
def test_400_for_a_path_that_is_not_utf_8(scene: Scene, row: Row) -> None:
    refuses(scene, row, [(replace(row.ask, target=row.ask.target.replace("/g1", "/g%FF1")), 400)])


@each("row", [row for row in ALL if row.ask.method == "GET"], ids=named)
def test_head_is_get_without_a_body(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    head = scene.ask(replace(row.ask, method="HEAD"))
    whole = scene.ask(row.ask).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert head[:15] == whole[:15] and head.endswith(b"\r\n\r\n") and head.count(b"\r\n\r\n") == 1
    assert head.partition(b"\r\nServer")[2] == whole.partition(b"\r\nServer")[2]


def test_of_token_and_key_the_token_decides_where_both_would_do(scene: Scene) -> None:
    scene.expect(get("model/", who="token, wrong cik"), lines("g1"))
    scene.expect(get("model/", who="wrong, cik"), refused(401))
    scene.expect(get("/provision/register", who="wrong, cik"), value("$vendor"))
    scene.expect(get("/provision/admin/auth/", who="wrong, cik"), lines("station"))


def test_secrets_are_taken_in_capitals(scene: Scene) -> None:
    scene.do(*active())
    for who, name in [("token", "token"), ("cik", "vendor_cik"), ("device", "cik")]:
        target = "model/" if who != "device" else "/provision/download?vendor=$vendor&model=g1"
        scene.words[name] = scene.words[name].upper()
        assert scene.ask(get(target, who=who)).startswith(b"HTTP/1.1 200 OK\r\n")


@each(
    "path", ["/", "/provision", "/provision/manage/nothing/", "/provision/manage/model", "/provision/manage/share/g1"]
)
def test_no_redirect_between_a_path_and_its_neighbour(scene: Scene, path: str) -> None:
    reply = scene.ask(get(path))
    assert reply[:10] == b"HTTP/1.1 4" and b"Location" not in reply
