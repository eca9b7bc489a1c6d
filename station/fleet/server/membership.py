"""Who is in which group, and which content a serial number may read for it (API document, sections 5 and 6).

A group holds serial numbers, content and other groups of its model by name.
A membership with ``expire`` ahead, or without one, is live; one that has
lapsed grants nothing, anywhere on the way, but stays until it is removed.
"""

from __future__ import annotations

from enum import StrEnum

from sqlite_utils import Database

_LIVE = "(members.expire = 0 OR members.expire > :now)"


def _around(table: str, type: str, live: str) -> str:
    """Return the clause of a query that collects the groups around ``:type``, directly or through others.

    CROSS JOIN keeps to the order in which it is written: to SQLite's planner
    few memberships are of groups, and it would begin with all of them.
    """
    return f"""{table}(id, name) AS (
      SELECT groups.id, groups.name FROM members JOIN groups ON groups.id = members."group"
        WHERE members.type = '{type}' AND members.member = :{type} AND groups.model = :model AND {live}
      UNION SELECT groups.id, groups.name FROM {table}
        CROSS JOIN members ON members.type = 'group' AND members.member = {table}.name
        CROSS JOIN groups ON groups.id = members."group"
        WHERE groups.model = :model AND {live})"""


_MAY_READ = f"""WITH RECURSIVE {_around("around_sn", "sn", _LIVE)}, {_around("around_content", "content", _LIVE)}
    SELECT 1 FROM contents WHERE model = :model AND name = :content
      AND (NOT protected OR EXISTS (SELECT 1 FROM around_sn JOIN around_content USING (id)))"""

_READABLE = f"""WITH RECURSIVE {_around("around", "sn", _LIVE)},
    within(id) AS (
      SELECT id FROM around
      UNION SELECT groups.id FROM within
        CROSS JOIN members ON members."group" = within.id AND members.type = 'group'
        CROSS JOIN groups ON groups.model = :model AND groups.name = members.member
        WHERE {_LIVE})
    SELECT name FROM contents WHERE model = :model AND (NOT protected OR name IN (
      SELECT members.member FROM within CROSS JOIN members ON members."group" = within.id AND members.type = 'content'
        WHERE {_LIVE}))
    ORDER BY id"""

_INSIDE_ITSELF = f"WITH RECURSIVE {_around('around', 'group', 'TRUE')} SELECT 1 FROM around WHERE name = :group"

_GROUPS_OF = """SELECT groups.name FROM members JOIN groups ON groups.id = members."group"
    WHERE members.type = ? AND members.member = ? AND groups.model = ? ORDER BY members.id LIMIT ? OFFSET ?"""

# Not IN: then SQLite would look the member up in every group of the model.
_FORGET = """DELETE FROM members WHERE type = ? AND member = ?
    AND EXISTS (SELECT 1 FROM groups WHERE groups.id = members."group" AND groups.model = ?)"""


class Type(StrEnum):
    """What can be a member."""

    SN = "sn"
    CONTENT = "content"
    GROUP = "group"


def may_read(db: Database, model: int, content: str, sn: str, now_s: int) -> bool:
    """Tell whether a serial number may read a content entry: an unprotected one, or one that shares a group with it.

    ``now_s`` is in Unix seconds.  False too if there is no such entry.
    """
    values = {"model": model, "content": content, "sn": sn, "now": now_s}
    return db.execute(_MAY_READ, values).fetchone() is not None


def readable(db: Database, model: int, sn: str, now_s: int) -> list[str]:
    """Return the ids of all content entries that a serial number may read, oldest first."""
    return [name for (name,) in db.execute(_READABLE, {"model": model, "sn": sn, "now": now_s})]


def groups_of(db: Database, model: int, type: str, name: str, offset: int, limit: int) -> list[str]:
    """Return a page of the groups that have it as a direct member, lapsed or not, in the order of joining."""
    return [group for (group,) in db.execute(_GROUPS_OF, [type, name, model, limit, offset])]


def forget(db: Database, model: int, type: str, name: str) -> None:
    """Take what is being deleted out of every group that it is a direct member of."""
    db.execute(_FORGET, [type, name, model])


def inside_itself(db: Database, model: int, group: str) -> bool:
    """Tell whether a group is a member of itself, directly or through others; lapsed memberships count."""
    return db.execute(_INSIDE_ITSELF, {"model": model, "group": group}).fetchone() is not None
