"""The serial numbers of a model: M33, M35 to M37 and M39 to M41."""

from __future__ import annotations

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import init

CSV = "text/csv; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def typed(fleet: Fleet, method: str, kind: str | None, text: str | bytes, path: str = G1 + "/") -> bytes:
    """Send a body of a content type, or of none."""
    headers = {"X-Exosite-Token": fleet.grant.token} | ({"Content-Type": kind} if kind else {})
    return fleet.wire.ask(method, path, text, headers)


def listed(fleet: Fleet) -> list[tuple[object, ...]]:
    return fleet.sql("SELECT sn, extra FROM serials ORDER BY id")


@pytest.mark.parametrize("header", [{}, {"Content-Type": "false"}, {"content-type": "multipart/form-data"}])
def test_a_form_is_a_form_whatever_type_but_csv_it_has(fleet: Fleet, header: dict[str, str]) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token, **header}
    assert fleet.wire.code("POST", G1 + "/", "add=true&sn=A1&extra=This is text", headers) == 205
    assert fleet.sql("SELECT sn, extra FROM serials") == [("A1", "This is text")]


def test_what_m35_refuses(fleet: Fleet) -> None:
    long = "x" * 1025
    for form, code in [
        ("", 400),
        ("sn=", 400),
        ("sn=a&sn=b", 400),
        ("sn=a b", 400),
        ("sn=a+b", 400),
        ("sn=a,b", 400),
        ("sn=a%2Fb", 400),
        ("sn=a%23b", 400),
        ("sn=a%3Fb", 400),
        ("sn=%22", 400),
        ("sn=a%00", 400),
        ("sn=a%0D%0Ab", 400),
        ("sn=..", 400),
        ("sn=%ff", 400),
        (b"sn=\xff", 400),
        (f"sn={'s' * 129}", 413),
        (f"sn=a&extra={long}", 413),
        ("sn[]=a&sn=b", 400),
    ]:
        assert fleet.wire.code("POST", G1 + "/", form) == code, form
    assert fleet.wire.code("POST", MODELS + "nope/", "sn=a") == 404
    assert fleet.sql("SELECT count(*) FROM serials") == [(0,)]
    assert fleet.wire.code("POST", G1 + "/", f"sn={'s' * 128}&extra={long[1:]}") == 205


def test_a_form_without_a_serial_number_is_a_bad_form(fleet: Fleet) -> None:
    headers = {"X-Exosite-Token": fleet.grant.token, "Content-Type": "application/x-www-form-urlencoded"}
    assert fleet.wire.code("POST", G1 + "/", "A1", headers) == 400
    assert fleet.wire.code("POST", G1 + "/", "extra=A1") == 400


