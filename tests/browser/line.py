"""A line between a browser and a server which a test can cut and mend (loopback only)."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Line:
    """Passes bytes between a free loopback port and a server; while cut it refuses them.

    Parameters
    ----------
    address
        The server's, `http://127.0.0.1:PORT`.
    """

    def __init__(self, address: str) -> None:
        self._server = ("127.0.0.1", urlsplit(address).port or 80)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and take no new one until `mend`."""
        self._cut = True
        with self._lock:
            ends = tuple(self._open)
        for end in ends:
            _shut(end)

    def mend(self) -> None:
        """Take connections again."""
        self._cut = False

    def close(self) -> None:
        """End the line for good."""
        self.cut()
        _shut(self._door)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the door is shut
            while True:
                near, _ = self._door.accept()
                if self._cut:
                    _shut(near)
                    continue
                far = socket.create_connection(self._server)
                with self._lock:
                    self._open |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # either side has gone
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            _shut(end)
        with self._lock:
            self._open -= {source, target}


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # shut before
        end.shutdown(socket.SHUT_RDWR)
    end.close()
