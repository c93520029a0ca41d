"""Rows about the server: version, reset, metrics, wrong ways to ask."""

from contract.case import EMPTY, JSON, TEXT, Ask, Case, Pattern, add, make, proxy

METRICS = Pattern("the two counters", lambda text: all(
    "toxiproxy_proxy_%s_bytes_total" % what in text for what in ("received", "sent")
))


def wrong_methods():
    for method, path in [
        ("PUT", "/proxies"),
        ("DELETE", "/proxies"),
        ("PATCH", "/proxies"),
        ("GET", "/populate"),
        ("DELETE", "/populate"),
        ("GET", "/reset"),
        ("PUT", "/reset"),
        ("POST", "/version"),
        ("DELETE", "/version"),
        ("PUT", "/proxies/p"),
        ("PUT", "/proxies/p/toxics"),
        ("DELETE", "/proxies/p/toxics"),
        ("PUT", "/proxies/p/toxics/t"),
    ]:
        yield Case("%s %s is no method there" % (method, path), Ask(method, path), 405, EMPTY)


def unknown_paths():
    for path in [
        "/",
        "/nothing",
        "/proxies/",
        "/version/",
        "/populate/",
        "/reset/",
        "/proxies/p/",
        "/proxies/p/toxics/",
        "/proxies/p/toxics/t/",
        "/proxies/p/nothing",
        "/Proxies",
    ]:
        claim = "%s is not found" % path
        yield Case(claim, Ask("GET", path), 404, "404 page not found", type=TEXT, given=(make(),))


def browsers():
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    for method, path in [("GET", "/version"), ("GET", "/proxies"), ("POST", "/reset"), ("POST", "/proxies")]:
        claim = "a browser may not %s %s" % (method, path)
        yield Case(claim, Ask(method, path, headers=agent), 403, "User agent not allowed", type=TEXT)


CASES = [
    Case(
        "the version",
        Ask("GET", "/version"),
        200,
        '{"version": "2.12.0"}',
        type="application/json;charset=utf-8",
    ),
    Case("no proxies", Ask("GET", "/proxies"), 200, {}),
    Case("a reset of nothing", Ask("POST", "/reset"), 204, EMPTY),
    Case(
        "a reset enables all",
        Ask("POST", "/reset"),
        204,
        EMPTY,
        given=(make("p"), make("q"), Ask("POST", "/proxies/p", {"enabled": False})),
        then=((Ask("GET", "/proxies"), {"p": proxy("p"), "q": proxy("q")}),),
    ),
    Case(
        "a reset removes all toxics",
        Ask("POST", "/reset"),
        204,
        EMPTY,
        given=(make(), add(type="latency"), add(type="noop", stream="upstream")),
        then=((Ask("GET", "/proxies/p/toxics"), []),),
    ),
    Case("a reset takes any body", Ask("POST", "/reset", "{}"), 204, EMPTY),
    Case("the metrics are there", Ask("GET", "/metrics"), 200, METRICS, type=None, given=(make(),)),
    Case(
        "an agent that only mentions a browser may ask",
        Ask("GET", "/version", headers={"User-Agent": "client Mozilla/5.0"}),
        200,
        type=None,
    ),
    Case(
        "a body in chunks is a body",
        Ask("POST", "/proxies", make().encoded(), {"Transfer-Encoding": "chunked"}),
        201,
        proxy(),
    ),
    Case(
        "a body of another type is read as JSON",
        Ask("POST", "/proxies", make().encoded(), {"Content-Type": "text/plain"}),
        201,
        proxy(),
        type=JSON,
    ),
    *wrong_methods(),
    *unknown_paths(),
    *browsers(),
]
