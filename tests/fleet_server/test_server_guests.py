"""What a vendor may do with a model that another one shares with it (section 7 of the API document)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fleet_wire import G1, MODELS, Fleet, Wire, body, status

from station.fleet.server import Grant, init
from station.fleet.server.dispatch import NOUNS

SHARES = "/provision/manage/share/g1/"
LIST = G1 + "/"
RANGE = '{"ranges":[{"format":"base10","length":4,"first":0,"last":99}]}'


class Guest:
    """A vendor with a connection, all of whose requests are about what ``acme`` shares."""

    def __init__(self, name: str, grant: Grant, wire: Wire) -> None:
        self.name, self.grant, self.wire = name, grant, wire
        self.headers = {"X-Exosite-Token": grant.token, "X-Exosite-Vendor": "acme"}

    def ask(self, method: str, path: str, form: str = "") -> bytes:
        return self.wire.ask(method, path, form, self.headers)

    def code(self, method: str, path: str, form: str = "") -> int:
        return status(self.ask(method, path, form))

    def enable(self, sn: str) -> bytes:
        return self.ask("POST", f"{G1}/{sn}", f"enable=true&owner={self.grant.owner_rid}")

    def see(self, sn: str) -> str:
        reply = self.ask("GET", f"{G1}/{sn}")
        return body(reply).decode() if status(reply) == 200 else str(status(reply))

    def page(self, query: str = "limit=1000") -> list[str]:
        reply = self.ask("GET", f"{LIST}?{query}")
        assert status(reply) == 200
        return body(reply).decode().splitlines()


class Party:
    """The owner acme, its guests bco and cco, and dco, with whom nothing is shared."""

    def __init__(self, fleet: Fleet, stack: ExitStack) -> None:
        self.fleet = fleet
        self.bco, self.cco, self.dco = (self._guest(name, stack) for name in ("bco", "cco", "dco"))
        for guest in (self.bco, self.cco):
            assert fleet.wire.code("POST", SHARES, f"vendor={guest.name}") == 205

    def _guest(self, name: str, stack: ExitStack) -> Guest:
        grant = init(self.fleet.database, name)
        return Guest(name, grant, stack.enter_context(Wire(self.fleet.server.url, grant.token)))

    def enabled(self, sn: str, by: Guest | None = None) -> str:
        """List a serial number with an ``extra`` and enable it; return its RID."""
        self.fleet.add(sn, f"secret of {sn}")
        reply = by.enable(sn) if by else b""
        assert by is None or status(reply) == 200
        return body(reply).decode() if by else self.fleet.enable(sn)


@pytest.fixture
def party(fleet: Fleet) -> Iterator[Party]:
    with ExitStack() as stack:
        yield Party(fleet, stack)


# ---------------------------------------------------------------- what is open


def test_only_the_procedures_that_section_7_names_are_open() -> None:
    rows = itertools.chain.from_iterable(noun.PROCEDURES for noun in NOUNS)
    assert {row.number for row in rows if row.guests} - {""} == {"M33", "M43", "M45", "M46", "M47", "M48", "M49"}


def test_everything_else_is_refused_and_changes_nothing(party: Party) -> None:
    party.enabled("B1", party.bco)
    before = [*party.fleet.sql("SELECT * FROM serials"), *party.fleet.sql("SELECT * FROM models")]
    group, content = "/provision/manage/group/g1/", "/provision/manage/content/g1/"
    for method, path, form in [
        ("GET", MODELS, ""),
        ("GET", MODELS + "?show=shared", ""),
        ("POST", MODELS, f"model=g9&rid={party.bco.grant.template_rid}"),
        ("POST", MODELS, "model=g1&delete=true"),
        ("GET", G1, ""),
        ("PUT", G1, f"rid={party.bco.grant.template_rid}"),
        ("DELETE", G1, ""),
        ("GET", LIST + "?show=ranges", ""),
        ("POST", LIST, "sn=B2"),
        ("POST", LIST, "sn[]=B2"),
        ("POST", LIST, "B2\r\n"),
        ("POST", LIST, RANGE),
        ("POST", LIST, "sn=B1&delete=true"),
        ("POST", LIST, "sn[]=B1&delete=true"),
        ("DELETE", LIST, "B1\r\n"),
        ("DELETE", LIST, RANGE),
        ("GET", G1 + "/B1?show=groups", ""),
        ("DELETE", G1 + "/B1", ""),
        ("GET", group, ""),
        ("POST", group, "id=crew"),
        ("GET", group + "crew", ""),
        ("DELETE", group + "crew", ""),
        ("GET", group + "crew/", ""),
        ("POST", group + "crew/", "type=sn&id=B1"),
        ("DELETE", group + "crew/", "sn,B1"),
        ("GET", content, ""),
        ("POST", content, "id=fw"),
        ("GET", content + "fw", ""),
        ("POST", content + "fw", "blob"),
        ("DELETE", content + "fw", ""),
        ("GET", SHARES, ""),
        ("POST", SHARES, "vendor=dco"),
    ]:
        assert party.bco.code(method, path, form) == 403, (method, path, form)
    assert [*party.fleet.sql("SELECT * FROM serials"), *party.fleet.sql("SELECT * FROM models")] == before


def test_without_a_share_nothing_is_told_not_even_what_there_is(party: Party) -> None:
    party.enabled("B1", party.bco)
    for path in (G1, MODELS + "nope"):
        for method, rest, form in [
            ("GET", "/", ""),
            ("GET", "/B1", ""),
            ("GET", "/B9", ""),
            ("GET", "/B1?show=log", ""),
            ("POST", "/B1", f"enable=true&owner={party.dco.grant.owner_rid}"),
            ("POST", "/B2", "enable=true&oldsn=B1"),
            ("POST", "/B1", "enable=true"),
            ("POST", "/B1", "disable=true"),
        ]:
            assert party.dco.code(method, path + rest, form) == 403, (path, method, rest, form)
            if path != G1:
                assert party.bco.code(method, path + rest, form) == 403, (path, method, rest, form)
    assert party.bco.see("B1").startswith("notactivated,")


@pytest.mark.parametrize("named", ["nobody", "ACME", "acme,bco", "équipe"])
def test_a_vendor_that_nobody_is_shares_nothing(party: Party, named: str) -> None:
    assert party.bco.wire.code("GET", LIST, headers={**party.bco.headers, "X-Exosite-Vendor": named}) == 403


def test_naming_oneself_or_nobody_is_as_if_nothing_was_named(party: Party) -> None:
    party.enabled("A1")
    for named in ("acme", ""):
        headers = {"X-Exosite-Token": party.fleet.grant.token, "X-Exosite-Vendor": named}
        for method, path, form, code in [
            ("GET", G1, "", 200),
            ("GET", f"{G1}/A1", "", 200),
            ("POST", f"{G1}/A1", "enable=true", 205),
            ("POST", LIST, f"sn=new{named}", 205),
        ]:
            assert party.fleet.wire.code(method, path, form, headers) == code
        assert b"secret of A1" in party.fleet.wire.ask("GET", LIST, "", headers)


# ---------------------------------------------------------------- what a guest sees


def test_views_show_what_the_guest_enabled_and_no_extra(party: Party) -> None:
    own = party.enabled("A1")
    first, second = (party.enabled(sn, party.bco) for sn in ("B1", "B2"))
    theirs = party.enabled("C1", party.cco)
    party.fleet.add("free", "secret")
    assert party.bco.page() == [f"B1,{first},", f"B2,{second},"]
    assert party.bco.page("status=true") == [f"B1,notactivated,{first},", f"B2,notactivated,{second},"]
    assert party.bco.page("offset=1") == [f"B2,{second},"]
    assert party.bco.page("offset=2") == []
    assert party.cco.page() == [f"C1,{theirs},"]
    assert party.bco.see("B1") == f"notactivated,{first},"
    for sn in ("A1", "C1", "absent"):
        assert party.bco.see(sn) == "404"
        assert party.bco.code("GET", f"{G1}/{sn}?show=log") == 404
    assert party.bco.see("free") == "204"
    assert party.bco.code("GET", f"{G1}/free?show=log") == 204
    assert party.bco.code("GET", f"{LIST}?shared=cco") == 403
    whole = body(party.fleet.wire.ask("GET", f"{LIST}?limit=1000")).decode().splitlines()
    assert whole == [
        f"A1,{own},secret of A1",
        f"B1,{first},secret of B1",
        f"B2,{second},secret of B2",
        f"C1,{theirs},secret of C1",
        "free,,secret",
    ]


def test_the_owner_filters_by_the_vendor_that_enabled(party: Party) -> None:
    own, theirs = party.enabled("A1"), party.enabled("B1", party.bco)
    for query, lines in [
        ("shared=bco", f"B1,{theirs},secret of B1\r\n"),
        ("shared=bco&status=true", f"B1,notactivated,{theirs},secret of B1\r\n"),
        ("shared=cco", ""),
        ("shared=acme", f"A1,{own},secret of A1\r\n"),
    ]:
        assert body(party.fleet.wire.ask("GET", f"{LIST}?{query}")).decode() == lines, query
    assert party.fleet.wire.code("GET", f"{LIST}?shared=nobody") == 404


def test_a_guest_pages_through_its_own(party: Party) -> None:
    for n in range(12):
        party.enabled(f"A{n}")
        party.enabled(f"B{n}", party.bco)
    pages = [party.bco.page(f"offset={offset}&limit=5") for offset in (0, 5, 10)]
    assert [[line.split(",")[0] for line in page] for page in pages] == [
        [f"B{n}" for n in range(*bounds)] for bounds in ((5,), (5, 10), (10, 12))
    ]


def test_the_log_shows_a_guest_its_own_time_only(party: Party) -> None:
    fleet = party.fleet
    party.enabled("X1")
    assert status(fleet.wire.activate("X1")) == 200
    assert fleet.wire.code("DELETE", f"{G1}/X1") == 205
    party.enabled("X1", party.bco)
    assert party.bco.code("GET", f"{G1}/X1?show=log") == 204
    assert status(fleet.wire.activate("X1")) == 200
    assert len(body(party.bco.ask("GET", f"{G1}/X1?show=log")).splitlines()) == 1
    assert len(body(fleet.wire.ask("GET", f"{G1}/X1?show=log")).splitlines()) == 2


# ---------------------------------------------------------------- what a guest does


def test_the_life_of_a_device_that_a_guest_enabled(party: Party) -> None:
    rid = party.enabled("B1", party.bco)
    for form, then in [("", "activated"), ("disable=true", "expired"), ("enable=true", "notactivated")]:
        reply = party.bco.ask("POST", f"{G1}/B1", form) if form else party.fleet.wire.activate("B1")
        assert status(reply) == (205 if form else 200)
        assert party.bco.see("B1") == f"{then},{rid},"
    party.fleet.add("B2", "secret")
    assert party.bco.code("POST", f"{G1}/B2", "enable=true&oldsn=B1") == 205
    assert (party.bco.see("B1"), party.bco.see("B2")) == ("204", f"notactivated,{rid},")
    assert party.cco.see("B2") == "404"
    assert status(party.fleet.wire.activate("B2")) == 200


def test_a_guest_enables_a_member_of_a_range(party: Party) -> None:
    typed = {"X-Exosite-Token": party.fleet.grant.token, "Content-Type": "application/javascript"}
    assert party.fleet.wire.code("POST", LIST, RANGE, typed) == 205
    assert party.bco.see("0007") == "204"
    rid = body(party.bco.enable("0007")).decode()
    assert party.bco.page() == [f"0007,{rid},"]
    assert party.cco.see("0007") == "404"
    assert status(party.cco.enable("0007")) == 403


@pytest.mark.parametrize("who", ["acme", "cco"])
def test_what_somebody_else_enabled_is_out_of_reach(party: Party, who: str) -> None:
    fleet = party.fleet
    theirs = party.enabled("X1", party.cco if who == "cco" else None)
    mine = party.enabled("B1", party.bco)
    fleet.add("free")
    owner = party.bco.grant.owner_rid
    for path, form in [
        ("X1", "enable=true"),
        ("X1", "disable=true"),
        ("X1", f"enable=true&owner={owner}"),
        ("X1", "enable=true&oldsn=B1"),
        ("free", "enable=true&oldsn=X1"),
    ]:
        assert party.bco.code("POST", f"{G1}/{path}", form) == 403, (path, form)
    assert fleet.see("free") == "204"
    assert [row[:2] for row in fleet.sql("SELECT sn, rid FROM serials")] == [
        ("X1", theirs),
        ("B1", mine),
        ("free", None),
    ]
    assert fleet.sql("SELECT DISTINCT phase FROM clients WHERE rid IN (?, ?)", theirs, mine) == [("notactivated",)]


def test_a_guest_gets_the_answers_of_the_state_machine_for_the_rest(party: Party) -> None:
    fleet = party.fleet
    rid = party.enabled("B1", party.bco)
    fleet.add("free")
    owner = party.bco.grant.owner_rid
    for sn, form, code in [
        ("absent", "enable=true", 404),
        ("absent", f"enable=true&owner={owner}", 404),
        ("absent", "enable=true&oldsn=B1", 404),
        ("free", "enable=true", 409),
        ("free", "disable=true", 409),
        ("free", "enable=true&oldsn=free", 409),
        ("B1", f"enable=true&owner={owner}", 409),
        ("free", "enable=true&disable=true", 400),
        ("free", "owner=", 400),
    ]:
        assert party.bco.code("POST", f"{G1}/{sn}", form) == code, (sn, form)
    fleet.drop(rid)
    assert party.bco.see("B1") == "409"
    assert party.cco.see("B1") == "404"


def test_the_owner_of_a_guests_device_is_below_the_guests_own_client(party: Party) -> None:
    party.fleet.add("B1")
    for rid in (party.fleet.grant.owner_rid, party.cco.grant.owner_rid):
        assert party.bco.code("POST", f"{G1}/B1", f"enable=true&owner={rid}") == 403
    assert party.fleet.see("B1") == "204"
    device = body(party.bco.enable("B1")).decode()
    assert party.fleet.sql(
        "SELECT above.rid FROM clients JOIN clients AS above ON above.id = clients.parent WHERE clients.rid = ?", device
    ) == [(party.bco.grant.owner_rid,)]


def test_the_owner_of_the_model_controls_what_its_guests_enabled(party: Party) -> None:
    rid = party.enabled("B1", party.bco)
    wire = party.fleet.wire
    assert body(wire.ask("GET", f"{G1}/B1")).decode() == f"notactivated,{rid},secret of B1"
    assert wire.code("POST", f"{G1}/B1", "enable=true") == 205
    assert party.bco.see("B1") == f"notactivated,{rid},"
    party.fleet.add("B2")
    assert wire.code("POST", f"{G1}/B2", "enable=true&oldsn=B1") == 205
    assert party.bco.see("B2") == f"notactivated,{rid},"
    assert wire.code("DELETE", f"{G1}/B2") == 205
    assert party.bco.page() == []
    assert party.bco.see("B2") == "404"


# ---------------------------------------------------------------- afterwards


def test_after_revocation_the_devices_live_and_the_guest_is_out(party: Party) -> None:
    fleet, path = party.fleet, "/provision/download?vendor=acme&model=g1"
    rid = party.enabled("B1", party.bco)
    party.enabled("B2", party.bco)
    cik = {"X-Exosite-CIK": body(fleet.wire.activate("B1")).decode()}
    assert fleet.wire.code("DELETE", SHARES + "bco") == 205
    for method, rest, form in [
        ("GET", "/", ""),
        ("GET", "/B1", ""),
        ("GET", "/B1?show=log", ""),
        ("POST", "/B1", "disable=true"),
        ("POST", "/B1", "enable=true"),
        ("POST", "/B3", "enable=true&oldsn=B1"),
        ("POST", "/B3", f"enable=true&owner={party.bco.grant.owner_rid}"),
    ]:
        assert party.bco.code(method, G1 + rest, form) == 403, (method, rest, form)
    assert fleet.wire.code("GET", path, headers=cik) == 200
    assert status(fleet.wire.activate("B2")) == 200
    assert body(fleet.wire.ask("GET", f"{G1}/B1")).decode() == f"activated,{rid},secret of B1"
    assert fleet.wire.code("POST", f"{G1}/B1", "disable=true") == 205
    assert fleet.wire.code("GET", path, headers=cik) == 401
    assert party.cco.code("GET", LIST) == 200
    assert fleet.wire.code("POST", SHARES, "vendor=bco") == 205
    assert party.bco.see("B1") == f"expired,{rid},"
