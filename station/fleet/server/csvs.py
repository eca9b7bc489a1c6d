"""Lists that clients send (API document, section 1.5)."""

from __future__ import annotations

import csv
import io
from http import HTTPStatus

from station.fleet.server.names import TooLong
from station.fleet.server.replies import Refused

RECORDS = 100_000
"""The most records of one list: about a second's work, during which nobody else is answered."""


def records(text: str) -> list[list[str]]:
    """Return the records of a CSV text, empty lines skipped.

    Lines end with LF or CRLF, the last one perhaps not at all; fields are
    quoted after RFC 4180 or not; blanks are data.  Raises ``Refused`` (400)
    with the number of the line on which a record begins that is no CSV, and
    for a list without a record; ``TooLong`` (413) beyond ``RECORDS``.
    """
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    found, begun = [], 1
    try:
        for record in reader:
            begun = reader.line_num + 1
            if record:
                found.append(record)
                if len(found) > RECORDS:
                    raise TooLong(f"a list has at most {RECORDS} records")
    except csv.Error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"line {begun} is not CSV") from None
    if not found:
        raise Refused(HTTPStatus.BAD_REQUEST, "the list is empty")
    return found
