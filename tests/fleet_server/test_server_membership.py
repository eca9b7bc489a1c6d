"""Who may read what, against a model that walks every chain of memberships by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from station.database import connect
from station.fleet.server import init
from station.fleet.server.membership import forget, groups_of, inside_itself, may_read, readable
from station.fleet.server.schema import migrations

NOW = 1_900_000_000
LAPSED, LIVE = (1, NOW - 1, NOW), (0, NOW + 1)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The tables, with the models 1 and 2; what a test writes is never committed."""
    path = Path(tmp_path_factory.mktemp("membership")) / "fleet.db"
    init(path, "acme", ["g1", "g2"])
    connected = connect(path, migrations)
    yield connected
    connected.conn.close()


@pytest.fixture
def rows(db: Database) -> Iterator[Rows]:
    db.conn.execute("BEGIN")
    yield Rows(db)
    db.conn.execute("ROLLBACK")


class Rows:
    """Groups, their members and content, written as rows."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def group(self, name: str, *members: tuple[str, str, int], model: int = 1) -> None:
        self.db.execute("INSERT INTO groups(model, name, meta) VALUES (?, ?, '')", [model, name])
        for type, member, expire in members:
            self.put(name, type, member, expire, model)

    def put(self, group: str, type: str, member: str, expire: int = 0, model: int = 1) -> None:
        sql = """INSERT INTO members("group", type, member, expire, meta)
            SELECT id, ?, ?, ?, '' FROM groups WHERE name = ? AND model = ?"""
        self.db.execute(sql, [type, member, expire, group, model])

    def content(self, name: str, protected: bool = True, model: int = 1) -> None:
        sql = "INSERT INTO contents(model, name, meta, protected, updated) VALUES (?, ?, '', ?, 0)"
        self.db.execute(sql, [model, name, protected])

    def check(self, sn: str, *expected: str, model: int = 1) -> None:
        assert readable(self.db, model, sn, NOW) == [*expected]
        for (name,) in self.db.execute("SELECT name FROM contents WHERE model = ?", [model]).fetchall():
            assert may_read(self.db, model, name, sn, NOW) is (name in expected), name


def test_unprotected_content_is_for_all_and_nothing_is_for_none(rows: Rows) -> None:
    for name, protected in [("z", False), ("secret", True), ("a", False)]:
        rows.content(name, protected)
    rows.check("A1", "z", "a")
    assert not may_read(rows.db, 1, "nothing", "A1", NOW)


def test_one_group_with_both(rows: Rows) -> None:
    rows.content("fw")
    rows.group("crew", ("sn", "A1", 0), ("content", "fw", 0), ("sn", "A2", 0))
    rows.group("other", ("sn", "B1", 0))
    rows.check("A1", "fw")
    rows.check("A2", "fw")
    rows.check("B1")
    rows.check("fw")
    rows.check("crew")


@pytest.mark.parametrize("expire", LAPSED)
@pytest.mark.parametrize("link", range(4))
def test_a_lapsed_link_anywhere_cuts_the_chain(rows: Rows, link: int, expire: int) -> None:
    expires = [NOW + 1] * 4
    expires[link] = expire
    rows.content("fw")
    rows.group("top", ("group", "left", expires[0]), ("group", "right", expires[1]))
    rows.group("left", ("sn", "A1", expires[2]))
    rows.group("right", ("content", "fw", expires[3]))
    rows.check("A1")
    rows.group("way-round", ("group", "left", 0), ("content", "fw", NOW + 1))
    rows.check("A1", *([] if link == 2 else ["fw"]))


def test_a_group_inside_shares_with_the_one_around_and_not_with_its_neighbour(rows: Rows) -> None:
    rows.content("common")
    rows.content("inner")
    rows.group("common", ("group", "line", 0), ("content", "common", 0))
    rows.group("line", ("sn", "A1", 0), ("content", "inner", 0))
    rows.group("bystanders", ("sn", "B1", 0), ("content", "common", 0))
    rows.check("A1", "common", "inner")
    rows.check("B1", "common")


def test_what_is_called_like_content_is_not_content(rows: Rows) -> None:
    for name in ("fw", "x"):
        rows.content(name)
    rows.group("crew", ("sn", "A1", 0), ("sn", "fw", 0), ("group", "x", 0))
    rows.group("x", ("sn", "x", 0))
    for sn in ("A1", "fw", "x"):
        rows.check(sn)


def test_models_do_not_meet_by_name(rows: Rows) -> None:
    for model in (1, 2):
        rows.content("fw", model=model)
    rows.group("inner", ("sn", "A1", 0), model=1)
    rows.group("outer", ("group", "inner", 0), ("content", "fw", 0), model=2)
    rows.group("inner", ("sn", "A2", 0), model=2)
    rows.check("A1", model=1)
    rows.check("A1", model=2)
    rows.check("A2", "fw", model=2)
    assert groups_of(rows.db, 1, "group", "inner", 0, 5) == []
    forget(rows.db, 1, "group", "inner")
    rows.check("A2", "fw", model=2)
    forget(rows.db, 2, "group", "inner")
    rows.check("A2", model=2)


def test_a_nest_of_a_thousand(rows: Rows) -> None:
    rows.content("fw")
    rows.group("0", ("content", "fw", 0), ("group", "1", 0))
    for n in range(1, 1000):
        rows.group(str(n), ("group", str(n + 1), 0))
    rows.group("1000", ("sn", "A1", 0))
    rows.check("A1", "fw")
    assert not inside_itself(rows.db, 1, "0")
    rows.put("1000", "group", "0", expire=LAPSED[0])
    assert inside_itself(rows.db, 1, "0")
    assert inside_itself(rows.db, 1, "1000")
    rows.check("A1", "fw")


def test_groups_of_pages_in_the_order_of_joining(rows: Rows) -> None:
    for name in ("z", "m", "a"):
        rows.group(name)
    for name in ("m", "z", "a"):
        rows.put(name, "sn", "A1", expire=LAPSED[0])
    assert groups_of(rows.db, 1, "sn", "A1", 0, 5) == ["m", "z", "a"]
    assert groups_of(rows.db, 1, "sn", "A1", 1, 1) == ["z"]
    assert groups_of(rows.db, 1, "content", "A1", 0, 5) == []


# ---------------------------------------------------------------- any nest


@dataclass
class Nest:
    """Groups 0, 1, 2, ...; a group holds only later ones, so that there is no cycle."""

    live: dict[tuple[int, str, str], bool] = field(default_factory=dict)

    def inside(self, group: int, type: str) -> set[str]:
        """Everything of one type that hangs below a group by live links."""
        found = set()
        for (outer, kind, member), live in self.live.items():
            if outer == group and live:
                if kind == type:
                    found.add(member)
                if kind == "group":
                    found |= self.inside(int(member), type)
        return found


LINK = st.one_of(
    st.tuples(st.integers(0, 6), st.just("sn"), st.sampled_from(["A1", "A2"])),
    st.tuples(st.integers(0, 6), st.just("content"), st.sampled_from(["x", "y", "z"])),
    st.tuples(st.integers(0, 5), st.just("group"), st.integers(1, 6))
    .filter(lambda link: link[0] < link[2])
    .map(lambda link: (link[0], link[1], str(link[2]))),
)


@settings(deadline=None, max_examples=150)
@given(links=st.dictionaries(LINK, st.sampled_from(LAPSED + LIVE * 3), max_size=14))
def test_any_nest_grants_what_walking_it_by_hand_does(db: Database, links: dict[tuple[int, str, str], int]) -> None:
    nest = Nest({link: expire in LIVE for link, expire in links.items()})
    db.conn.execute("BEGIN")
    try:
        rows = Rows(db)
        for name in "xyz":
            rows.content(name)
        for group in range(7):
            rows.group(str(group), *((t, m, expire) for (g, t, m), expire in links.items() if g == group))
        for sn in ("A1", "A2"):
            granted = set().union(*(nest.inside(g, "content") for g in range(7) if sn in nest.inside(g, "sn")))
            rows.check(sn, *sorted(granted))
        assert not any(inside_itself(db, 1, str(group)) for group in range(7))
    finally:
        db.conn.execute("ROLLBACK")


def test_the_check_constraints_know_no_other_type(rows: Rows) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.group("crew", ("serial", "A1", 0))