def test_a_serial_number_is_unique_in_its_model_only_and_case_counts(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    fleet.add("A1")
    fleet.add("a1")
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=A1") == 205
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=A1") == 409


def test_m33_pages_in_the_order_of_listing(fleet: Fleet) -> None:
    for n in (9, 3, 7, 1, 8, 2, 6):
        fleet.add(f"N{n}", f"e{n}")
    path = G1 + "/"

    def page(query: str) -> list[str]:
        lines = body(fleet.wire.ask("GET", path + query)).decode().split("\r\n")
        assert lines.pop() == ""  # the last line is ended too
        return lines

    everything = ["N9,,e9", "N3,,e3", "N7,,e7", "N1,,e1", "N8,,e8", "N2,,e2", "N6,,e6"]
    assert page("") == page("?") == page("?limit=1") == page("?limit=0") == everything[:5]
    assert page("?offset=0&limit=1000") == page("?offset=0&limit=" + "9" * 30) == everything
    assert page("?offset=" + "9" * 30) == []
    assert page("?limit=6") + page("?offset=6&limit=6") == everything
    for query in ("?limit=x", "?offset=-1", "?offset=", "?limit=%D9%A1", "?limit=5&limit=6"):
        assert fleet.wire.code("GET", path + query) == 400, query
    assert fleet.wire.code("GET", path + "?show=everything") == 400
    assert fleet.wire.code("GET", MODELS + "nope/") == 404


def test_m33_with_status(fleet: Fleet) -> None:
    rids = {}
    for sn in ("unused", "waiting", "live", "lapsed", "off", "orphan"):
        fleet.add(sn)
        rids[sn] = "" if sn == "unused" else fleet.enable(sn)
    fleet.wire.activate("live")
    fleet.lapse(rids["lapsed"])
    fleet.wire.ask("POST", f"{G1}/off", "disable=true")
    fleet.drop(rids["orphan"])
    words = {"waiting": "notactivated", "live": "activated", "lapsed": "expired", "off": "expired"}
    lines = [f"{sn},{words.get(sn, '')},{rid},\r\n" for sn, rid in rids.items()]
    assert body(fleet.wire.ask("GET", G1 + "/?status=true&limit=10")).decode() == "".join(lines)


def test_an_empty_list_is_a_200_of_length_0(fleet: Fleet) -> None:
    assert b"HTTP/1.1 200 OK" in (reply := fleet.wire.ask("GET", G1 + "/?offset=0&limit=1000"))
    assert b"\r\nContent-Length: 0\r\nContent-Type: text/csv; charset=utf-8\r\n\r\n" in reply


# ---------------------------------------------------------------- many at once


@pytest.mark.parametrize("form", ["sn[]=B2&sn[]=A1&sn[]=B2", "add=true&sn%5B%5D=B2&sn%5B%5D=A1&extra="])
@pytest.mark.parametrize("kind", [FORM, None])
def test_m36_lists_many_in_their_order_and_twice_is_once(fleet: Fleet, form: str, kind: str | None) -> None:
    assert status(typed(fleet, "POST", kind, form)) == 205
    assert listed(fleet) == [("B2", ""), ("A1", "")]
    assert status(typed(fleet, "POST", kind, "sn[]=C3")) == 205


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CSV, 'B2,"x, ""y""\r\nz"\r\nA1,\r\n\\u0041, e \r\n'),
        ("TEXT/CSV", 'B2,"x, ""y""\r\nz"\nA1\n\n\\u0041, e '),
        (None, 'B2,"x, ""y""\r\nz"\nA1,\n\\u0041, e \nB2,"x, ""y""\r\nz"'),
    ],
)
def test_m37_takes_csv_with_and_without_extra(fleet: Fleet, kind: str | None, text: str) -> None:
    assert status(typed(fleet, "POST", kind, text)) == 205
    assert listed(fleet) == [("B2", 'x, "y"\r\nz'), ("A1", ""), ("\\u0041", " e ")]


def test_whatever_is_legal_survives_a_list(fleet: Fleet) -> None:
    wanted = [
        ("00:04:a3", "\N{GREEK SMALL LETTER MU}\U0001f50c\t\x01'"),
        ("\\n\\", "\\u0000"),
        ("é;=&%41", '{"a":[1]}'),
    ]
    text = "".join('{},"{}"\r\n'.format(sn, extra.replace('"', '""')) for sn, extra in wanted)
    assert status(typed(fleet, "POST", CSV, text)) == 205
    assert listed(fleet) == wanted
    assert body(fleet.wire.ask("GET", G1 + "/")).decode().count("\r\n") == 3


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (CSV, "N1\r\nA1\r\nN2", b"entry 2 of the list is listed already; nothing was added"),
        (FORM, "sn[]=N1&sn[]=N1&sn[]=A1", b"entry 3 of the list is listed already; nothing was added"),
    ],
)
def test_if_one_is_there_none_is_added(fleet: Fleet, kind: str, text: str, reason: bytes) -> None:
    fleet.add("A1", "old")
    reply = typed(fleet, "POST", kind, text)
    assert status(reply) == 409 and b"X-Error-Reason: " + reason in reply
    assert listed(fleet) == [("A1", "old")]


