"""The groups of a model and their members (API document, 6 and 8.3)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator

from station.fleet.client import names, pages, replies
from station.fleet.client.messages import CHANGED, CSV, FORM, LISTED, VALUE, Request, Sender
from station.fleet.client.results import GroupInfo, GroupMember, GroupRow, MemberType


class Groups:
    """Groups of serial numbers, contents and groups, which say what boards may read of protected content.

    Every method raises ``NameUnsafe`` before anything is sent, and beside
    the errors that it names the rest of ``FleetError``.  A method that takes
    many members sends one request; with none it sends nothing, and over
    10 MiB it raises ``TooLong``.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, model: str) -> Iterator[GroupRow]:
        """M12, ``GET /provision/manage/group/<model>/``: every group of the model, a page at a time.

        Raises ``NotFound`` (no such model).
        """
        return pages.walk(self._client, _all(model), replies.group_rows)

    def create(self, model: str, group: str, meta: str = "") -> None:
        """M13, ``POST /provision/manage/group/<model>/``: make a group without members, with a free text.

        Raises ``Conflict`` (there is one of this name) and ``NotFound`` (no
        such model).
        """
        self._change("POST", _all(model), names.form([("id", names.group(group)), ("meta", names.meta(meta))]))

    def remove(self, model: str, group: str) -> None:
        """M14, ``POST /provision/manage/group/<model>/``: the same as ``delete``, by a form.

        Raises ``NotFound`` (no such group or model).
        """
        self._change("POST", _all(model), names.form([("id", names.group(group)), ("delete", "true")]))

    def info(self, model: str, group: str) -> GroupInfo:
        """M15, ``GET /provision/manage/group/<model>/<id>``: its free text, and how many direct members it has.

        Raises ``NotFound`` (no such group or model).
        """
        return replies.group_info(self._client.send(Request("GET", _path(model, group), VALUE)))

    def parents(self, model: str, group: str) -> Iterator[str]:
        """M16, ``GET …/group/<model>/<id>?show=groups``: the groups that it is a direct member of, a page at a time.

        Raises ``NotFound`` (no such group or model).
        """
        return pages.walk(self._client, _path(model, group), replies.column, [("show", "groups")])

    def delete(self, model: str, group: str) -> None:
        """M17, ``DELETE /provision/manage/group/<model>/<id>``: the group goes, and its place in other groups.

        Raises ``NotFound`` (no such group or model).
        """
        self._change("DELETE", _path(model, group))

    def members(self, model: str, group: str) -> Iterator[GroupMember]:
        """M18, ``GET …/group/<model>/<id>/``: its direct members, expired ones too, a page at a time.

        Raises ``NotFound`` (no such group or model).
        """
        return pages.walk(self._client, _members(model, group), replies.group_members)

    def members_of_type(self, model: str, group: str, type: MemberType) -> Iterator[GroupMember]:
        """M19, ``GET …/group/<model>/<id>/?type=…``: those of ``members`` that are of one type, a page at a time.

        Raises ``NotFound`` (no such group or model).
        """
        return pages.walk(self._client, _members(model, group), replies.group_members, [("type", MemberType(type))])

    def members_named(self, model: str, group: str, member: str) -> builtins.list[GroupMember]:
        """M20, ``GET …/group/<model>/<id>/?id=…``: those of ``members`` that have this name, one a type at most.

        Raises ``NotFound`` (no such group or model).
        """
        path = names.query(_members(model, group), [("id", names.member(member))])
        return replies.group_members(self._client.send(Request("GET", path, LISTED)))

    def member(self, model: str, group: str, type: MemberType, member: str) -> GroupMember | None:
        """M21, ``GET …/group/<model>/<id>/?type=…&id=…``: one member; None if it isn't in the group.

        Raises ``NotFound`` (no such group or model).
        """
        path = names.query(_members(model, group), [("type", MemberType(type)), ("id", names.member(member, type))])
        return replies.group_member(self._client.send(Request("GET", path, LISTED)))

    def add(
        self, model: str, group: str, type: MemberType, members: Iterable[str], expire: int = 0, meta: str = ""
    ) -> None:
        """M22, ``POST …/group/<model>/<id>/``: make these members, by a form; those that are already are replaced.

        All get the same expiry (Unix seconds, 0 for never) and free text.
        All or none.  Raises ``NotFound`` (no such group, model or member),
        ``Conflict`` (a group would be in itself) and ``BadRequest``.
        """
        same = GroupMember(MemberType(type), "", expire, names.meta(meta))
        if ids := _ids(same.type, members):
            form = names.form([("type", same.type), *ids, ("expire", str(same.expire)), ("meta", same.meta)])
            self._change("POST", _members(model, group), form)

    def add_listed(self, model: str, group: str, members: Iterable[GroupMember]) -> None:
        """M23, ``POST …/group/<model>/<id>/``: make these members, as CSV; those that are already are replaced.

        All or none.  Raises as ``add`` does.
        """
        records = [
            (one.type, names.member(one.member, one.type), str(one.expire), names.meta(one.meta)) for one in members
        ]
        if records:
            self._change("POST", _members(model, group), names.lines(records), CSV)

    def remove_members(self, model: str, group: str, type: MemberType, members: Iterable[str]) -> None:
        """M24, ``POST …/group/<model>/<id>/``: take these members of one type out, by a form.

        Those that aren't in the group are passed over.  Raises ``NotFound``
        (no such group or model).
        """
        if ids := _ids(MemberType(type), members):
            form = names.form([("type", MemberType(type)), *ids, ("delete", "true")])
            self._change("POST", _members(model, group), form)

    def remove_listed(self, model: str, group: str, members: Iterable[tuple[MemberType, str]]) -> None:
        """M25, ``DELETE …/group/<model>/<id>/``: take these members out, as CSV.

        Those that aren't in the group are passed over.  Raises ``NotFound``
        (no such group or model).
        """
        if records := [(MemberType(type), names.member(member, type)) for type, member in members]:
            self._change("DELETE", _members(model, group), names.lines(records), CSV)

    def _change(self, method: str, path: str, body: bytes | None = None, type: str = FORM) -> None:
        self._client.send(Request(method, path, CHANGED, body, type))


def _all(model: str) -> str:
    return names.manage("group", names.model(model), "")


def _path(model: str, group: str) -> str:
    return names.manage("group", names.model(model), names.group(group))


def _members(model: str, group: str) -> str:
    return names.manage("group", names.model(model), names.group(group), "")


def _ids(type: MemberType, members: Iterable[str]) -> list[tuple[str, str]]:
    """Return the members as a form has them: one under ``id``, more as an array (API document, 8.3)."""
    ids = [names.member(member, type) for member in names.several(members)]
    return [("id" if len(ids) == 1 else "id[]", one) for one in ids]
