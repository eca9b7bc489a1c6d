"""The table of the 67 procedures, and which statuses the API document gives each of them."""

from __future__ import annotations

import conformance_content
import conformance_device
import conformance_enabling
import conformance_groups
import conformance_members
import conformance_models
import conformance_ranges
import conformance_serial
import conformance_serials
import conformance_sharing
import conformance_transfers
import conformance_vendor
from conformance_words import Row

NUMBERS = [*(f"D{n}" for n in range(1, 5)), *(f"M{n}" for n in range(1, 64))]

ROWS: list[Row] = [
    *conformance_device.ROWS,
    *conformance_content.ROWS,
    *conformance_transfers.ROWS,
    *conformance_groups.ROWS,
    *conformance_members.ROWS,
    *conformance_models.ROWS,
    *conformance_serials.ROWS,
    *conformance_ranges.ROWS,
    *conformance_serial.ROWS,
    *conformance_enabling.ROWS,
    *conformance_sharing.ROWS,
    *conformance_vendor.ROWS,
]

FIRST: dict[str, Row] = {row.number: row for row in reversed(ROWS)}
"""The plain success of each procedure, from which its general refusals are derived."""

STATUSES: dict[str, str] = {
    "D1": "200 400 404 409",
    "D2": "200 401 403",
    "D3": "200 206 403 404 416",
    "D4": "200 400 403 404",
    "M1": "200 400",
    "M2": "200 400",
    "M3": "205 400 404 409",
    "M4": "205 400 404",
    "M5": "200 404",
    "M6": "200 206 403 404 416",
    "M7": "200 400 403",
    "M8": "200 206 403 404 416",
    "M9": "200 204 404",
    "M10": "205 404",
    "M11": "205 404",
    "M12": "200 204 400 404",
    "M13": "205 400 409",
    "M14": "205 404",
    "M15": "200 404",
    "M16": "200 204 404",
    "M17": "205 404",
    "M18": "200 204 404",
    "M19": "200 204 400",
    "M20": "200 204",
    "M21": "200 204",
    "M22": "205 400 404 409",
    "M23": "205 400",
    "M24": "205 400",
    "M25": "205 400",
    "M26": "200",
    "M27": "200",
    "M28": "205 400 404 409",
    "M29": "205 404",
    "M30": "200 404",
    "M31": "205 400 404",
    "M32": "205 404",
    "M33": "200 400 404",
    "M34": "200 404",
    "M35": "205 400 404 409 413",
    "M36": "205 400 409",
    "M37": "205 400 409",
    "M38": "205 400 409",
    "M39": "205 400 404",
    "M40": "205",
    "M41": "205 400 404",
    "M42": "205 400 404",
    "M43": "200 204 404 409",
    "M44": "200 204 404",
    "M45": "200 204 404",
    "M46": "200 400 403 404 409",
    "M47": "205 404 409",
    "M48": "205 403 404 409",
    "M49": "205 400 403 404 409",
    "M50": "205 404",
    "M51": "200 204 404",
    "M52": "205 400 404 409",
    "M53": "205 404",
    "M54": "204 404",
    "M55": "205 404",
    "M56": "200 404",
    "M57": "205 400 409",
    "M58": "205 404 409",
    "M59": "200 403",
    "M60": "200 400 403 409",
    "M61": "205 404",
    "M62": "200 403 404",
    "M63": "205 403 404",
}
"""Sections 8 and 14; 401, 403 and 405 for everybody are in ``test_conformance_general``."""

UNKNOWN_MODEL: dict[str, int] = {"D2": 403, "D3": 403, "D4": 400, "M1": 400, "M2": 400, "M6": 403, "M7": 400, "M8": 403}
"""What an unknown vendor and model is answered where it isn't 404 (section 10)."""

GUESTS = frozenset({"M33", "M43", "M45", "M46", "M47", "M48", "M49"})
"""What a vendor may ask of a model that another shares with it (section 7)."""