@pytest.mark.parametrize(
    ("kind", "text", "code", "reason"),
    [
        (CSV, "A1,x\r\nA1,y\r\n", 400, b"entry 2 of the list is there before, with another extra"),
        (CSV, "A1,x,y", 400, b"entry 1 of the list has more than two columns"),
        (CSV, "A1\r\na b", 400, b"entry 2 of the list: a serial number has no blanks"),
        (CSV, ",x", 400, b"entry 1 of the list: a serial number is"),
        (CSV, "A1," + "x" * 1025, 413, b"entry 1 of the list: extra is longer than 1 KiB"),
        (CSV, "A1\n" + "x" * 129, 413, b"entry 2 of the list: a serial number has at most 128"),
        (CSV, "A1,\0", 400, b"entry 1 of the list: extra has no NUL"),
        (CSV, 'A1\n"A2', 400, b"line 2"),
        (CSV, b"A1,\xff", 400, b"not UTF-8"),
        (CSV, "", 400, b"the list is empty"),
        (CSV, "\r\n\r\n", 400, b"the list is empty"),
        (None, "", 400, b"the list is empty"),
        (FORM, "sn[]=A1&sn[]=", 400, b"entry 2"),
        (FORM, "sn[]=A1&sn=A2", 400, b"one of sn and sn[] is needed"),
        (FORM, "sn[]=A1&extra=x", 400, b"extra goes with one serial number"),
        (FORM, "", 400, b"a parameter is missing"),
        pytest.param(FORM, "&".join(["sn[]=a"] * 100_001), 413, b"more than 100000 parameters", id="too many"),
    ],
)
def test_what_the_lists_refuse(fleet: Fleet, kind: str | None, text: str | bytes, code: int, reason: bytes) -> None:
    reply = typed(fleet, "POST", kind, text)
    assert status(reply) == code and reason in reply, reply
    assert listed(fleet) == []


def test_lists_belong_to_a_model(fleet: Fleet) -> None:
    for method, kind, text in [
        ("POST", CSV, "A1"),
        ("POST", FORM, "sn[]=A1"),
        ("POST", FORM, "delete=true&sn=A1"),
        ("DELETE", CSV, "A1"),
    ]:
        assert status(typed(fleet, method, kind, text, MODELS + "nope/")) == 404


def test_a_hundred_thousand_in_one_request(fleet: Fleet) -> None:
    text = "\r\n".join(f"SN{n:06d},{n}" for n in range(100_000))
    assert status(typed(fleet, "POST", CSV, text)) == 205
    assert fleet.sql("SELECT count(*), sum(extra) FROM serials") == [(100_000, 4999950000)]
    assert body(fleet.wire.ask("GET", G1 + "/?offset=99997")) == (
        b"SN099997,,99997\r\nSN099998,,99998\r\nSN099999,,99999\r\n"
    )
    assert status(typed(fleet, "DELETE", CSV, text)) == 205
    assert listed(fleet) == [] == fleet.sql("SELECT * FROM blocks")


# ---------------------------------------------------------------- removing


@pytest.mark.parametrize(
    ("method", "kind", "text"),
    [
        ("POST", FORM, "delete=true&sn[]=A1&sn[]=A2&sn[]=gone&sn[]=A1"),
        ("POST", None, "remove=true&sn%5B%5D=A1&sn%5B%5D=A2"),
        ("DELETE", CSV, "A1,extra,more\r\nA2\r\ngone"),
        ("DELETE", None, "A1\nA2\n"),
        ("DELETE", FORM, "A1\r\nA2"),
        ("DELETE", "text/plain", "A1\r\nA2"),
    ],
)
def test_m40_and_m41_unlist_many_and_ignore_the_unknown(fleet: Fleet, method: str, kind: str | None, text: str) -> None:
    for sn in ("A1", "A2", "A3"):
        fleet.add(sn)
    assert status(typed(fleet, method, kind, text)) == 205
    assert listed(fleet) == [("A3", "")]
    assert status(typed(fleet, method, kind, text)) == 205


@pytest.mark.parametrize("flag", ["delete", "remove"])
def test_m39_unlists_one_in_whatever_state(fleet: Fleet, flag: str) -> None:
    keys, rids = [], []
    for sn in ("live", "orphan", "unused"):
        fleet.add(sn)
    rids = [fleet.enable("live"), fleet.enable("orphan")]
    keys = [body(fleet.wire.activate("live")).decode()]
    fleet.drop(rids[1])
    for sn in ("live", "orphan", "unused", "never"):
        assert fleet.wire.code("POST", G1 + "/", f"{flag}=true&sn={sn}") == 205
        assert fleet.see(sn) == "404"
    assert fleet.sql("SELECT phase, open_until FROM clients WHERE rid = ?", rids[0]) == [("expired", None)]
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": keys[0]}) == 401


