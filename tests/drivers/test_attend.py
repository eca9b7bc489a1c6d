"""A terminal server that is gone without a word: only the kernel can tell, so what it is told is looked at."""

from __future__ import annotations

import socket

from drivers.uart import LinkOptions
from drivers.wire import open_wire


def test_a_terminal_server_without_a_sign_of_life_is_given_up_before_a_board_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = open_wire(f"socket://127.0.0.1:{server.getsockname()[1]}", LinkOptions())
        try:
            descriptor = wire.fileno()
            assert descriptor is not None
            with socket.socket(fileno=descriptor) as network:
                option = network.getsockopt
                assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                idle, each, count, unheard_ms = (
                    option(socket.IPPROTO_TCP, name)
                    for name in (
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                        socket.TCP_KEEPCNT,
                        socket.TCP_USER_TIMEOUT,
                    )
                )
                network.detach()
            assert idle + each * count <= 4 and 0 < unheard_ms <= 4000, "a board has 5 s for an answer"
        finally:
            wire.close()
