"""Rows about proxies, one at a time and many."""

from contract.case import (
    ANY_INTERFACE,
    EMPTY,
    LOCALHOST,
    UPSTREAM,
    Ask,
    Case,
    add,
    error,
    make,
    proxy,
    refused,
    text_like,
    toxic,
)

BAD_BODY = text_like("bad request body: .+")
LISTEN_FAILED = text_like(r"listen tcp 127\.0\.0\.1:\d+: bind: address already in use")
NOT_FOUND = "proxy not found"
# The port of the interface itself is certainly taken; the runner puts it in.
TAKEN = "{server}"

CREATING = [
    Case("a proxy is made", make(), 201, proxy()),
    Case("it can be made disabled", make(enabled=False), 201, proxy(listen=text_like(r"127\.0\.0\.1:\d+"), enabled=False)),
    Case("without an address it listens on any", Ask("POST", "/proxies", {"name": "p", "upstream": UPSTREAM}), 201, proxy(listen=ANY_INTERFACE)),
    Case("an empty address is none", make(listen=""), 201, proxy(listen=ANY_INTERFACE)),
    Case("a host name is resolved", make(listen="localhost:0"), 201, proxy(listen=LOCALHOST)),
    Case("unknown fields are ignored", make(colour="blue", Logger={}), 201, proxy()),
    Case("an upstream may be a name", Ask("POST", "/proxies", {"name": "p", "listen": "127.0.0.1:0", "upstream": "nowhere.invalid:80"}), 201, proxy(upstream="nowhere.invalid:80")),
    refused("it needs a name", Ask("POST", "/proxies", {"upstream": UPSTREAM}), 400, "missing required field: name"),
    refused("the name is not empty", make(name=""), 400, "missing required field: name"),
    refused("it needs an upstream", Ask("POST", "/proxies", {"name": "p"}), 400, "missing required field: upstream"),
    refused("it needs JSON", Ask("POST", "/proxies", "{name"), 400, BAD_BODY),
    refused("it needs a body", Ask("POST", "/proxies"), 400, BAD_BODY),
    refused("a name is a string", make(name=7), 400, BAD_BODY),
    refused("enabled is true or false", make(enabled="yes"), 400, BAD_BODY),
    refused("a name is taken once", make(), 409, "proxy already exists", given=(make(),)),
    refused("a taken port is refused", make(listen=TAKEN), 500, LISTEN_FAILED),
    refused("and leaves no proxy behind", Ask("GET", "/proxies/p"), 404, NOT_FOUND, given=(make(listen=TAKEN),)),
]

READING = [
    Case("one is told", Ask("GET", "/proxies/p"), 200, proxy(), given=(make(),)),
    Case("all are told by name", Ask("GET", "/proxies"), 200, {"p": proxy(), "q": proxy("q")}, given=(make(), make("q"))),
    Case("with its toxics", Ask("GET", "/proxies/p"), 200, proxy(toxics=[toxic("noop_downstream", "noop")]), given=(make(), add(type="noop"))),
    refused("none of that name", Ask("GET", "/proxies/q"), 404, NOT_FOUND, given=(make(),)),
    Case("a slash in a name can be asked for", Ask("GET", "/proxies/a%2Fb"), 200, proxy("a/b"), given=(make("a/b"),)),
    Case("an arrow in a name can be asked for", Ask("GET", "/proxies/a->b"), 200, proxy("a->b"), given=(make("a->b"),)),
    Case("an encoded arrow is the same", Ask("GET", "/proxies/a-%3Eb"), 200, proxy("a->b"), given=(make("a->b"),)),
    Case("a space in a name can be asked for", Ask("GET", "/proxies/a%20b"), 200, proxy("a b"), given=(make("a b"),)),
    Case("a slash in a name does not hide its toxics", Ask("GET", "/proxies/a%2Fb/toxics"), 200, [], given=(make("a/b"),)),
]


