"""A row of the contract, and the few patterns that an answer is compared with."""

import json
import re
from dataclasses import dataclass, field

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
# No bytes of a body; a content type is then of no interest.
EMPTY = ""


@dataclass(frozen=True)
class Ask:
    """A request. A body that is not a string is sent as JSON."""

    method: str
    path: str
    body: object = None
    headers: dict = field(default_factory=dict)

    def encoded(self):
        if self.body is None or isinstance(self.body, str):
            return self.body
        return json.dumps(self.body)


@dataclass(frozen=True)
class Case:
    """What is given, on a server without proxies; what is asked; what is answered."""

    claim: str
    ask: Ask
    status: int
    body: object = None  # None: anything. A string: these very bytes, but for the line's end. Else JSON.
    type: str = JSON
    given: tuple = ()
    # Asked afterwards; the JSON that has to be answered with 200.
    then: tuple = ()


class Pattern:
    """Equal to whatever fits."""

    def __init__(self, name, fits):
        self.name, self.fits = name, fits

    def __eq__(self, other):
        return self.fits(other)

    def __repr__(self):
        return "<%s>" % self.name


def text_like(pattern):
    """A string in which the regular expression is found from its beginning to its end."""
    return Pattern(pattern, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


REAL_PORT = text_like(r"127\.0\.0\.1:[1-9]\d*")
ANY_INTERFACE = text_like(r"\[::\]:[1-9]\d*")
LOCALHOST = text_like(r"(127\.0\.0\.1|\[::1\]):[1-9]\d*")


def error(status, text):
    """The body of a refusal; the text is a string or a pattern."""
    return {"error": text, "status": status}


def refused(claim, ask, status, text, **more):
    """A row with a refusal: JSON, though its content type says text."""
    return Case(claim, ask, status, error(status, text), type=TEXT, **more)


# A proxy to start from; nothing listens behind it.
UPSTREAM = "127.0.0.1:1"


def make(name="p", listen="127.0.0.1:0", **more):
    return Ask("POST", "/proxies", {"name": name, "listen": listen, "upstream": UPSTREAM, **more})


def proxy(name="p", listen=REAL_PORT, enabled=True, toxics=(), upstream=UPSTREAM):
    return {"name": name, "listen": listen, "upstream": upstream, "enabled": enabled, "toxics": list(toxics)}


def toxic(name, type, stream="downstream", toxicity=1, **attributes):
    return {"name": name, "type": type, "stream": stream, "toxicity": toxicity, "attributes": attributes}


def add(path="/proxies/p/toxics", **toxic):
    return Ask("POST", path, toxic)
