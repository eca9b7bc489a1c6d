"""The words in which the conformance table is written.

A row asks one thing of a fleet that stands as its ``before`` left it, and
says what must come back and how other procedures see the fleet afterwards.
Nothing here is taken from the code under test.  Texts are templates: ``$rid``
and the like are what the scene knows (``conformance_far_end``), ``$HEX`` is any
40 lower-case hex digits, ``$NOW`` any Unix time of these years.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from string import Template
from typing import Any

FORM = "application/x-www-form-urlencoded; charset=utf-8"
CSV = "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/javascript; charset=utf-8"

_UNKNOWN = {"HEX": "[0-9a-f]{40}", "NOW": "[12][0-9]{9}"}


@dataclass(frozen=True)
class Ask:
    """A request.  A target without its first slash lies under ``/provision/manage/``."""

    method: str
    target: str
    body: str | bytes = b""
    type: str = ""
    """Its content type; no such header if empty."""
    who: str = "token"
    """With which credential: a key of ``conformance_far_end.CREDENTIALS``."""
    keep: str = ""
    """The word under which the answer's body is known afterwards."""
    range: str = ""

    @property
    def path(self) -> str:
        return self.target if self.target.startswith("/") else f"/provision/manage/{self.target}"


def get(target: str, who: str = "token", range: str = "") -> Ask:
    return Ask("GET", target, who=who, range=range)


def post(target: str, body: str | bytes, type: str = FORM, who: str = "token", keep: str = "") -> Ask:
    return Ask("POST", target, body, type, who, keep)


def put(target: str, body: str, type: str = FORM, who: str = "token") -> Ask:
    return Ask("PUT", target, body, type, who)


def delete(target: str, body: str = "", type: str = "", who: str = "token") -> Ask:
    return Ask("DELETE", target, body, type, who)


@dataclass(frozen=True)
class Answer:
    """A reply: its status, its body and that body's content type; ``headers`` are further ones."""

    status: int
    body: str | bytes = ""
    type: str = ""
    headers: Mapping[str, str] | None = None


CHANGED, NOTHING = Answer(205), Answer(204)


def value(text: str, type: str = TEXT) -> Answer:
    """200 with a value to the byte."""
    return Answer(200, text, type)


def record(text: str) -> Answer:
    """200 with one record, which has no line end."""
    return Answer(200, text, CSV)


def lines(*records: str) -> Answer:
    """200 with a list, whose last line is ended too; nothing at all if it is empty."""
    return Answer(200, "".join(f"{line}\r\n" for line in records), CSV)


def refused(status: int) -> Answer:
    """An error, whose body repeats the status line (``conformance_far_end`` checks that of every one)."""
    return Answer(status, type=TEXT)


Step = Ask | Callable[[Any], None]
"""What makes the fleet stand as a row needs it: a request that must succeed, or something done to the scene."""

Seen = tuple[Ask, Answer]


@dataclass(frozen=True)
class Row:
    """One row of the table: ``call`` asks the same of a client, given also the scene's words; ``result``
    is what that gives.

    A refusal's ``result`` follows from its status, unless there is one: some
    refusals are no errors to a client.  Without a ``call`` the
    row is for the raw socket only: what no client of ours would send.
    """

    number: str
    says: str
    ask: Ask
    answer: Answer
    before: tuple[Step, ...] = ()
    after: tuple[Seen, ...] = ()
    call: Callable[[Any, Any], object] | None = None
    result: object = None

    @property
    def id(self) -> str:
        return f"{self.number} {self.says}"


def row(
    number: str,
    says: str,
    ask: Ask,
    answer: Answer | int,
    *,
    before: Iterable[Step | Iterable[Step]] = (),
    after: Iterable[Seen] = (),
    call: Callable[[Any, Any], object] | None = None,
    result: object = None,
) -> Row:
    """Return a row; a bare number is a refusal, and nested steps are laid flat."""
    return Row(
        number,
        says,
        ask,
        refused(answer) if isinstance(answer, int) else answer,
        tuple(_flat(before)),
        tuple(after),
        call,
        result,
    )


def _flat(steps: Iterable[Any]) -> Iterable[Step]:
    for step in steps:
        if isinstance(step, Ask) or callable(step):
            yield step
        else:
            yield from _flat(step)


# ---------------------------------------------------------------- how a serial number gets where it is


def listed(*serials: str) -> tuple[Ask, ...]:
    return tuple(post("model/g1/", f"sn={sn}") for sn in serials)


def enabled(sn: str = "A1", keep: str = "rid") -> tuple[Ask, ...]:
    return (*listed(sn), post(f"model/g1/{sn}", "enable=true&owner=$owner", keep=keep))


def activation(sn: str = "A1", keep: str = "cik") -> Ask:
    return post("/provision/activate", f"vendor=$vendor&model=g1&sn={sn}", who="nobody", keep=keep)


def active(sn: str = "A1", rid: str = "rid", cik: str = "cik") -> tuple[Ask, ...]:
    return (*enabled(sn, rid), activation(sn, cik))


def disabled(sn: str = "A1") -> tuple[Ask, ...]:
    return (*enabled(sn), post(f"model/g1/{sn}", "disable=true"))


def orphaned(sn: str = "A1") -> tuple[Step, ...]:
    return (*enabled(sn), lambda scene: scene.drop("rid"))


def lapsed(sn: str = "A1") -> tuple[Step, ...]:
    return (*enabled(sn), lambda scene: scene.lapse("rid"))


def locked(sn: str = "A1") -> tuple[Step, ...]:
    return (*enabled(sn), lambda scene: scene.describe("rid", locked=True))


SPAN = '{"ranges":[{"format":"base10","length":4,"casing":null,"first":10,"last":19}]}'

IN_RANGE = post("model/g1/", SPAN, JSON)
"""A range that holds ``0010`` to ``0019``."""


# ---------------------------------------------------------------- comparing


def filled(text: str, words: Mapping[str, str]) -> str:
    return Template(text).safe_substitute(words)


def fits(template: str, text: str, words: Mapping[str, str]) -> bool:
    """Tell whether a text is what the template says."""
    pattern = re.escape(filled(template, words))
    for name, digits in _UNKNOWN.items():
        pattern = pattern.replace(re.escape(f"${name}"), digits)
    return re.fullmatch(pattern, text) is not None


def plain(result: object) -> Any:
    """Return what a client's method gave, without the client's own types: records as tuples, lists as lists."""
    if is_dataclass(result):
        return tuple(plain(getattr(result, field.name)) for field in fields(result))
    if isinstance(result, str):
        return str(result)
    if isinstance(result, frozenset):
        return sorted(plain(item) for item in result)
    if isinstance(result, Iterable) and not isinstance(result, bytes):
        return [plain(item) for item in result]
    return result


def same(expected: object, found: object, words: Mapping[str, str]) -> bool:
    """Compare a plain result with what a row expects; its texts are templates."""
    if isinstance(expected, str):
        return not isinstance(found, list | tuple | bytes | bool) and fits(expected, str(found), words)
    if isinstance(expected, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(expected) == len(found)
            and all(same(one, other, words) for one, other in zip(expected, found, strict=True))
        )
    return type(expected) is type(found) and expected == found
