"""A terminal server in a process of its own: one board's port, given to one caller at a time, at a TCP port.

    python tcp_bridge.py TCP_PORT PATH [CALLERS]

It prints a line once it listens, and ends after so many callers, if it is told how many.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import sys
import tty


def carry(caller: socket.socket, path: str) -> None:
    """Carry bytes both ways until either end is gone."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    with caller, selectors.DefaultSelector() as selector:
        selector.register(caller, selectors.EVENT_READ)
        selector.register(port, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is caller:
                    if not (data := caller.recv(4096)):
                        os.close(port)
                        return
                    os.write(port, data)
                else:
                    caller.sendall(os.read(port, 4096))


def main() -> None:
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        for _ in range(int(sys.argv[3])) if sys.argv[3:] else itertools.count():
            caller, _ = server.accept()
            try:
                carry(caller, sys.argv[2])
            except OSError:
                caller.close()


if __name__ == "__main__":
    main()
