"""The near end of the device provisioning and fleet management API.

``Client`` holds one noun an attribute: ``client.device.activate(...)``,
``client.models``, ``client.serials``.  A method is one procedure of the API
document; it returns, or raises what the caller must be able to tell apart::

    FleetError                      blame FLEET
    ├── Unanswered                  fleet-unanswered      don't know: it may have taken effect (timeout, cut, 5xx)
    │   ├── Garbled                 fleet-garbled         don't know: something answered, but not this API
    │   └── Unreachable             fleet-unreachable     certainly not done: nothing was sent
    │       └── Busy                fleet-busy            certainly not done: turned away unread (408, 429)
    ├── Refused                     fleet-refused         definitely refused, nothing changed (4xx)
    │   ├── BadRequest              fleet-bad-request     400
    │   ├── NotAllowed              fleet-not-allowed     401, 403
    │   ├── NotFound                fleet-not-found       404
    │   └── Conflict                fleet-conflict        409
    ├── ContentChanged              fleet-content-changed replaced while it was fetched: fetch it again
    ├── FileFailed                  blame STATION         fleet-file-failed: a local file can't be read or written
    └── Unsendable                  blame STATION         the station would not send it
        ├── NameUnsafe              fleet-name-unsafe
        ├── TooLong                 fleet-too-long
        ├── TokenUnusable           fleet-token-unusable
        └── UrlUnusable             fleet-url-unusable

Nothing that changes the fleet is ever sent twice by this package, whatever
happens to it: looking before repeating is the caller's business.  Token and
key are in no error, log or ``repr``.
"""

from station.fleet.client.client import Client
from station.fleet.client.errors import (
    BadRequest,
    Busy,
    Conflict,
    ContentChanged,
    FileFailed,
    FleetError,
    Garbled,
    NameUnsafe,
    NotAllowed,
    NotFound,
    Refused,
    TokenUnusable,
    TooLong,
    Unanswered,
    Unreachable,
    Unsendable,
    UrlUnusable,
)
from station.fleet.client.messages import Reply, Request
from station.fleet.client.results import (
    Activation,
    ContentInfo,
    GroupInfo,
    GroupMember,
    GroupRow,
    MemberType,
    ModelInfo,
    ModelOption,
    Page,
    Part,
    SerialInfo,
    SerialRow,
    SerialStatus,
    SharedModel,
)
from station.fleet.client.serial_range import Casing, RangeFormat, SerialRange

__all__ = [
    "Activation",
    "BadRequest",
    "Busy",
    "Casing",
    "Client",
    "Conflict",
    "ContentChanged",
    "ContentInfo",
    "FileFailed",
    "FleetError",
    "Garbled",
    "GroupInfo",
    "GroupMember",
    "GroupRow",
    "MemberType",
    "ModelInfo",
    "ModelOption",
    "NameUnsafe",
    "NotAllowed",
    "NotFound",
    "Page",
    "Part",
    "RangeFormat",
    "Refused",
    "Reply",
    "Request",
    "SerialInfo",
    "SerialRange",
    "SerialRow",
    "SerialStatus",
    "SharedModel",
    "TokenUnusable",
    "TooLong",
    "Unanswered",
    "Unreachable",
    "Unsendable",
    "UrlUnusable",
]
