"""What the client raises, and that nothing has changed then."""

from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from support import PROMPT_S, Traffic, echo


class Errors(Traffic):
    def raises(self, error, text):
        return self.assertRaisesRegex(error, text)

    def test_a_name_is_taken_once(self):
        proxy, upstream = self.proxy_to(echo)
        with self.raises(ProxyExists, "already exists"):
            self.toxiproxy.create(upstream=upstream.address, name="victim")
        # The client looks first; the server has to refuse as well.
        body = {"name": "victim", "upstream": upstream.address, "listen": "127.0.0.1:0"}
        with self.raises(ProxyExists, "proxy already exists"):
            APIConsumer.post("/proxies", json=body)
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_a_proxy_that_is_gone_is_not_found(self):
        proxy, _ = self.proxy_to(echo)
        proxy.destroy()
        with self.raises(NotFound, "proxy not found"):
            proxy.destroy()
        with self.raises(NotFound, "proxy not found"):
            proxy.toxics()
        with self.raises(NotFound, "proxy not found"):
            proxy.disable()
        with self.raises(NotFound, "proxy not found"):
            proxy.add_toxic(type="latency")

    def test_a_proxy_needs_a_name_and_an_upstream(self):
        with self.raises(InvalidToxic, "missing required field: name"):
            APIConsumer.post("/proxies", json={"upstream": "127.0.0.1:1"})
        with self.raises(InvalidToxic, "missing required field: upstream"):
            APIConsumer.post("/proxies", json={"name": "victim"})
        self.assertEqual(self.toxiproxy.proxies(), {})

    def test_a_port_in_use_makes_no_proxy(self):
        upstream = self.upstream(echo)
        body = {"name": "victim", "upstream": "127.0.0.1:1", "listen": upstream.address}
        answer = APIConsumer.post("/proxies", json=body)
        self.assertEqual(answer.status_code, 500)
        self.assertIn("address already in use", answer.json()["error"])
        self.assertIsNone(self.toxiproxy.get_proxy("victim"))

    def test_an_invalid_toxic_changes_nothing(self):
        proxy, _ = self.proxy_to(echo)
        with self.raises(InvalidToxic, "invalid toxic type"):
            proxy.add_toxic(type="gravity")
        with self.raises(InvalidToxic, "stream was invalid"):
            proxy.add_toxic(type="latency", stream="sideways")
        with self.raises(InvalidToxic, "bad request body"):
            proxy.add_toxic(type="latency", attributes={"latency": "100"})
        with self.raises(InvalidToxic, "bad request body"):
            proxy.add_toxic(type="latency", attributes={"latency": 1.5})
        self.assertEqual(proxy.toxics(), {})
        self.assertLess(self.echo_s(proxy), PROMPT_S)

    def test_a_toxic_is_added_once_and_removed_once(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="latency", name="late", attributes={"latency": 1})
        with self.raises(ProxyExists, "toxic already exists"):
            proxy.add_toxic(type="bandwidth", name="late", attributes={"rate": 1})
        self.assertTrue(proxy.destroy_toxic("late"))
        with self.raises(NotFound, "toxic not found"):
            proxy.destroy_toxic("late")
        self.assertIsNone(proxy.get_toxic("late"))

    def test_a_toxic_is_told_as_it_was_made(self):
        proxy, _ = self.proxy_to(echo)
        proxy.add_toxic(type="latency", stream="upstream", toxicity=0.5, attributes={"latency": 7, "jitter": 3})
        proxy.add_toxic(type="bandwidth", attributes={"rate": 9})
        toxics = proxy.toxics()
        self.assertEqual(list(toxics), ["latency_upstream", "bandwidth_downstream"])
        late = proxy.get_toxic("latency_upstream")
        self.assertEqual((late.type, late.stream, late.toxicity), ("latency", "upstream", 0.5))
        self.assertEqual(late.attributes, {"latency": 7, "jitter": 3})
        self.assertEqual(toxics["bandwidth_downstream"].toxicity, 1)