@pytest.mark.parametrize(
    ("method", "kind", "text", "code"),
    [
        ("POST", FORM, "delete=true", 400),
        ("POST", FORM, "delete=true&sn=", 400),
        ("POST", FORM, "add=true&delete=true&sn=A1", 400),
        ("POST", FORM, "add=true&remove=true&sn[]=A1", 400),
        ("POST", FORM, "delete=true&sn=a b", 400),
        ("POST", FORM, "delete=true&sn=A1&sn[]=A2", 400),
        ("POST", FORM, "delete=true&sn=A1&sn=A2", 400),
        ("DELETE", CSV, "", 400),
        ("DELETE", None, "", 400),
        ("DELETE", FORM, "delete=true&sn=A1", 400),
        ("DELETE", None, "sn=A1", 400),
        ("DELETE", CSV, "A1\n" + "x" * 129, 413),
        ("PUT", FORM, "sn=A1", 405),
    ],
)
def test_what_is_refused_unlists_nothing(fleet: Fleet, method: str, kind: str, text: str, code: int) -> None:
    fleet.add("A1")
    fleet.add("A2")
    assert status(typed(fleet, method, kind, text)) == code
    assert listed(fleet) == [("A1", ""), ("A2", "")]


@pytest.mark.parametrize("form", ["delete=true&sn=A1", "delete=true&sn[]=A1", None])
def test_who_is_unlisted_leaves_its_groups(fleet: Fleet, form: str | None) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    fleet.sql("INSERT INTO groups(model, name, meta) VALUES (1, 'g', ''), (2, 'g', '')")
    for group, member in ((1, "A1"), (1, "A2"), (2, "A1")):
        fleet.sql("INSERT INTO members VALUES (NULL, ?, 'sn', ?, 0, '')", group, member)
    fleet.add("A1")
    fleet.add("A2")
    if form:
        assert fleet.wire.code("POST", G1 + "/", form) == 205
    else:
        assert fleet.wire.code("DELETE", G1 + "/A1") == 205
    assert fleet.sql('SELECT "group", member FROM members ORDER BY id') == [(1, "A2"), (2, "A1")]


# ---------------------------------------------------------------- pages


