"""One serial number: M43 to M50."""

from __future__ import annotations

import time

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import init

WRONG = "0" * 40


def test_m35_keeps_extra_and_m43_quotes_it(fleet: Fleet) -> None:
    fleet.add("A1", 'st%3D7;hw%3Dab, "x"%0D%0Ay')
    rid = fleet.enable("A1")
    reply = fleet.wire.ask("GET", f"{G1}/A1")
    assert body(reply) == f'notactivated,{rid},"st=7;hw=ab, ""x""\r\ny"'.encode()
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply


def test_what_the_calls_on_one_serial_number_refuse(fleet: Fleet) -> None:
    owner = fleet.grant.owner_rid
    foreign = init(fleet.database, "other").owner_rid
    fleet.add("A1")
    for form, code in [
        ("", 400),
        ("enable=yes", 400),
        ("enable=true&disable=true", 400),
        ("enable=true&owner=", 400),
        ("enable=true&owner=abc", 400),
        (f"enable=true&owner={owner}&owner={owner}", 400),
        (f"enable=true&owner={owner}&oldsn=B1", 400),
        ("enable=true&owner=&oldsn=B1", 400),
        ("enable=true&oldsn=", 400),
        ("oldsn=B1", 400),
        ("enable=true&oldsn=B1", 404),
        (f"enable=true&owner={WRONG}", 403),
        (f"enable=true&owner={foreign}", 403),
    ]:
        assert fleet.wire.code("POST", f"{G1}/A1", form) == code, form
    assert fleet.see("A1") == "204"
    assert fleet.wire.code("GET", f"{G1}/A1?show=everything") == 400
    assert fleet.wire.code("POST", f"{MODELS}nope/A1", "disable=true") == 404


