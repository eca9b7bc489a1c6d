"""The ``Date`` of an answer: what the fleet takes for the time (RFC 9110, 5.6.7 and 6.6.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"({'|'.join(_DAYS)}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"
)
"""The one form that anybody may send; the two obsolete ones are not read, since nobody is to be believed by halves."""


def http_date(text: str) -> int | None:
    """Return an HTTP date as UTC microseconds since 1970; None if it is none, or none that a calendar has."""
    if (found := _DATE.fullmatch(text)) is None:
        return None
    day, *numbers = found.groups()
    date, month, year, hour, minute, second = numbers[0], _MONTHS.index(numbers[1]) + 1, *numbers[2:]
    try:
        when = datetime(int(year), month, int(date), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    return round(when.timestamp()) * 1_000_000 if _DAYS[when.weekday()] == day else None


def date_of(headers: Mapping[str, str]) -> int | None:
    """Return when an answer was made; None if it does not say so, or if a cache has kept it (``Age``)."""
    return http_date(headers.get("date", "")) if "age" not in headers else None
