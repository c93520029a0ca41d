"""Bytes come at a rate, and in slices."""

import time

from support import PROMPT_S, Traffic, echo, read_all, sink, source


class Bandwidth(Traffic):
    def test_downstream_comes_at_its_rate(self):
        proxy, _ = self.proxy_to(source(200_000))
        proxy.add_toxic(type="bandwidth", attributes={"rate": 200})
        reading = read_all(self.connect(proxy))
        self.assertEqual((len(reading.data), reading.end), (200_000, "fin"))
        self.assert_between(0.75, reading.end_s, 1.3)

    def test_downstream_comes_evenly(self):
        proxy, _ = self.proxy_to(source(200_000))
        proxy.add_toxic(type="bandwidth", attributes={"rate": 200})
        reading = read_all(self.connect(proxy))
        half = sum(size for at_s, size in reading.arrivals if at_s < reading.end_s / 2)
        self.assert_between(70_000, half, 145_000)

    def test_upstream_goes_at_its_rate(self):
        proxy, upstream = self.proxy_to(sink)
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 200})
        connection = self.connect(proxy)
        connection.sendall(b"x" * 200_000)
        connection.close()
        reading = upstream.wait_seen()
        self.assertEqual((len(reading.data), reading.end), (200_000, "fin"))
        self.assert_between(0.75, reading.end_s, 1.3)

    def test_the_other_direction_is_not_slow(self):
        proxy, _ = self.proxy_to(source(2_000_000))
        proxy.add_toxic(type="bandwidth", stream="upstream", attributes={"rate": 1})
        reading = read_all(self.connect(proxy))
        self.assertEqual(len(reading.data), 2_000_000)
        self.assertLess(reading.end_s, 1.0)

    def test_the_rate_is_for_each_connection(self):
        proxy, _ = self.proxy_to(source(100_000))
        proxy.add_toxic(type="bandwidth", attributes={"rate": 200})
        begin = time.monotonic()
        connections = [self.connect(proxy) for _ in range(3)]
        for connection in connections:
            self.assertEqual(len(read_all(connection).data), 100_000)
        self.assert_between(0.3, time.monotonic() - begin, 1.0)

    def test_a_removed_rate_lets_the_rest_through(self):
        proxy, _ = self.proxy_to(source(1_000_000))
        proxy.add_toxic(type="bandwidth", attributes={"rate": 10})
        connection = self.connect(proxy)
        self.assertEqual(read_all(connection, patience_s=1.0, at_most=1).end, None)
        proxy.destroy_toxic("bandwidth_downstream")
        begin = time.monotonic()
        reading = read_all(connection)
        self.assertEqual(reading.end, "fin")
        self.assertGreater(len(reading.data), 900_000)
        self.assertLess(time.monotonic() - begin, 1.0)

    def test_a_changed_rate_is_obeyed(self):
        proxy, _ = self.proxy_to(source(10_000))
        proxy.add_toxic(type="bandwidth", attributes={"rate": 1})
        self.update_toxic(proxy, "bandwidth_downstream", attributes={"rate": 1_000})
        reading = read_all(self.connect(proxy))
        self.assertEqual(len(reading.data), 10_000)
        self.assertLess(reading.end_s, 1.0)

    def test_toxicity_0_is_not_slow(self):
        proxy, _ = self.proxy_to(source(500_000))
        proxy.add_toxic(type="bandwidth", toxicity=0, attributes={"rate": 1})
        self.assertLess(read_all(self.connect(proxy)).end_s, 1.0)


class Slicer(Traffic):
    def test_bytes_come_in_slices_one_after_the_other(self):
        proxy, _ = self.proxy_to(source(1_000))
        attributes = {"average_size": 100, "size_variation": 0, "delay": 30_000}
        proxy.add_toxic(type="slicer", attributes=attributes)
        reading = read_all(self.connect(proxy))
        self.assertEqual(len(reading.data), 1_000)
        self.assert_between(0.25, reading.end_s, 0.9)
        # A victim that looks late sees two slices as one.
        self.assertGreaterEqual(len(reading.arrivals), 7)
        self.assertLessEqual(reading.arrivals[0][1], 200)

    def test_slices_vary_in_size(self):
        proxy, _ = self.proxy_to(source(3_000))
        attributes = {"average_size": 100, "size_variation": 50, "delay": 10_000}
        proxy.add_toxic(type="slicer", attributes=attributes)
        reading = read_all(self.connect(proxy))
        self.assertEqual(len(reading.data), 3_000)
        sizes = {size for _, size in reading.arrivals}
        self.assertGreater(len(sizes), 5)
        self.assert_between(0.15, reading.end_s, 1.5)

    def test_upstream_is_sliced_and_downstream_is_not(self):
        proxy, _ = self.proxy_to(echo)
        attributes = {"average_size": 100, "size_variation": 0, "delay": 30_000}
        proxy.add_toxic(type="slicer", stream="upstream", attributes=attributes)
        self.assert_between(0.25, self.echo_s(proxy, b"x" * 1_000), 0.9)
        proxy.destroy_toxic("slicer_upstream")
        self.assertLess(self.echo_s(proxy, b"x" * 1_000), PROMPT_S)
