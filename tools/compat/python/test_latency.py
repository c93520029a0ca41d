"""Bytes are late, and by how much."""

import time
from concurrent.futures import ThreadPoolExecutor

from support import PROMPT_S, Traffic, echo, read_all, sink, source


class Latency(Traffic):
    def late(self, proxy, latency, stream="downstream", **more):
        attributes = {"latency": latency, "jitter": more.pop("jitter", 0)}
        proxy.add_toxic(type="latency", name="late-" + stream, stream=stream, attributes=attributes, **more)

    def test_either_direction_is_late_and_both_add_up(self):
        proxy, _ = self.proxy_to(echo)
        for stream in ("upstream", "downstream"):
            self.late(proxy, 250, stream)
            self.assert_between(0.25, self.echo_s(proxy), 0.45)
            proxy.destroy_toxic("late-" + stream)
        self.late(proxy, 250, "upstream")
        self.late(proxy, 250, "downstream")
        self.assert_between(0.5, self.echo_s(proxy), 0.8)

    def test_two_toxics_of_one_direction_add_up(self):
        proxy, _ = self.proxy_to(echo)
        for name in ("one", "two"):
            proxy.add_toxic(type="latency", name=name, attributes={"latency": 200})
        self.assert_between(0.4, self.echo_s(proxy), 0.7)

    def test_only_the_upstream_is_late_upstream(self):
        proxy, upstream = self.proxy_to(sink)
        self.late(proxy, 300, "upstream")
        connection = self.connect(proxy)
        time.sleep(PROMPT_S)
        begin = time.monotonic()
        connection.sendall(b"x")
        connection.close()
        reading = upstream.wait_seen()
        self.assertEqual(reading.data, b"x")
        self.assert_between(0.3, reading.begin + reading.last_s - begin, 0.6)

    def test_much_is_late_but_not_slower(self):
        proxy, _ = self.proxy_to(source(5_000_000))
        self.late(proxy, 300)
        reading = read_all(self.connect(proxy))
        self.assertEqual((len(reading.data), reading.end), (5_000_000, "fin"))
        self.assert_between(0.3, reading.first_s, 0.6)
        self.assertLess(reading.end_s, 1.5)

    def test_jitter_stays_within_its_bounds(self):
        proxy, _ = self.proxy_to(echo)
        self.late(proxy, 200, jitter=100)
        with ThreadPoolExecutor(16) as pool:
            times = list(pool.map(lambda _: self.echo_s(proxy), range(16)))
        self.assert_between(0.1, min(times), max(times))
        self.assert_between(max(times), 0.5, 0.5)
        self.assertGreater(max(times) - min(times), 0.03)

    def test_an_open_connection_obeys_at_once(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)

        def trip_s():
            begin = time.monotonic()
            connection.sendall(b"x")
            self.assertEqual(read_all(connection, at_most=1).data, b"x")
            return time.monotonic() - begin

        self.assertLess(trip_s(), PROMPT_S)
        self.late(proxy, 300)
        self.assert_between(0.3, trip_s(), 0.6)
        self.update_toxic(proxy, "late-downstream", attributes={"latency": 600})
        self.assert_between(0.6, trip_s(), 0.9)
        proxy.destroy_toxic("late-downstream")
        self.assertLess(trip_s(), PROMPT_S)

    def test_a_removed_delay_sets_free_what_it_held(self):
        proxy, _ = self.proxy_to(echo)
        self.late(proxy, 30_000)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        time.sleep(PROMPT_S)
        begin = time.monotonic()
        proxy.destroy_toxic("late-downstream")
        self.assertLess(time.monotonic() - begin, 1.0)
        self.assertEqual(read_all(connection, at_most=1).data, b"x")

    def test_a_delay_is_removed_although_nobody_reads(self):
        proxy, _ = self.proxy_to(source(50_000_000))
        self.late(proxy, 100)
        connection = self.connect(proxy)
        time.sleep(0.5)
        begin = time.monotonic()
        proxy.destroy_toxic("late-downstream")
        self.toxiproxy.reset()
        self.assertLess(time.monotonic() - begin, 1.0)
        self.assertEqual(len(read_all(connection).data), 50_000_000)


class Toxicity(Traffic):
    def late_of(self, toxicity, connections):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="latency", name="late", toxicity=toxicity, attributes={"latency": 400})
        with ThreadPoolExecutor(connections) as pool:
            times = list(pool.map(lambda _: self.echo_s(proxy), range(connections)))
        return sum(taken >= 0.4 for taken in times)

    def test_none_of_the_connections_at_toxicity_0(self):
        self.assertEqual(self.late_of(0, 10), 0)

    def test_all_of_the_connections_at_toxicity_1(self):
        self.assertEqual(self.late_of(1, 10), 10)

    def test_half_of_the_connections_at_toxicity_one_half(self):
        # Fewer than 10 or more than 30 of 40: once in a thousand runs.
        self.assert_between(10, self.late_of(0.5, 40), 30)

    def test_a_connection_is_toxic_or_not_for_all_its_life(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="latency", name="late", toxicity=0.5, attributes={"latency": 100})
        for _ in range(6):
            connection, late = self.connect(proxy), []
            for _ in range(4):
                begin = time.monotonic()
                connection.sendall(b"x")
                read_all(connection, at_most=1)
                late.append(time.monotonic() - begin >= 0.1)
            self.assertIn(sum(late), (0, 4))
