"""What the victim of an experiment sees: probes that the experiments call."""

import http.client
import time


def fetch_ms(port, path="/blob"):
    """Milliseconds until the whole answer is there; -1 when there is none."""
    begin = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return round((time.monotonic() - begin) * 1000) if answer.status == 200 else -1
    except (OSError, http.client.HTTPException):
        return -1
    finally:
        connection.close()


def fetch_within(port, lower_ms, upper_ms):
    """The same, but a time outside of these bounds is a failure of the activity."""
    measured_ms = fetch_ms(port)
    if not int(lower_ms) <= measured_ms <= int(upper_ms):
        raise AssertionError(f"{measured_ms} ms is not between {lower_ms} and {upper_ms}")
    return measured_ms


def fetch_ms_if_there(host, api_port, port):
    """The same, but 0 before the experiment has made its proxy: then nothing is broken yet."""
    connection = http.client.HTTPConnection(host, int(api_port), timeout=5)
    connection.request("GET", "/proxies/site")
    is_there = connection.getresponse().status == 200
    connection.close()
    return fetch_ms(port) if is_there else 0
