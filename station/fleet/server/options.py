"""What may be set on a server, each with the value that the API document recommends (its section 14)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of one server; the numbers are those of section 14."""

    window_s: int = 86_400
    """The activation window in seconds of models without one of their own (25)."""
    content_bytes: int = 100 * 1024 * 1024
    """The largest content that may be uploaded (41, section 1.10)."""
    unknown_activation: HTTPStatus = HTTPStatus.NOT_FOUND
    """What D1 answers for an unknown vendor, model or serial number: 404, or 403 as other manuals say (2)."""
    wrapped_ranges: bool = False
    """Whether M34 answers the object of the documents instead of the bare array of the real service (6)."""
    behind_proxy: bool = False
    """Whether the last address in ``X-Forwarded-For`` is the peer that the activation log names (27)."""
