"""The serial numbers of the vendor's own models, one by one and in bulk (API document, 8.5 and 8.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from station.fleet.client import names, pages, replies
from station.fleet.client.messages import CHANGED, CSV, FORM, Request
from station.fleet.client.shared_serials import SharedSerials


class Serials(SharedSerials):
    """Serial numbers, from listed to deleted.

    A method that takes many sends one request; with none it sends nothing.
    Over 10 MiB it raises ``TooLong`` and sends nothing either: to make
    pieces of it is the caller's, who knows what to do about a piece that is
    refused.
    """

    def shared_by(self, vendor: str) -> SharedSerials:
        """Return what we may do with the models that this vendor shares with us (``X-Exosite-Vendor``, section 7).

        All else on such a model would be refused, or be taken for our own
        model of that name by a fleet that passes over the header; so it is
        not offered.
        """
        return SharedSerials(self._client, shared_by=names.vendor(vendor))

    def add(self, model: str, serial: str, extra: str = "") -> None:
        """M35, ``POST …/model/<model>/``: list one serial number, with a free text beside it.

        Raises ``Conflict`` (it is listed already) and ``NotFound`` (no such
        model).
        """
        self._send("POST", model, names.form([("sn", names.serial(serial)), ("extra", names.extra(extra))]))

    def add_many(self, model: str, serials: Iterable[str]) -> None:
        """M36, ``POST …/model/<model>/``: list many serial numbers without texts, by a form.

        All or none: raises ``Conflict`` if one of them is listed already
        (which one, the fleet doesn't say), and ``NotFound`` (no such model).
        """
        if pairs := [("sn[]", names.serial(serial)) for serial in names.several(serials)]:
            self._send("POST", model, names.form(pairs))

    def add_rows(self, model: str, rows: Iterable[tuple[str, str]]) -> None:
        """M37, ``POST …/model/<model>/``: list many serial numbers, each with its free text, as CSV.

        All or none: raises ``Conflict`` if one of them is listed already
        (which one, the fleet doesn't say), and ``NotFound`` (no such model).
        """
        if records := [(names.serial(serial), names.extra(extra)) for serial, extra in rows]:
            self._send("POST", model, names.lines(records), CSV)

    def remove(self, model: str, serial: str) -> None:
        """M39, ``POST …/model/<model>/``: like ``delete``, by a form, and done too if it isn't listed.

        Raises ``NotFound`` (no such model, or only in a range).
        """
        self._send("POST", model, names.form([("delete", "true"), ("sn", names.serial(serial))]))

    def remove_many(self, model: str, serials: Iterable[str]) -> None:
        """M40, ``POST …/model/<model>/``: remove many by a form; those that aren't listed are passed over.

        Raises ``NotFound`` (no such model, or nothing but members of ranges).
        """
        if pairs := [("sn[]", names.serial(serial)) for serial in names.several(serials)]:
            self._send("POST", model, names.form([("delete", "true"), *pairs]))

    def remove_listed(self, model: str, serials: Iterable[str]) -> None:
        """M41, ``DELETE …/model/<model>/``: remove many as CSV; those that aren't listed are passed over.

        Raises ``NotFound`` (no such model, or nothing but members of ranges).
        """
        if records := [(names.serial(serial),) for serial in names.several(serials)]:
            self._send("DELETE", model, names.lines(records), CSV)

    def groups(self, model: str, serial: str) -> Iterator[str]:
        """M44, ``GET …/model/<model>/<sn>?show=groups``: the groups that have it as a direct member, a page at a time.

        Raises ``NotFound`` (not listed, or no such model).
        """
        path = names.manage("model", names.model(model), names.serial(serial))
        return pages.walk(self._client, path, replies.column, [("show", "groups")])

    def delete(self, model: str, serial: str) -> None:
        """M50, ``DELETE …/model/<model>/<sn>``: it is listed no more, and the key of its client dies.

        Raises ``NotFound`` (not listed, or no such model).
        """
        path = names.manage("model", names.model(model), names.serial(serial))
        self._client.send(Request("DELETE", path, CHANGED))

    def _send(self, method: str, model: str, body: bytes, type: str = FORM) -> None:
        path = names.manage("model", names.model(model), "")
        self._client.send(Request(method, path, CHANGED, body, type))
