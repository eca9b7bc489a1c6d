"""What the procedures return, as frozen results; how a body becomes one is ``replies``' business."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class SerialStatus(StrEnum):
    """The states of a listed serial number (API document, sections 2 and 4)."""

    UNUSED = "unused"
    """Listed, and without a client."""
    NOTACTIVATED = "notactivated"
    """Enabled; its key waits to be fetched, 24 hours at most."""
    ACTIVATED = "activated"
    EXPIRED = "expired"
    """Its window closed, or it was disabled."""
    LOCKED = "locked"
    ORPHANED = "orphaned"
    """Its client was dropped behind its back; only deleting it helps."""


@dataclass(frozen=True, slots=True)
class SerialInfo:
    """What the fleet tells of one serial number (``M43``)."""

    status: SerialStatus
    rid: str | None = None
    """The client's RID, 40 hex digits; None while unused or orphaned."""
    extra: str = ""
    """The free text beside it; the fleet hides it while the number is unused or orphaned, and from guests."""


@dataclass(frozen=True, slots=True)
class SerialRow:
    """One line of a model's list (``M33``)."""

    serial: str
    status: SerialStatus | None
    """None from a fleet of before 2016, which doesn't list it."""
    rid: str | None
    extra: str


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a model's list (``M33``)."""

    rows: tuple[SerialRow, ...]
    offset: int
    limit: int
    """The lines that were asked for."""

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it: the API tells by a page that isn't full (section 1.6), by nothing else."""
        return len(self.rows) < self.limit


@dataclass(frozen=True, slots=True)
class Activation:
    """One line of a serial number's activation log (``M45``)."""

    at: int
    """Unix seconds, UTC."""
    peer: str
    """The IP address that asked, as the fleet saw it."""
    entry: str
    """What it sent, unescaped; a stranger's text."""


class ModelOption(StrEnum):
    """What is left out when a model's template is cloned (``M28``)."""

    NO_ALIASES = "noaliases"
    NO_COMMENTS = "nocomments"
    NO_HISTORICAL = "nohistorical"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model's boards are cloned from (``M28``, ``M30``): a template's RID, or a share code of it."""

    rid: str | None = None
    code: str | None = None
    options: frozenset[ModelOption] = frozenset()

    def __post_init__(self) -> None:
        if (self.rid is None) == (self.code is None):
            raise ValueError("a model is made of either a RID or a share code")


@dataclass(frozen=True, slots=True)
class ContentInfo:
    """What the fleet tells of one content (``M5``, ``M7``, ``D4``)."""

    type: str
    """The MIME type that it was uploaded with, parameters and all; empty before the first upload."""
    size: int
    """Bytes."""
    updated: int
    """Unix seconds of its last upload; before the first, of its creation."""
    meta: str
    protected: bool | None
    """Whether only authorised serial numbers may fetch it (section 5); None where the fleet doesn't tell."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a content, and where they stand in it."""

    data: bytes = field(repr=False)
    first: int
    total: int
    """The bytes of the whole content."""


@dataclass(frozen=True, slots=True)
class SharedModel:
    """A model that another vendor shares with us (``M27``)."""

    vendor: str
    """Whose it is."""
    model: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One line of a model's list of groups (``M12``)."""

    group: str
    meta: str


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What the fleet tells of one group (``M15``)."""

    meta: str
    count: int
    """Its direct members."""


class MemberType(StrEnum):
    """What may be in a group (API document, section 6)."""

    SN = "sn"
    """A serial number."""
    CONTENT = "content"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One membership of a group (``M18`` to ``M23``); type and member are its key."""

    type: MemberType
    member: str
    expire: int = 0
    """Unix seconds after which it grants nothing, though it stays listed; 0 for never."""
    meta: str = ""

    def __post_init__(self) -> None:
        if self.expire < 0:
            raise ValueError("a membership expires at an instant after 1970, or never (0)")
