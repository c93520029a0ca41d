"""Checks every row of the contract against a running server: http_contract.py HOST:PORT [WORDS OF A CLAIM].

Each row starts from a server without proxies. All rows are checked, and those that fail are told with what came instead.
"""

import http.client
import json
import sys
from urllib.parse import quote

from contract import proxies, server, toxics
from contract.case import EMPTY, Ask

TABLES = {"server": server.CASES, "proxies": proxies.CASES, "toxics": toxics.CASES}
REQUEST_ID = "X-Toxiproxy-Request-Id"


class Answer:
    """What came back."""

    def __init__(self, response):
        self.status = response.status
        self.type = response.getheader("Content-Type")
        self.id = response.getheader(REQUEST_ID)
        self.text = response.read().decode()

    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Server:
    """One connection for one row, so that a row that breaks it breaks no other."""

    def __init__(self, address):
        self.address = address
        self.connection = http.client.HTTPConnection(address, timeout=5)

    def ask(self, ask):
        body = ask.encoded()
        if body is not None:
            body = body.replace("{server}", self.address)
        in_chunks = ask.headers.get("Transfer-Encoding") == "chunked"
        if in_chunks:
            body = iter([body[:9].encode(), body[9:].encode()])
        self.connection.request(ask.method, ask.path, body, ask.headers, encode_chunked=in_chunks)
        return Answer(self.connection.getresponse())

    def clear(self):
        for name in self.ask(Ask("GET", "/proxies")).json():
            self.ask(Ask("DELETE", "/proxies/" + quote(name, safe="")))


def complaints(server, case, ids):
    """What is wrong with the answers to a row; nothing, when it holds."""
    for given in case.given:
        server.ask(given)
    answer = server.ask(case.ask)
    if answer.status != case.status:
        yield "status %s, not %s (%.120s)" % (answer.status, case.status, answer.text)
    if case.type is not None and case.body != EMPTY and answer.type != case.type:
        yield "content type %r, not %r" % (answer.type, case.type)
    yield from of_body(answer, case.body)
    if not answer.id or answer.id in ids:
        yield "%s is %r" % (REQUEST_ID, answer.id)
    ids.add(answer.id)
    for ask, wanted in case.then:
        told = server.ask(ask).json()
        if not wanted == told:
            yield "then %s %s is %s, not %s" % (ask.method, ask.path, told, wanted)


def of_body(answer, wanted):
    if wanted is None:
        return
    if isinstance(wanted, (dict, list)):
        is_right = wanted == answer.json()
    elif wanted == EMPTY:
        is_right = answer.text == ""
    elif isinstance(wanted, str):
        is_right = wanted == answer.text.removesuffix("\n")
    else:
        is_right = wanted == answer.text
    if not is_right:
        yield "body %r, not %r" % (answer.text, wanted)


def check(address, table, case, ids):
    server = Server(address)
    try:
        server.clear()
        wrong = list(complaints(server, case, ids))
    except (OSError, http.client.HTTPException, AttributeError, TypeError) as error:
        wrong = ["%s: %s" % (type(error).__name__, error)]
    finally:
        server.connection.close()
    if wrong:
        print("FAILED %s: %s (%s %s)" % (table, case.claim, case.ask.method, case.ask.path))
        for complaint in wrong:
            print("       " + complaint)
    return not wrong


def main():
    address, words = sys.argv[1], " ".join(sys.argv[2:])
    ids, failed, checked = set(), 0, 0
    for table, cases in TABLES.items():
        for case in cases:
            if words in case.claim:
                checked += 1
                failed += not check(address, table, case, ids)
    print("http contract: %d of %d rows hold" % (checked - failed, checked))
    sys.exit(failed > 0)


main()
