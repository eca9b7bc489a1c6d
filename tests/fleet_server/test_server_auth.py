"""Who may call what (API document, section 1.2), and that nothing secret is shown."""

from __future__ import annotations

import logging

import pytest
from fleet_wire import G1, MODELS, Fleet, body, status

from station.fleet.server import init

MANAGE = "/provision/manage"

MANAGEMENT = [
    ("POST", MODELS),
    ("GET", G1),
    ("GET", G1 + "/"),
    ("POST", G1 + "/"),
    ("GET", G1 + "/A1"),
    ("POST", G1 + "/A1"),
    ("DELETE", G1 + "/A1"),
    ("PUT", G1),
    ("DELETE", G1),
    ("DELETE", G1 + "/"),
    ("GET", MANAGE + "/content/g1/"),
    ("POST", MANAGE + "/content/g1/"),
    ("GET", MANAGE + "/content/g1/c"),
    ("POST", MANAGE + "/content/g1/c"),
    ("DELETE", MANAGE + "/content/g1/c"),
    ("GET", MANAGE + "/group/g1/"),
    ("POST", MANAGE + "/group/g1/"),
    ("GET", MANAGE + "/group/g1/g"),
    ("DELETE", MANAGE + "/group/g1/g"),
    ("GET", MANAGE + "/group/g1/g/"),
    ("POST", MANAGE + "/group/g1/g/"),
    ("DELETE", MANAGE + "/group/g1/g/"),
    ("GET", MANAGE + "/share/g1/"),
    ("POST", MANAGE + "/share/g1/"),
    ("GET", MANAGE + "/share/g1/v"),
    ("DELETE", MANAGE + "/share/g1/v"),
    ("GET", MANAGE + "/nowhere"),
    ("BREW", MANAGE + "/model/"),
]


def device_key(fleet: Fleet) -> str:
    fleet.add("D1")
    fleet.enable("D1")
    return body(fleet.wire.activate("D1")).decode()


@pytest.mark.parametrize(("method", "path"), MANAGEMENT)
def test_every_management_path_refuses_all_but_a_vendor(fleet: Fleet, method: str, path: str) -> None:
    fleet.add("A1")
    device = device_key(fleet)
    token, cik = fleet.grant.token, fleet.grant.vendor_cik
    wrong = "0" * 40
    form = "disable=true&sn=A1&model=m"
    for headers, code in [
        ({}, 401),
        ({"X-Exosite-Token": "", "X-Exosite-CIK": ""}, 401),
        ({"X-Exosite-Token": wrong}, 401),
        ({"X-Exosite-CIK": wrong}, 401),
        ({"X-Exosite-Token": token[:-1]}, 401),
        ({"X-Exosite-Token": cik}, 401),
        ({"X-Exosite-CIK": token}, 401),
        ({"X-Exosite-Token": wrong, "X-Exosite-CIK": cik}, 401),
        ({"X-Exosite-Token": f"{token}, {token}"}, 401),
        ({"X-Exosite-CIK": device}, 403),
        ({"X-Exosite-Token": token, "X-Exosite-Vendor": "other"}, 403),
    ]:
        assert fleet.wire.code(method, path, form, headers) == code, headers
    assert fleet.see("A1") == "204"


