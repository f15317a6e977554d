"""A class behind one address, everybody of which opens the same page in this moment."""

import collections
import concurrent.futures
import http.client
import threading
import time

from report import row

BROWSERS, CONNECTIONS, FILES = 60, 6, 40


def crowd(house, kind, arguments):
    owner = house.user(f"crowd-{kind}")
    for sort in ("static", "wasi") if kind == "wasi" else ("container",):
        name = f"crowd-{sort}"
        owner.publish(name, sort, "size-1" if sort != "static" else None)
        if sort != "static":
            owner.sleep(name)
            everybody(owner, name, sort, "asleep")
        everybody(owner, name, sort, "awake")
        owner.remove(name)


def everybody(house, name, sort, state):
    begin = threading.Barrier(BROWSERS * CONNECTIONS)

    def connection(number):
        """The files that one of a browser's connections asks for, one after another."""
        files, wrong = range(number % CONNECTIONS, FILES, CONNECTIONS), collections.Counter()
        opened = house.connect(120)
        begin.wait()
        for file in files:
            try:
                opened.request("GET", f"/?file={file}", headers=house.to(name))
                answer = opened.getresponse()
                whole = answer.read()
                if answer.status != 200 or not whole:
                    wrong[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                wrong[type(error).__name__] += 1
                opened.close()
        opened.close()
        return len(files), wrong

    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(BROWSERS * CONNECTIONS) as pool:
        done = list(pool.map(connection, range(BROWSERS * CONNECTIONS)))
    took = time.monotonic() - begun
    asked, wrong = sum(count for count, _ in done), sum((wrong for _, wrong in done), collections.Counter())
    measured = f"{asked - wrong.total()} in {took:.1f} s" + "".join(f", {count} x {what}" for what, count in wrong.items())
    row(f"{BROWSERS} browsers, {state}", sort, f"{asked} of {asked} files", measured, not wrong)
