"""A small HTTP client that measures and costs little: ready-made requests over kept-open sockets.

Throughput is what a closed loop over several connections reaches. Latency is measured at a fixed rate, from the moment
at which a request was due, so that a stall counts for every request that it held up.
"""

import json
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

ADDRESS = "127.0.0.1"


def get(path: str) -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def post(path: str, body: Any) -> bytes:
    """Return the bytes of a POST request with a JSON body."""
    content = json.dumps(body).encode()
    head = (f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(content)}")
    return "\r\n".join((*head, "", "")).encode() + content


class Connection:
    """One kept-open connection that has one request on its way at a time."""

    def __init__(self, port: int) -> None:
        """Connect to the service on this machine."""
        self.socket = socket.create_connection((ADDRESS, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Read once; return the answer's body when it is whole, else None. Any status but 2xx raises."""
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the service closed the connection")
        self._received += part
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        if not head.startswith(b"HTTP/1.1 2"):
            raise ConnectionError(self._received[:500].decode(errors="replace"))
        self._received = b""
        return body

    def ask(self, request: bytes) -> bytes:
        """Send a request and return its answer's body."""
        self.send(request)
        while True:
            body = self.receive()
            if body is not None:
                return body


def throughput(port: int, requests: Sequence[bytes], seconds: float, connections: int = 8) -> float:
    """Return the answers per second of a closed loop that goes through ``requests`` again and again."""
    following = cycle(requests)
    answers, began = 0, time.perf_counter()
    with selectors.DefaultSelector() as selector:
        open_ = [Connection(port) for _ in range(connections)]
        for connection in open_:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(following))
        while time.perf_counter() - began < seconds:
            answers += sum(_turn(key.data, following) for key, _ in selector.select(timeout=1))
        took = time.perf_counter() - began
    for connection in open_:
        connection.socket.close()
    return answers / took


def _turn(connection: Connection, following: Iterator[bytes]) -> bool:
    if connection.receive() is None:
        return False
    connection.send(next(following))
    return True


def latencies(port: int, requests: Sequence[bytes], rate: float) -> tuple[NDArray[np.float64], list[bytes]]:
    """Return the seconds from when each request was due (``rate`` a second) to its answer, and the answers."""
    connection, took, answers = Connection(port), [], []
    began = time.perf_counter()
    for number, request in enumerate(requests):
        due = began + number / rate
        time.sleep(max(due - time.perf_counter(), 0))
        answers.append(connection.ask(request))
        took.append(time.perf_counter() - due)
    connection.socket.close()
    return np.array(took), answers


def _length(head: bytes) -> int:
    _, found, after = head.lower().partition(b"content-length:")
    return int(after.split(b"\r\n", 1)[0]) if found else 0
