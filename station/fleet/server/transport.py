"""waitress's loop as a turn at a time: what a turn changes is on the disk before any of its answers leaves."""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from heapq import nsmallest
from operator import attrgetter
from time import monotonic
from typing import Any

from waitress import wasyncore
from waitress.server import TcpWSGIServer

from station.fleet.server.channel import Channel

log = logging.getLogger(__name__)

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""What a system says that has no room for a further connection."""

_DEAF_S = 1.0
"""How long no client is taken where there is no room, and none can be made."""


class Meter:
    """Seconds that several threads spent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Add what one thread spent."""
        with self._lock:
            self._seconds += seconds

    @property
    def seconds(self) -> float:
        """The sum so far."""
        return self._seconds


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """waitress's TCP server, which answers most requests in the thread of its loop, a turn at a time.

    All that has arrived when the loop turns is answered together, and what it
    wrote shares one commit before the first answer leaves: most of a request's
    time is otherwise spent on handing it from thread to thread, and most of a
    change's on the disk.  Only where ``apart`` says of a path that its
    requests take long are they left to waitress's threads.

    ``longest`` tells of a method and a path how many bytes the body may have.
    ``meter`` counts what requests need.
    """

    channel_class = Channel

    def __init__(
        self, *args: Any, apart: Callable[[str], bool], longest: Callable[[str, str], int], **kwargs: Any
    ) -> None:
        self.meter = Meter()
        self._apart = apart
        self.longest = longest
        self._arrived: deque[Channel] = deque()
        self._loop = 0
        self._answering = False
        self._deaf_until = 0.0
        super().__init__(*args, **kwargs)
        self._spare: int = self.adj.connection_limit // 10
        """How many connections are kept free."""

    def add_task(self, task: Channel) -> None:
        """Note for the next turn that a channel has a whole request."""
        self._arrived.append(task)
        if threading.get_ident() != self._loop:
            super().pull_trigger()

    def pull_trigger(self) -> None:
        """Wake the loop, unless it is awake and answering."""
        if not self._answering:
            super().pull_trigger()

    def turn(self, timeout_s: float, together: AbstractContextManager[None]) -> None:
        """Wait for what the sockets bring, answer all that is whole, and send the answers once ``together`` ends.

        If that fails, the answers are not true: each is replaced by a 500.
        Requests that take long go to the threads before it begins; those
        behind another on their connection so see what that one changed.
        """
        self._loop = threading.get_ident()
        wasyncore.loop(0 if self._arrived else timeout_s, use_poll=True, map=self._map, count=1)
        channels = self._take()
        if not channels:
            return
        end = Channel.release
        self._answering = True
        try:
            with together:
                for channel in channels:
                    channel.answer()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody hears of what is lost
            log.error("a commit failed; what it held is answered 500, %d times: %s", len(channels), error)
            end = Channel.refuse
        finally:
            self._answering = False
        for channel in channels:
            try:
                end(channel)
            except Exception:  # noqa: BLE001 - such as a full disk, for a long answer: one connection's affair
                channel.handle_error()

    def _take(self) -> list[Channel]:
        """Return the channels whose request is the loop's, and give the others to the threads."""
        ours = []
        for channel in [self._arrived.popleft() for _ in range(len(self._arrived))]:
            if not channel.requests:
                continue  # given up since it was noted
            request = channel.requests[0]
            if not request.error and self._apart(request.path):
                super().add_task(channel)
            else:
                ours.append(channel)
        return ours

    def readable(self) -> bool:
        """Whether a further client may come, for whom room is made where there is little."""
        if len(self.active_channels) >= self.adj.connection_limit - self._spare:
            self._make_room()
        return bool(super().readable()) and monotonic() >= self._deaf_until

    def accept(self) -> Any:
        """Take the next client; where no descriptor is left for it, make room, or else listen again later."""
        try:
            return super().accept()
        except OSError as error:
            # The client keeps waiting, and the poll keeps telling of it.
            if error.errno in _EXHAUSTED and not self._make_room():
                self._deaf_until = monotonic() + _DEAF_S
            raise

    def _make_room(self) -> bool:
        """Close a tenth of the connections, those that have been silent for longest; return whether any was."""
        silent = (c for c in self.active_channels.values() if not (c.requests or c.total_outbufs_len or c.will_close))
        longest = nsmallest(len(self.active_channels) // 10 + 1, silent, key=attrgetter("last_activity"))
        for channel in longest:
            channel.will_close = True
        return bool(longest)

    def close_all(self) -> None:
        """Close every connection, the socket and the trigger; no handler may be running."""
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self.close()