OTHERS = {
    # Elsewhere: nothing, device CIK, vendor CIK, token, and a CIK sent as a token.
    ("POST", "/provision/activate"): (404, 404, 404, 404, 404),
    ("GET", "/provision/download?vendor=acme&model=g1"): (401, 200, 403, 401, 200),
    ("GET", "/provision/download?vendor=acme&model=g1&id=c"): (401, 404, 403, 401, 404),
    ("GET", "/provision/download?vendor=acme&model=g1&id=c&info=true"): (401, 404, 403, 401, 404),
    ("POST", "/provision/download"): (401, 405, 405, 401, 405),
    ("GET", "/provision/register"): (401, 404, 200, 401, 404),
    ("POST", "/provision/register"): (401, 409, 409, 401, 409),
    ("GET", "/provision/admin/auth"): (401, 403, 200, 403, 401),
    ("GET", "/provision/admin/auth/"): (401, 403, 200, 403, 401),
    ("POST", "/provision/admin/auth"): (401, 403, 409, 403, 401),
    ("POST", "/provision/admin/auth/"): (401, 403, 409, 403, 401),
    ("GET", "/provision/admin/auth/nope"): (401, 403, 404, 403, 401),
    ("DELETE", "/provision/admin/auth/nope"): (401, 403, 404, 403, 401),
    ("GET", "/provision/admin/nowhere"): (401, 403, 404, 403, 401),
    ("GET", "/ip"): (200, 200, 200, 200, 200),
    ("GET", "/timestamp"): (200, 200, 200, 200, 200),
}


def test_the_other_paths_let_in_whom_the_matrix_names(fleet: Fleet) -> None:
    device, cik, token = device_key(fleet), fleet.grant.vendor_cik, fleet.grant.token
    init(fleet.database, "other")
    form = "vendor=other&model=g1&sn=X&id=station"
    for (method, path), codes in OTHERS.items():
        asked = [
            {},
            {"X-Exosite-CIK": device},
            {"X-Exosite-CIK": cik},
            {"X-Exosite-Token": token},
            {"X-Exosite-Token": device},
        ]
        seen = tuple(fleet.wire.code(method, path, form, headers) for headers in asked)
        assert seen == codes, (method, path)
        empty = {"X-Exosite-Token": "", "X-Exosite-CIK": ""}
        assert fleet.wire.code(method, path, form, empty) == codes[0], (method, path)
        if codes[0] == 401:
            for header in ("X-Exosite-CIK", "X-Exosite-Token"):
                assert fleet.wire.code(method, path, form, {header: "0" * 40}) == 401, (method, path)


def test_with_both_credentials_the_cik_decides_elsewhere(fleet: Fleet) -> None:
    device, cik, token = device_key(fleet), fleet.grant.vendor_cik, fleet.grant.token
    for path in ("/provision/register", "/provision/admin/auth/"):
        assert fleet.wire.code("GET", path, "", {"X-Exosite-CIK": cik, "X-Exosite-Token": "0" * 40}) == 200
        assert fleet.wire.code("GET", path, "", {"X-Exosite-CIK": "0" * 40, "X-Exosite-Token": token}) == 401
        assert fleet.wire.code("GET", path, "", {"X-Exosite-CIK": "0" * 40, "X-Exosite-Token": cik}) == 401
    path = "/provision/download?vendor=acme&model=g1"
    assert fleet.wire.code("GET", path, "", {"X-Exosite-CIK": device, "X-Exosite-Token": cik}) == 200
    assert fleet.wire.code("GET", path, "", {"X-Exosite-CIK": cik, "X-Exosite-Token": device}) == 403


def test_token_and_vendor_cik_are_equal(fleet: Fleet) -> None:
    token, cik = fleet.grant.token, fleet.grant.vendor_cik
    for headers in [
        {"X-Exosite-Token": token},
        {"x-exosite-token": token.upper()},
        {"X-EXOSITE-CIK": cik},
        {"X-Exosite-Token": "", "X-Exosite-CIK": cik},
        {"X-Exosite-Token": token, "X-Exosite-CIK": "0" * 40},
        {"X-Exosite-Token": token, "X-Exosite-Vendor": "acme"},
        {"X-Exosite-Token": token, "X-Exosite-Vendor": ""},
    ]:
        assert fleet.wire.code("GET", G1, "", headers) == 200, headers