def test_every_page_is_right_wherever_rows_are_missing(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    for turn in range(6):  # two models in turn, so that their ids are mixed in every block
        for model in ("g1", "g2"):
            text = "\n".join(f"{model}-{turn}-{n:03d}" for n in range(700))
            assert status(typed(fleet, "POST", CSV, text, f"{MODELS}{model}/")) == 205
    left = [f"g1-{turn}-{n:03d}" for turn in range(6) for n in range(700)]
    gone = left[0:1] + left[650:2900] + left[3000:4000:7]
    assert status(typed(fleet, "DELETE", CSV, "\n".join(gone))) == 205
    left = [sn for sn in left if sn not in {*gone}]
    for limit in (5, 6, 1000):
        pages: list[str] = []
        while True:
            page = body(fleet.wire.ask("GET", f"{G1}/?offset={len(pages)}&limit={limit}")).decode().split("\r\n")[:-1]
            pages += page
            if len(page) < limit:
                break
        assert pages == [f"{sn},," for sn in left]
        if limit == 6:
            assert fleet.sql("SELECT sum(count) FROM blocks WHERE model = 1 AND count > 0") == [(len(left),)]
    for offset in (len(left), len(left) + 1, 10**17):
        assert body(fleet.wire.ask("GET", f"{G1}/?offset={offset}")) == b""


def test_m33_of_what_one_vendor_enabled(fleet: Fleet) -> None:
    init(fleet.database, "other")
    for n in range(8):
        fleet.add(f"N{n}", f"e{n}")
    rids = {n: fleet.enable(f"N{n}") for n in (1, 2, 3, 5, 6, 7)}
    fleet.sql("UPDATE serials SET enabled_by = 2 WHERE sn IN ('N2', 'N6')")
    ask = fleet.wire.ask
    assert body(ask("GET", f"{G1}/?shared=other")).decode() == f"N2,{rids[2]},e2\r\nN6,{rids[6]},e6\r\n"
    assert body(ask("GET", f"{G1}/?shared=other&status=true")).decode().startswith(f"N2,notactivated,{rids[2]},e2\r\n")
    assert body(ask("GET", f"{G1}/?shared=acme&offset=1")).decode() == "".join(
        f"N{n},{rids[n]},e{n}\r\n" for n in (3, 5, 7)
    )
    assert fleet.wire.code("GET", f"{G1}/?shared=nobody") == 404
    assert fleet.wire.code("GET", f"{G1}/?shared=") == 400


def blocks(fleet: Fleet) -> list[tuple[object, ...]]:
    """The counts that are kept, after comparing them with those that are counted anew."""
    kept = fleet.sql("SELECT model, vendor, block, count FROM blocks ORDER BY 1, 2, 3")
    counted = """SELECT model, who, id >> 10, count(*) FROM (
          SELECT model, id, 0 AS who FROM serials
          UNION ALL SELECT model, id, enabled_by FROM serials WHERE enabled_by IS NOT NULL)
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
    assert kept == fleet.sql(counted)
    return kept


def test_the_counts_that_pages_are_found_by_follow_every_change(fleet: Fleet) -> None:
    code = fleet.wire.code
    other = init(fleet.database, "other")
    guest = {"X-Exosite-Token": other.token, "X-Exosite-Vendor": "acme"}
    assert code("POST", "/provision/manage/share/g1/", "vendor=other") == 205
    for n in range(6):
        fleet.add(f"N{n}")
    assert blocks(fleet) == [(1, 0, 0, 6)]
    fleet.enable("N0")
    for n in (1, 2, 3):
        assert code("POST", f"{G1}/N{n}", f"enable=true&owner={other.owner_rid}", guest) == 200
    assert blocks(fleet) == [(1, 0, 0, 6), (1, 1, 0, 1), (1, 2, 0, 3)]
    assert code("POST", f"{G1}/N4", "enable=true&oldsn=N1", guest) == 205
    span = '{"ranges": [{"format": "base10", "first": 70, "last": 79}]}'
    assert status(typed(fleet, "POST", "application/json", span)) == 205
    assert code("POST", f"{G1}/70", f"enable=true&owner={other.owner_rid}", guest) == 200
    assert blocks(fleet) == [(1, 0, 0, 7), (1, 1, 0, 1), (1, 2, 0, 4)]
    assert code("DELETE", f"{G1}/N0") == code("DELETE", f"{G1}/N2") == code("DELETE", f"{G1}/N5") == 205
    assert blocks(fleet) == [(1, 0, 0, 4), (1, 2, 0, 3)]
    holder = {"X-Exosite-CIK": other.vendor_cik}
    assert code("POST", "/provision/register", "delete=true&vendor=other", holder) == 205
    assert blocks(fleet) == [(1, 0, 0, 4)]


def test_every_page_of_what_one_vendor_enabled_is_right(fleet: Fleet) -> None:
    init(fleet.database, "other")
    assert status(typed(fleet, "POST", CSV, "\n".join(f"N{n}" for n in range(5000)))) == 205
    fleet.sql("UPDATE serials SET enabled_by = 2 WHERE id % 3 = 0 OR id BETWEEN 2000 AND 4000")
    assert status(typed(fleet, "DELETE", CSV, "\n".join(f"N{n}" for n in range(1000, 3000, 7)))) == 205
    fleet.sql("UPDATE serials SET enabled_by = 1 WHERE id % 5 = 0")
    blocks(fleet)
    for vendor, id in (("acme", 1), ("other", 2)):
        left = [f"{sn},," for (sn,) in fleet.sql("SELECT sn FROM serials WHERE enabled_by = ? ORDER BY id", id)]
        for offset in [*range(0, len(left) + 400, 97), len(left)]:
            reply = fleet.wire.ask("GET", f"{G1}/?shared={vendor}&offset={offset}&limit=300")
            assert body(reply).decode().split("\r\n")[:-1] == left[offset : offset + 300]
