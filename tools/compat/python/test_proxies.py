"""Proxies come, change and go, and their connections with them."""

import socket
import struct

from toxiproxy.api import APIConsumer

from support import PROMPT_S, Traffic, answer_at_end, echo, read_all, sink, source


class Creating(Traffic):
    def test_a_new_proxy_tells_its_port_and_passes_bytes(self):
        proxy, upstream = self.proxy_to(echo)
        self.assertRegex(proxy.listen, r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual((proxy.upstream, proxy.enabled), (upstream.address, True))
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_a_megabyte_arrives_whole(self):
        proxy, _ = self.proxy_to(source(1_000_000))
        reading = read_all(self.connect(proxy))
        self.assertEqual((len(reading.data), reading.end), (1_000_000, "fin"))

    def test_a_host_name_is_listened_on(self):
        proxy, _ = self.proxy_to(echo, listen="localhost:0")
        self.assertRegex(proxy.listen, r"^(127\.0\.0\.1|\[::1\]):[1-9]\d*$")
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_one_created_disabled_refuses_until_it_is_enabled(self):
        spare, _ = self.proxy_to(echo, name="spare")
        self.toxiproxy.destroy(spare)
        proxy, _ = self.proxy_to(echo, listen=spare.listen, enabled=False)
        self.assertFalse(proxy.enabled)
        self.assert_refuses(spare.listen)
        proxy.enable()
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_an_upstream_that_refuses_ends_the_connection(self):
        proxy = self.toxiproxy.create(upstream="127.0.0.1:1", name="victim")
        reading = self.connect_and_read(proxy)
        self.assertEqual(reading.data, b"")
        self.assertIn(reading.end, ["fin", "reset"])

    def test_a_half_close_lets_the_answer_through(self):
        proxy, _ = self.proxy_to(answer_at_end)
        connection = self.connect(proxy)
        connection.sendall(b"x" * 5000)
        connection.shutdown(socket.SHUT_WR)
        reading = read_all(connection)
        self.assertEqual((reading.data, reading.end), (b"5000", "fin"))

    def test_an_abort_arrives_as_an_abort(self):
        proxy, upstream = self.proxy_to(sink)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        # Lingering for no time sends an RST instead of a FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        self.assertEqual(upstream.wait_seen().end, "reset")


class Finding(Traffic):
    def test_proxies_are_found_by_name(self):
        proxy, upstream = self.proxy_to(echo)
        other, _ = self.proxy_to(echo, name="other")
        self.assertEqual(set(self.toxiproxy.proxies()), {"victim", "other"})
        found = self.toxiproxy.get_proxy("victim")
        self.assertEqual((found.listen, found.upstream), (proxy.listen, upstream.address))
        self.assertNotEqual(found.listen, other.listen)
        self.assertIsNone(self.toxiproxy.get_proxy("nobody"))

    def test_the_server_runs_and_has_a_version(self):
        self.assertTrue(self.toxiproxy.running())
        self.assertIn(b"version", self.toxiproxy.version())


class Ending(Traffic):
    def test_a_destroyed_proxy_refuses_and_its_connections_end(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        read_all(connection, at_most=1)
        self.assertTrue(self.toxiproxy.destroy(proxy))
        self.assertIn(read_all(connection).end, ["fin", "reset"])
        self.assert_refuses(proxy.listen)
        self.assertEqual(self.toxiproxy.proxies(), {})

    def test_destroy_all_leaves_none(self):
        proxies = [self.proxy_to(echo, name=name)[0] for name in ("one", "two", "three")]
        self.toxiproxy.destroy_all()
        self.assertEqual(self.toxiproxy.proxies(), {})
        for proxy in proxies:
            self.assert_refuses(proxy.listen)


class Disabling(Traffic):
    def test_down_ends_connections_and_refuses_and_is_over_afterwards(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        read_all(connection, at_most=1)
        with proxy.down():
            self.assertIn(read_all(connection).end, ["fin", "reset"])
            self.assert_refuses(proxy.listen)
            self.assertFalse(self.toxiproxy.get_proxy("victim").enabled)
        self.assertTrue(self.toxiproxy.get_proxy("victim").enabled)
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_down_is_over_after_a_failure_too(self):
        proxy, _ = self.proxy_to(echo)
        with self.assertRaises(ZeroDivisionError):
            with proxy.down():
                raise ZeroDivisionError
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_one_proxy_down_leaves_the_other_alone(self):
        proxy, _ = self.proxy_to(echo)
        other, _ = self.proxy_to(echo, name="other")
        with proxy.down():
            self.assertLess(self.echo_s(other), PROMPT_S)

    def test_toxics_survive_being_down(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="latency", attributes={"latency": 300})
        with proxy.down():
            pass
        self.assert_between(0.3, self.echo_s(proxy), 0.7)

    def test_reset_enables_all_and_removes_all_toxics(self):
        proxy, _ = self.proxy_to(echo)
        other, _ = self.proxy_to(echo, name="other")
        proxy.add_toxic(type="latency", attributes={"latency": 1000})
        other.disable()
        self.assertTrue(self.toxiproxy.reset())
        self.assertEqual(proxy.toxics(), {})
        self.assertLess(self.echo_s(proxy), PROMPT_S)
        self.assertLess(self.echo_s(other), PROMPT_S)


class Changing(Traffic):
    def test_a_new_upstream_gets_the_connections_and_the_old_ones_end(self):
        proxy, _ = self.proxy_to(echo)
        connection = self.connect(proxy)
        connection.sendall(b"x")
        read_all(connection, at_most=1)
        other = self.upstream(source(7))
        changed = self.update_proxy(proxy, upstream=other.address)
        self.assertEqual((changed["upstream"], changed["listen"]), (other.address, proxy.listen))
        self.assertIn(read_all(connection).end, ["fin", "reset"])
        self.assertEqual(len(read_all(self.connect(proxy)).data), 7)

    def test_a_new_address_is_listened_on_instead(self):
        proxy, _ = self.proxy_to(echo)
        changed = self.update_proxy(proxy, listen="127.0.0.1:0")
        self.assertNotEqual(changed["listen"], proxy.listen)
        self.assert_refuses(proxy.listen)
        self.assertLess(self.echo_s(self.toxiproxy.get_proxy("victim")), PROMPT_S)

    def test_populate_makes_keeps_and_replaces(self):
        upstream, other = self.upstream(echo), self.upstream(source(3))
        wanted = {"name": "one", "upstream": upstream.address, "listen": "127.0.0.1:0"}
        made = self.toxiproxy.populate([wanted])
        self.assertEqual([proxy.name for proxy in made], ["one"])
        same = dict(wanted, listen=made[0].listen)
        connection = self.connect(made[0])
        self.assertEqual(self.toxiproxy.populate([same]), [])
        connection.sendall(b"still")
        self.assertEqual(read_all(connection, at_most=5).data, b"still")
        replaced = self.toxiproxy.populate([dict(same, upstream=other.address)])
        self.assertEqual(len(read_all(self.connect(replaced[0])).data), 3)

    def test_populate_of_the_server_keeps_what_is_the_same(self):
        upstream = self.upstream(echo)
        wanted = {"name": "one", "upstream": upstream.address, "listen": "127.0.0.1:0"}
        made = APIConsumer.post("/populate", json=[wanted]).json()["proxies"][0]
        connection = self.connect(made["listen"])
        connection.sendall(b"a")
        read_all(connection, at_most=1)
        APIConsumer.post("/populate", json=[dict(wanted, listen=made["listen"])])
        connection.sendall(b"still")
        self.assertEqual(read_all(connection, at_most=5).data, b"still")
