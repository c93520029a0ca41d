"""Connections end late, early, in silence or by an abort."""

import time

from support import PROMPT_S, Traffic, echo, read_all, sink, source


class SlowClose(Traffic):
    def test_the_end_is_late_and_the_bytes_are_not(self):
        proxy, _ = self.proxy_to(source(1_000))
        proxy.add_toxic(type="slow_close", attributes={"delay": 400})
        reading = read_all(self.connect(proxy))
        self.assertEqual((len(reading.data), reading.end), (1_000, "fin"))
        self.assertLess(reading.last_s, 0.3)
        self.assert_between(0.4, reading.end_s, 0.8)

    def test_upstream_sees_the_end_late(self):
        proxy, upstream = self.proxy_to(sink)
        proxy.add_toxic(type="slow_close", stream="upstream", attributes={"delay": 400})
        connection = self.connect(proxy)
        connection.sendall(b"x")
        begin = time.monotonic()
        connection.close()
        reading = upstream.wait_seen()
        self.assertEqual(reading.data, b"x")
        self.assert_between(0.35, reading.begin + reading.end_s - begin, 0.8)

    def test_toxicity_0_does_not_hold_the_end(self):
        proxy, _ = self.proxy_to(source(1_000))
        proxy.add_toxic(type="slow_close", toxicity=0, attributes={"delay": 2_000})
        self.assertLess(read_all(self.connect(proxy)).end_s, 0.5)


class Timeout(Traffic):
    def test_nothing_comes_and_then_the_connection_ends(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="timeout", attributes={"timeout": 300})
        connection = self.connect(proxy)
        begin = time.monotonic()
        connection.sendall(b"x")
        reading = read_all(connection)
        self.assertEqual(reading.data, b"")
        self.assertIn(reading.end, ["fin", "reset"])
        self.assert_between(0.25, time.monotonic() - begin, 0.7)

    def test_timeout_0_is_silence_until_it_is_removed(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="timeout", attributes={"timeout": 0})
        connection = self.connect(proxy)
        connection.sendall(b"x")
        self.assertEqual(read_all(connection, patience_s=0.5).end, "silence")
        proxy.destroy_toxic("timeout_downstream")
        reading = read_all(connection)
        self.assertEqual(reading.data, b"")
        self.assertIn(reading.end, ["fin", "reset"])
        self.assertLess(reading.end_s, 0.5)
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_upstream_hears_nothing(self):
        proxy, upstream = self.proxy_to(sink)
        proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 300})
        connection = self.connect(proxy)
        connection.sendall(b"x")
        reading = upstream.wait_seen()
        self.assertEqual(reading.data, b"")
        self.assertIn(reading.end, ["fin", "reset"])

    def test_an_open_connection_times_out(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        read_all(connection, at_most=1)
        proxy.add_toxic(type="timeout", attributes={"timeout": 300})
        reading = read_all(connection)
        self.assertIn(reading.end, ["fin", "reset"])
        self.assert_between(0.2, reading.end_s, 0.7)

    def test_toxicity_0_lets_all_through(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="timeout", toxicity=0, attributes={"timeout": 100})
        connection = self.connect(proxy)
        time.sleep(0.3)
        connection.sendall(b"x")
        self.assertEqual(read_all(connection, at_most=1).data, b"x")


class ResetPeer(Traffic):
    """The client offers it as it offers any type."""

    def test_a_new_connection_is_aborted(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="reset_peer", attributes={"timeout": 0})
        reading = self.connect_and_read(proxy)
        self.assertEqual((reading.data, reading.end), (b"", "reset"))

    def test_it_is_aborted_after_the_time(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="reset_peer", attributes={"timeout": 300})
        reading = self.connect_and_read(proxy)
        self.assertEqual(reading.end, "reset")
        self.assert_between(0.25, reading.end_s, 0.7)

    def test_an_open_connection_is_aborted(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        read_all(connection, at_most=1)
        proxy.add_toxic(type="reset_peer", attributes={"timeout": 0})
        self.assertEqual(read_all(connection).end, "reset")

    def test_upstream_is_aborted(self):
        proxy, upstream = self.proxy_to(sink)
        proxy.add_toxic(type="reset_peer", stream="upstream", attributes={"timeout": 300})
        self.connect(proxy)
        self.assertEqual(upstream.wait_seen().end, "reset")

    def test_toxicity_0_aborts_nothing(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="reset_peer", toxicity=0, attributes={"timeout": 0})
        for _ in range(5):
            self.assertLess(self.echo_s(proxy), PROMPT_S)
        reading = read_all(self.connect(self.proxy_to(source(9), name="other")[0]))
        self.assertEqual((len(reading.data), reading.end), (9, "fin"))


class LimitData(Traffic):
    def test_exactly_so_many_bytes_come_and_then_the_end(self):
        for size in (1, 1_000, 65_537):
            proxy, _ = self.proxy_to(source(200_000), name="limit-%d" % size)
            proxy.add_toxic(type="limit_data", attributes={"bytes": size})
            reading = read_all(self.connect(proxy))
            self.assertEqual(len(reading.data), size)
            self.assertIn(reading.end, ["fin", "reset"])

    def test_fewer_bytes_are_not_touched(self):
        proxy, _ = self.proxy_to(source(500))
        proxy.add_toxic(type="limit_data", attributes={"bytes": 1_000})
        reading = read_all(self.connect(proxy))
        self.assertEqual((len(reading.data), reading.end), (500, "fin"))

    def test_upstream_gets_so_many_bytes(self):
        proxy, upstream = self.proxy_to(sink)
        proxy.add_toxic(type="limit_data", stream="upstream", attributes={"bytes": 1_000})
        connection = self.connect(proxy)
        connection.sendall(b"x" * 5_000)
        self.assertEqual(len(upstream.wait_seen().data), 1_000)

    def test_the_limit_is_for_each_connection(self):
        proxy, _ = self.proxy_to(source(5_000))
        proxy.add_toxic(type="limit_data", attributes={"bytes": 1_000})
        for _ in range(3):
            self.assertEqual(len(read_all(self.connect(proxy)).data), 1_000)
