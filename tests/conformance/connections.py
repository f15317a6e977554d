"""Connections that say nothing, by thousands, from one address and from one IPv6 network."""

import contextlib
import subprocess
import threading
import time

import ways
from adapter import Glasshouse
from report import row

FLOOD = 5000
HALF = b"GET / HTTP/1.1\r\nHost: loc"
# Any address of it can be had on this machine while the route is there; each /64 of it is somebody else.
NETWORK = "fd00:7a5e::/48"


def connections(house, kind, arguments):
    if kind == "container":
        return
    judge(house, "IPv4", lambda number: "127.0.0.1", "127.0.0.2")
    slow_fetches(house)
    with routed() as can:
        if not can:
            return row("IPv6 /64", "net", "a route for it", "not on this machine", True)
        own = Glasshouse(arguments.binary, "::1")
        try:
            judge(own, "IPv6 /64", lambda number: f"fd00:7a5e:0:1::{number % 50_000 + 1:x}", "fd00:7a5e:0:2::1")
        finally:
            own.stop()


def judge(house, net, attacker, stranger):
    healthy = lambda source: house.raw("GET", "/healthz", timeout=10, source=source)[0] == 200
    with flood(house, attacker) as opened:
        house.wait(lambda: opened[0] >= FLOOD, 60, "the flood is there")
        for who, source, soon in (("another net", stranger, 1), ("the same net", attacker(49_999), 5)):
            served, slowest = 0, 0
            for _ in range(100):
                begun = time.monotonic()
                with contextlib.suppress(OSError):
                    served += healthy(source)
                slowest = max(slowest, time.monotonic() - begun)
            row(f"{FLOOD} half open: {who}", net, f"100, each within {soon} s", f"{served}, slowest {slowest * 1000:.0f} ms", served == 100 and slowest < soon)
    begin = lambda source: house.raw("POST", "/oauth/device", "client_id=x", {"Content-Type": "application/x-www-form-urlencoded"}, source=source)[0]
    codes = [begin(attacker(number)) for number in range(200)]
    row("200 device codes", net, "50", f"{codes.count(200)}, {codes.count(429)} refused", codes.count(200) == 50 and codes.count(429) == 150)
    status = begin(stranger)
    row("  another net's", net, "200", str(status), status == 200)


def slow_fetches(house):
    """Strangers who begin to ask for a clone and go no further, while somebody else asks for one."""
    ways.make(house, "cloned")
    address = f"/{house.owner}/cloned.git"
    head = f"POST {address}/git-upload-pack HTTP/1.1\r\nHost: localhost:{house.port}\r\nContent-Length: 1000000\r\n\r\n"
    with contextlib.ExitStack() as held:
        for _ in range(20):
            held.enter_context(house.open_socket(5, "127.0.0.3")).sendall(head.encode())
        time.sleep(1)
        begun = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(["git", "ls-remote", f"http://{house.address}:{house.port}{address}"], capture_output=True, timeout=60, check=False)
        took = time.monotonic() - begun
    row("20 unfinished fetches: another", "net", "answered within 5 s", f"{took:.1f} s", took < 5)
    house.remove("cloned", "model")


@contextlib.contextmanager
def flood(house, source):
    """Opens one after another, and lets none go; the oldest it forgets when it has as many."""
    stop, opened, held = threading.Event(), [0], []

    def open_all():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                one = house.open_socket(5, source(opened[0]))
                one.sendall(HALF)
                held.append(one)
                opened[0] += 1
            while len(held) > FLOOD:
                held.pop(0).close()

    opening = threading.Thread(target=open_all)
    opening.start()
    try:
        yield opened
    finally:
        stop.set()
        opening.join()
        for one in held:
            one.close()


@contextlib.contextmanager
def routed():
    """Whether all of `NETWORK` leads to this machine, for as long as it is wanted."""
    route = ["ip", "-6", "route", "add", "local", NETWORK, "dev", "lo"]
    try:
        can = subprocess.run(route, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        can = False
    try:
        yield can
    finally:
        if can:
            route[3] = "del"
            subprocess.run(route, capture_output=True, check=False)