def changing():
    for method in ("POST", "PATCH"):
        change = lambda body, path="/proxies/p", method=method: Ask(method, path, body)
        yield Case(f"{method} disables", change({"enabled": False}), 200, proxy(enabled=False), given=(make(),))
        yield Case(f"{method} enables", change({"enabled": True}), 200, proxy(), given=(make(), change({"enabled": False})))
        yield Case(f"{method} of nothing changes nothing", change({}), 200, proxy(), given=(make(),))
        yield Case(f"{method} moves", change({"listen": "localhost:0"}), 200, proxy(listen=LOCALHOST), given=(make(),))
        yield Case(f"{method} sets the upstream", change({"upstream": "127.0.0.1:2"}), 200, proxy(upstream="127.0.0.1:2"), given=(make(),))
        yield Case(f"{method} ignores a name", change({"name": "q"}), 200, proxy(), given=(make(),))
        yield Case(f"{method} ignores unknown fields", change({"colour": 1, "toxics": []}), 200, proxy(), given=(make(),))
        yield Case(f"{method} keeps the toxics", change({"upstream": "127.0.0.1:2"}), 200, proxy(upstream="127.0.0.1:2", toxics=[toxic("noop_downstream", "noop")]), given=(make(), add(type="noop")))
        yield refused(f"{method} needs a proxy", change({}), 404, NOT_FOUND)
        yield refused(f"{method} needs JSON", change("{"), 400, BAD_BODY, given=(make(),))
        yield refused(f"{method} to a taken port is refused", change({"listen": TAKEN}), 500, LISTEN_FAILED, given=(make(),))


DELETING = [
    Case("a proxy is deleted", Ask("DELETE", "/proxies/p"), 204, EMPTY, given=(make(),), then=((Ask("GET", "/proxies"), {}),)),
    refused("once", Ask("DELETE", "/proxies/p"), 404, NOT_FOUND, given=(make(), Ask("DELETE", "/proxies/p"))),
    Case("with a slash in its name", Ask("DELETE", "/proxies/a%2Fb"), 204, EMPTY, given=(make("a/b"),)),
]

P, Q = make().body, make("q").body
LATE = {"type": "latency", "attributes": {"latency": 7}}


def populate(*proxies):
    return Ask("POST", "/populate", list(proxies))


POPULATING = [
    Case("many are made in order", populate(Q, P), 201, {"proxies": [proxy("q"), proxy()]}),
    Case("none are made of none", populate(), 201, {"proxies": []}),
    Case("what is there stays", populate(Q), 201, {"proxies": [proxy("q")]}, given=(make(),), then=((Ask("GET", "/proxies"), {"p": proxy(), "q": proxy("q")}),)),
    Case("what is different is replaced", populate({**P, "upstream": "127.0.0.1:2"}), 201, {"proxies": [proxy(upstream="127.0.0.1:2")]}, given=(make(),)),
    Case("it can be disabled", populate({**P, "listen": "127.0.0.1:4", "enabled": False}), 201, {"proxies": [proxy(listen="127.0.0.1:4", enabled=False)]}),
    Case("toxics are taken", populate({**P, "toxics": [LATE]}), 201, {"proxies": [proxy(toxics=[toxic("latency_downstream", "latency", latency=7, jitter=0)])]}),
    Case("no toxics are none", populate({**P, "toxics": []}), 201, {"proxies": [proxy()]}),
    Case("unknown fields are ignored", populate({**P, "colour": 1}), 201, {"proxies": [proxy()]}),
    Case("each needs a name", populate(P, {"upstream": UPSTREAM}), 400, {**error(400, "missing required field: name at proxy 2"), "proxies": []}),
    Case("each needs an upstream", populate({"name": "p"}), 400, {**error(400, "missing required field: upstream at proxy 1"), "proxies": []}),
    Case("a failure tells what was made", populate(P, {**Q, "listen": TAKEN}), 500, {**error(500, LISTEN_FAILED), "proxies": [proxy()]}),
    Case("it needs JSON", Ask("POST", "/populate", "[{"), 400, {**error(400, BAD_BODY), "proxies": []}),
    Case("it needs a list", Ask("POST", "/populate", P), 400, {**error(400, BAD_BODY), "proxies": []}),
]

CASES = [*CREATING, *READING, *changing(), *DELETING, *POPULATING]