def test_an_empty_owner_regenerates_nothing(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    fleet.wire.activate("A1")
    before = fleet.sql("SELECT cik, phase FROM clients")
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true&owner=") == 400
    assert fleet.sql("SELECT cik, phase FROM clients") == before


def test_enable_makes_one_client_right_below_the_owner(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    assert fleet.sql(
        "SELECT owner.rid, c.phase FROM clients c JOIN clients owner ON owner.id = c.parent WHERE c.rid = ?", rid
    ) == [(fleet.grant.owner_rid, "notactivated")]
    creator = fleet.sql("SELECT rid FROM clients WHERE parent IS NULL")[0][0]
    for sn, owner in (("A2", rid), ("A3", creator), ("A4", fleet.grant.owner_rid.upper())):
        fleet.add(sn)
        assert fleet.wire.code("POST", f"{G1}/{sn}", f"enable=true&owner={owner}") == 200


def test_a_new_key_each_time_and_the_same_rid(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    keys = [body(fleet.wire.activate("A1"))]
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    keys.append(body(fleet.wire.activate("A1")))
    assert fleet.wire.code("POST", f"{G1}/A1", "disable=true") == 205
    assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    keys.append(body(fleet.wire.activate("A1")))
    assert len({*keys}) == 3 and all(len(key) == 40 for key in keys)
    assert body(fleet.wire.ask("GET", f"{G1}/A1")) == f"activated,{rid},".encode()


def test_the_key_of_d1_is_the_one_made_by_m46(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    made = fleet.sql("SELECT cik FROM clients WHERE rid = ?", rid)[0][0]
    assert body(fleet.wire.activate("A1")).decode() == made


def test_delete_detaches_the_client_and_kills_its_key(fleet: Fleet) -> None:
    fleet.add("A1")
    rid = fleet.enable("A1")
    key = body(fleet.wire.activate("A1")).decode()
    assert fleet.wire.code("DELETE", f"{G1}/A1") == 205
    assert fleet.sql("SELECT phase FROM clients WHERE rid = ?", rid) == [("expired",)]
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": key}) == 401
    fleet.add("A1")
    assert fleet.see("A1") == "204"
    assert fleet.enable("A1") != rid


@pytest.mark.parametrize(("setting", "window_s"), [(None, 86400), (60, 60)])
def test_the_window_is_a_day_unless_the_model_says_otherwise(fleet: Fleet, setting: int | None, window_s: int) -> None:
    fleet.sql("UPDATE models SET window_s = ?", setting)
    fleet.add("A1")
    for act in (lambda: fleet.enable("A1"), lambda: fleet.wire.ask("POST", f"{G1}/A1", "enable=true")):
        before = time.time_ns() // 1000
        act()
        after = time.time_ns() // 1000
        ((end,),) = fleet.sql("SELECT open_until FROM clients WHERE open_until IS NOT NULL")
        assert isinstance(end, int)
        assert before <= end - window_s * 1_000_000 <= after


# ---------------------------------------------------------------- groups and log


def test_m44_pages_the_groups_of_a_serial_number(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.add("B1")
    for name in ("g3", "g1", "g6", "g2", "g5", "g4", "empty"):
        fleet.sql("INSERT INTO groups(model, name, meta) VALUES (1, ?, '')", name)
    for group in (6, 5, 4, 3, 2, 1):
        fleet.sql("INSERT INTO members VALUES (NULL, ?, 'sn', 'A1', 0, '')", group)
    path = f"{G1}/A1?show=groups"
    reply = fleet.wire.ask("GET", path)
    assert body(reply) == b"g4\r\ng5\r\ng2\r\ng6\r\ng1\r\n"
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply
    assert body(fleet.wire.ask("GET", path + "&offset=5")) == b"g3\r\n"
    assert fleet.wire.code("GET", path + "&offset=6") == fleet.wire.code("GET", f"{G1}/B1?show=groups") == 204
    assert fleet.wire.code("GET", path + "&limit=x") == 400
    assert fleet.wire.code("GET", f"{G1}/C1?show=groups") == 404


def test_m45_shows_each_success_as_it_was_asked_oldest_first(fleet: Fleet) -> None:
    fleet.add("A1")
    path = f"{G1}/A1?show=log"
    assert fleet.wire.code("GET", path) == 204
    assert fleet.wire.code("GET", f"{G1}/B1?show=log") == 404
    fleet.wire.activate("A1")  # 409
    fleet.enable("A1")
    assert fleet.wire.code("GET", path) == 204
    entries = ["vendor=acme&model=g1&sn=A1", 'sn=A1&model=g1&vendor=acme&x=1,"2"']
    before = int(time.time())
    for entry in entries:
        assert fleet.wire.code("POST", "/provision/activate", entry, {}) == 200
        assert fleet.wire.code("POST", "/provision/activate", entry, {}) == 409
        assert fleet.wire.code("POST", f"{G1}/A1", "enable=true") == 205
    reply = fleet.wire.ask("GET", path)
    assert b"\r\nContent-Type: text/csv; charset=utf-8\r\n" in reply
    lines = body(reply).decode().split("\r\n")
    assert [line.split(",", 2)[1:] for line in lines[:-1]] == [
        ["127.0.0.1", entries[0]],
        ["127.0.0.1", '"sn=A1&model=g1&vendor=acme&x=1,""2"""'],
    ]
    assert all(before <= int(line.split(",")[0]) <= time.time() for line in lines[:-1])
    assert lines[-1] == ""


def test_the_log_is_the_serial_numbers_and_outlives_its_listing(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    fleet.wire.activate("A1")
    log = fleet.wire.ask("GET", f"{G1}/A1?show=log")
    assert fleet.wire.code("DELETE", f"{G1}/A1") == 205
    assert fleet.wire.code("GET", f"{G1}/A1?show=log") == 404
    fleet.add("A1")
    assert body(fleet.wire.ask("GET", f"{G1}/A1?show=log")) == body(log)


# ---------------------------------------------------------------- remap


@pytest.mark.parametrize("state", ["notactivated", "activated", "expired", "disabled"])
def test_m47_moves_the_client_and_gives_it_a_new_key_and_window(fleet: Fleet, state: str) -> None:
    fleet.add("OLD", "old extra")
    fleet.add("NEW", "new extra")
    fleet.sql("INSERT INTO groups(model, name, meta) VALUES (1, 'g', '')")
    fleet.sql("INSERT INTO members VALUES (NULL, 1, 'sn', 'OLD', 0, '')")
    rid = fleet.enable("OLD")
    if state == "activated":
        fleet.wire.activate("OLD")
    elif state == "expired":
        fleet.lapse(rid)
    elif state == "disabled":
        assert fleet.wire.code("POST", f"{G1}/OLD", "disable=true") == 205
    key = fleet.sql("SELECT cik FROM clients WHERE rid = ?", rid)[0][0]
    assert fleet.wire.code("POST", f"{G1}/NEW", "enable=true&oldsn=OLD") == 205
    assert fleet.see("OLD") == "204"
    assert body(fleet.wire.ask("GET", f"{G1}/NEW")) == f"notactivated,{rid},new extra".encode()
    assert body(fleet.wire.ask("GET", f"{G1}/?offset=0")).decode() == f"OLD,,old extra\r\nNEW,{rid},new extra\r\n"
    assert fleet.sql("SELECT sn, enabled_by FROM serials ORDER BY id") == [("OLD", None), ("NEW", 1)]
    assert fleet.sql("SELECT member FROM members") == [("OLD",)]
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": str(key)}) == 401
    assert status(fleet.wire.activate("OLD")) == 409
    reply = fleet.wire.activate("NEW")
    assert status(reply) == 200 and body(reply) != str(key).encode()
    assert fleet.wire.code("DELETE", f"{G1}/OLD") == 205
    assert fleet.see("NEW") == "activated"


def test_what_m47_refuses_changes_nothing(fleet: Fleet) -> None:
    assert fleet.wire.code("POST", MODELS, f"model=g2&rid={fleet.grant.template_rid}") == 205
    assert fleet.wire.code("POST", MODELS + "g2/", "sn=other") == 205
    for sn in ("unused", "unused2", "taken", "taken2", "orphan"):
        fleet.add(sn)
    fleet.enable("taken")
    fleet.enable("taken2")
    fleet.drop(fleet.enable("orphan"))
    before = fleet.sql("SELECT * FROM clients"), fleet.sql("SELECT * FROM serials")
    for new, old, code in [
        ("absent", "taken", 404),
        ("unused", "absent", 404),
        ("unused", "other", 404),
        ("taken2", "taken", 409),
        ("orphan", "taken", 409),
        ("unused", "orphan", 409),
        ("unused", "unused2", 409),
        ("unused", "unused", 409),
        ("taken", "taken", 409),
    ]:
        assert fleet.wire.code("POST", f"{G1}/{new}", f"enable=true&oldsn={old}") == code, (new, old)
    assert fleet.wire.code("POST", f"{MODELS}nope/unused", "enable=true&oldsn=taken") == 404
    assert (fleet.sql("SELECT * FROM clients"), fleet.sql("SELECT * FROM serials")) == before
