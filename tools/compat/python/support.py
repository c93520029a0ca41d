"""What stands on both sides of the proxy, and what the victim sees.

Nothing here knows which server it talks to: its address is in the environment, HOST:PORT in COMPAT_API.
"""

import os
import socket
import threading
import time
import unittest

from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer

# Anything that takes longer never comes.
PATIENCE_S = 5.0
# The noise of a busy machine: what is this quick was not delayed.
PROMPT_S = 0.2


class Upstream:
    """A server of one behaviour. It remembers what each of its connections brought."""

    def __init__(self, serve):
        self.serve = serve
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            self.seen.append(self.serve(connection))

    def close(self):
        self.listener.close()

    def wait_seen(self):
        """What the first connection brought, once it has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.seen:
            if time.monotonic() > deadline:
                raise AssertionError("no connection of the upstream has ended")
            time.sleep(0.005)
        return self.seen[0]


def echo(connection):
    """Gives back what comes."""
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        pass


def source(size):
    """Sends so many bytes, and ends."""

    def serve(connection):
        try:
            connection.sendall(b"x" * size)
        except OSError:
            pass

    return serve


def sink(connection):
    """Takes all, and returns what the victim saw."""
    return read_all(connection)


def answer_at_end(connection):
    """Says how many bytes came, after the end of the other side."""
    reading = read_all(connection)
    connection.sendall(b"%d" % len(reading.data))
    return reading


class Reading:
    """What came, when, and how it ended: "fin", "reset" or "silence"."""

    def __init__(self):
        self.begin = time.monotonic()
        self.data = b""
        self.arrivals = []
        self.end = None
        self.end_s = None

    @property
    def first_s(self):
        return self.arrivals[0][0] if self.arrivals else None

    @property
    def last_s(self):
        return self.arrivals[-1][0] if self.arrivals else None


def read_all(connection, patience_s=PATIENCE_S, at_most=None):
    """Reads until the end, or so many bytes, or until nothing comes any more."""
    reading = Reading()
    connection.settimeout(patience_s)
    while at_most is None or len(reading.data) < at_most:
        try:
            data = connection.recv(65536)
        except socket.timeout:
            reading.end = "silence"
        except ConnectionError:
            reading.end = "reset"
        else:
            if data:
                reading.data += data
                reading.arrivals.append((time.monotonic() - reading.begin, len(data)))
                continue
            reading.end = "fin"
        break
    reading.end_s = time.monotonic() - reading.begin
    return reading


class Traffic(unittest.TestCase):
    """A server without proxies, at the beginning and at the end."""

    def setUp(self):
        host, port = os.environ["COMPAT_API"].rsplit(":", 1)
        self.toxiproxy = Toxiproxy()
        self.toxiproxy.update_api_consumer(host, int(port))
        self.toxiproxy.destroy_all()
        self.upstreams = []
        self.connections = []

    def tearDown(self):
        for connection in self.connections:
            connection.close()
        self.toxiproxy.destroy_all()
        for upstream in self.upstreams:
            upstream.close()

    def upstream(self, serve=echo):
        upstream = Upstream(serve)
        self.upstreams.append(upstream)
        return upstream

    def proxy_to(self, serve=echo, name="victim", **more):
        """A proxy before a new upstream; the upstream is the second one."""
        upstream = self.upstream(serve)
        return self.toxiproxy.create(upstream=upstream.address, name=name, **more), upstream

    def connect(self, proxy_or_address):
        address = getattr(proxy_or_address, "listen", proxy_or_address)
        host, port = address.rsplit(":", 1)
        connection = socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections.append(connection)
        return connection

    def connect_and_read(self, proxy):
        """What a client sees that says nothing. An abort may come before connecting has ended."""
        try:
            connection = self.connect(proxy)
        except ConnectionResetError:
            reading = Reading()
            reading.end, reading.end_s = "reset", time.monotonic() - reading.begin
            return reading
        return read_all(connection)

    def echo_s(self, proxy, data=b"ping"):
        """Seconds until the bytes are back."""
        connection = self.connect(proxy)
        begin = time.monotonic()
        connection.sendall(data)
        reading = read_all(connection, at_most=len(data))
        self.assertEqual(reading.data, data)
        return time.monotonic() - begin

    def update_toxic(self, proxy, name, **changes):
        """The client has no method for it, but its transport."""
        path = "/proxies/%s/toxics/%s" % (proxy.name, name)
        return APIConsumer.post(path, json=changes).json()

    def update_proxy(self, proxy, **changes):
        """The same for a proxy."""
        return APIConsumer.post("/proxies/%s" % proxy.name, json=changes).json()

    def assert_refuses(self, address):
        host, port = address.rsplit(":", 1)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S).close()

    def assert_between(self, lower, value, upper):
        self.assertTrue(lower <= value <= upper, "%s is not in %s .. %s" % (value, lower, upper))
