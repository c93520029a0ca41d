"""Rows about toxics."""

from contract.case import EMPTY, Ask, Case, add, make, proxy, refused, text_like, toxic

BAD_BODY = text_like("bad request body: .+")
BAD_STREAM = "stream was invalid, can be either upstream or downstream"
HERE = (make(),)
LATE = add(name="t", type="latency", attributes={"latency": 100, "jitter": 7})
WITH_LATE = (make(), LATE)
TOLD = toxic("t", "latency", latency=100, jitter=7)
T = "/proxies/p/toxics/t"

KINDS = {
    "noop": {},
    "latency": {"latency": 1, "jitter": 2},
    "bandwidth": {"rate": 1},
    "slow_close": {"delay": 1},
    "timeout": {"timeout": 1},
    "reset_peer": {"timeout": 1},
    "slicer": {"average_size": 3, "size_variation": 2, "delay": 1},
    "limit_data": {"bytes": 1},
}


def kinds():
    for kind, attributes in KINDS.items():
        name = kind + "_downstream"
        told = toxic(name, kind, **attributes)
        yield Case(f"{kind} is taken as it is", add(type=kind, attributes=attributes), 200, told, given=HERE)
        none = toxic(name, kind, **dict.fromkeys(attributes, 0))
        yield Case(f"{kind} has zeros for what is missing", add(type=kind), 200, none, given=HERE)
        more = {**attributes, "colour": 1}
        yield Case(f"{kind} ignores unknown attributes", add(type=kind, attributes=more), 200, told, given=HERE)
        for attribute in attributes:
            for value in ("100", 1.5, True):
                claim = f"{kind}: {attribute} is not {value!r}"
                ask = add(type=kind, attributes={**attributes, attribute: value})
                yield refused(claim, ask, 400, BAD_BODY, given=HERE)


def streams():
    for stream in ("upstream", "downstream", "UPSTREAM", "DownStream"):
        told = toxic("t", "noop", stream=stream)
        yield Case(f"{stream} is echoed", add(name="t", type="noop", stream=stream), 200, told, given=HERE)
        yield Case(f"direction {stream} is a stream", add(name="t", type="noop", direction=stream), 200, told, given=HERE)
    for stream in ("sideways", " upstream"):
        yield refused(f"{stream!r} is no stream", add(type="noop", stream=stream), 400, BAD_STREAM, given=HERE)


def changing():
    for method in ("POST", "PATCH"):
        change = lambda body, path=T, method=method: Ask(method, path, body)
        told = toxic("t", "latency", latency=5, jitter=7)
        yield Case(f"{method} changes one attribute", change({"attributes": {"latency": 5}}), 200, told, given=WITH_LATE)
        yield Case(f"{method} changes the toxicity", change({"toxicity": 0.25}), 200, {**TOLD, "toxicity": 0.25}, given=WITH_LATE)
        yield Case(f"{method} of nothing changes nothing", change({}), 200, TOLD, given=WITH_LATE)
        others = {"name": "u", "type": "bandwidth", "stream": "upstream"}
        yield Case(f"{method} changes nothing else", change(others), 200, TOLD, given=WITH_LATE)
        yield refused(f"{method} needs integers", change({"attributes": {"latency": "5"}}), 400, BAD_BODY, given=WITH_LATE)
        yield refused(f"{method} needs JSON", change("{"), 400, BAD_BODY, given=WITH_LATE)
        yield refused(f"{method} needs the toxic", change({}), 404, "toxic not found", given=HERE)
        yield refused(f"{method} needs the proxy", change({}, "/proxies/q/toxics/t"), 404, "proxy not found", given=HERE)


CASES = [
    *kinds(),
    *streams(),
    *changing(),
    Case("downstream and wholly, unless said otherwise", add(type="noop"), 200, toxic("noop_downstream", "noop"), given=HERE),
    Case("the name tells the stream", add(type="noop", stream="upstream"), 200, toxic("noop_upstream", "noop", stream="upstream"), given=HERE),
    Case("a toxicity is told", add(type="noop", toxicity=0.5), 200, toxic("noop_downstream", "noop", toxicity=0.5), given=HERE),
    Case("a toxicity of nothing is told", add(type="noop", toxicity=0), 200, toxic("noop_downstream", "noop", toxicity=0), given=HERE),
    Case("unknown fields are ignored", add(type="noop", colour=1), 200, toxic("noop_downstream", "noop"), given=HERE),
    Case("packet loss is taken", add(type="packet_loss", attributes={"loss_rate": 0.5}), 200, given=HERE),
    refused("a toxicity above 1 is refused", add(type="noop", toxicity=7), 400, text_like(".+"), given=HERE),
    refused("a toxicity below 0 is refused", add(type="noop", toxicity=-3), 400, text_like(".+"), given=HERE),
    refused("a type is known", add(type="gravity"), 400, "invalid toxic type", given=HERE),
    refused("a type is given", add(name="t"), 400, "invalid toxic type", given=HERE),
    refused("it needs JSON", Ask("POST", "/proxies/p/toxics", "{"), 400, BAD_BODY, given=HERE),
    refused("it needs the proxy", add("/proxies/q/toxics", type="noop"), 404, "proxy not found", given=HERE),
    refused("a name is taken once", add(name="t", type="noop"), 409, "toxic already exists", given=WITH_LATE),
    refused("also in the other stream", add(name="t", type="noop", stream="upstream"), 409, "toxic already exists", given=WITH_LATE),
    Case("none", Ask("GET", "/proxies/p/toxics"), 200, [], given=HERE),
    Case(
        "all, upstream first, in the order in which they came",
        Ask("GET", "/proxies/p/toxics"),
        200,
        [toxic(name, "noop", stream=stream) for name, stream in (("b", "upstream"), ("d", "upstream"), ("a", "downstream"), ("c", "downstream"))],
        given=(make(), *(add(name=name, type="noop", stream=stream) for name, stream in (("a", "downstream"), ("b", "upstream"), ("c", "downstream"), ("d", "upstream")))),
    ),
    refused("those of no proxy", Ask("GET", "/proxies/q/toxics"), 404, "proxy not found", given=HERE),
    Case("one", Ask("GET", T), 200, TOLD, given=WITH_LATE),
    refused("none of that name", Ask("GET", "/proxies/p/toxics/u"), 404, "toxic not found", given=WITH_LATE),
    refused("one of no proxy", Ask("GET", "/proxies/q/toxics/t"), 404, "proxy not found", given=WITH_LATE),
    Case("one is deleted", Ask("DELETE", T), 204, EMPTY, given=WITH_LATE, then=((Ask("GET", "/proxies/p"), proxy()),)),
    refused("once", Ask("DELETE", T), 404, "toxic not found", given=HERE),
    refused("not of another proxy", Ask("DELETE", "/proxies/q/toxics/t"), 404, "proxy not found", given=WITH_LATE),
    Case("a slash in a name can be asked for", Ask("GET", "/proxies/p/toxics/a%2Fb"), 200, toxic("a/b", "noop"), given=(make(), add(name="a/b", type="noop"))),
]