def test_a_foreign_vendor_sees_nothing(fleet: Fleet) -> None:
    other = init(fleet.database, "other")
    fleet.add("A1")
    headers = {"X-Exosite-Token": other.token}
    assert fleet.wire.code("GET", G1, "", headers) == 404
    assert fleet.wire.code("DELETE", f"{G1}/A1", "", headers) == 404
    assert fleet.wire.code("POST", MODELS, f"model=g1&rid={fleet.grant.template_rid}", headers) == 404
    assert fleet.wire.code("POST", MODELS, f"model=g1&rid={other.template_rid}", headers) == 205
    assert fleet.see("A1") == "204"


def test_a_device_key_that_is_not_activated_is_unknown(fleet: Fleet) -> None:
    key = device_key(fleet)
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": key}) == 403
    assert fleet.wire.code("POST", f"{G1}/D1", "disable=true") == 205
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": key}) == 401
    assert fleet.wire.code("POST", f"{G1}/D1", "enable=true") == 205
    fresh = fleet.sql("SELECT cik FROM clients WHERE phase = 'notactivated'")[0][0]
    assert fleet.wire.code("GET", G1, "", {"X-Exosite-CIK": str(fresh)}) == 401


def test_a_vendors_token_is_worth_what_its_clients_key_is(fleet: Fleet) -> None:
    key = {"X-Exosite-CIK": device_key(fleet)}
    assert fleet.wire.code("POST", "/provision/register", "vendor=device", key) == 205
    token = body(fleet.wire.ask("POST", "/provision/admin/auth/", "id=t", key)).decode()
    device = {"X-Exosite-Token": token}
    assert fleet.wire.code("GET", MODELS, "", device) == 200
    fleet.sql("UPDATE clients SET locked = 1 WHERE cik = ?", key["X-Exosite-CIK"])
    assert fleet.wire.code("GET", MODELS, "", device) == 403
    fleet.sql("UPDATE clients SET locked = 0 WHERE cik = ?", key["X-Exosite-CIK"])
    for ends in (("POST", f"{G1}/D1", "disable=true"), ("DELETE", f"{G1}/D1", "")):
        assert fleet.wire.code(*ends) == 205
        assert fleet.wire.code("GET", MODELS, "", device) == 401
        assert fleet.wire.code("GET", "/provision/admin/auth/", "", device) == 401


def test_activation_ignores_credentials(fleet: Fleet) -> None:
    fleet.add("A1")
    fleet.enable("A1")
    form = "vendor=acme&model=g1&sn=A1"
    assert fleet.wire.code("POST", "/provision/activate", form, {"X-Exosite-Token": "", "X-Exosite-CIK": "no"}) == 200


def test_secrets_are_in_no_log_and_no_repr(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = device_key(fleet)
    assert fleet.wire.code("DELETE", f"{G1}/D1") == 205
    assert "detached" in caplog.text
    for secret in (key, fleet.grant.token, fleet.grant.vendor_cik):
        assert secret not in caplog.text + repr(fleet.grant)


def test_the_grant_is_the_same_every_time(fleet: Fleet) -> None:
    # A device called "portal" right below the creator must not be taken for the portal.
    creator = str(fleet.sql("SELECT rid FROM clients WHERE parent IS NULL")[0][0])
    fleet.add("portal")
    assert fleet.wire.code("POST", f"{G1}/portal", f"enable=true&owner={creator}") == 200
    assert init(fleet.database, "acme") == fleet.grant
    assert fleet.sql("SELECT count(*) FROM vendors, tokens") == [(1,)]
    values = (fleet.grant.vendor_cik, fleet.grant.token, fleet.grant.template_rid, fleet.grant.owner_rid)
    assert len(set(values)) == 4 and all(len(v) == 40 for v in values)


def test_a_vendor_needs_a_legal_name(fleet: Fleet) -> None:
    for name in ("", "a b", "a/b", "x" * 65):
        with pytest.raises(ValueError, match="vendor"):
            init(fleet.database, name)


def test_the_file_is_for_its_owner_only(fleet: Fleet) -> None:
    assert fleet.database.stat().st_mode & 0o077 == 0
    assert status(fleet.wire.ask("GET", G1)) == 200
