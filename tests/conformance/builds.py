"""Builds among neighbours: one account's that take long, and what another waits for meanwhile."""

import itertools
import time

from report import row

# How long a step of a slow build sleeps, in seconds.
SLOW = 45


def builds(house, kind, arguments):
    if kind == "container":
        among_containers(house)
    else:
        among_modules(house)


def among_containers(house):
    """Three slow builds, of which one is under way."""
    slow, other = house.user("slow-builder"), house.user("patient")
    names = [f"slow-{number}" for number in range(3)]
    for name in names:
        slow.publish(name, "container", "size-01", wait=0, step=f"RUN echo {time.time()}; sleep {SLOW}\n")
    slow.wait_stage(names[0], "BUILDING")
    for sort, wanted in (("static", 5), ("wasi", 20)):
        took = live(other, f"quick-{sort}", sort)
        row(f"{sort} beside a slow container", "builds", f"live within {wanted} s", f"{took:.1f} s", took < wanted)
    other.publish("turn", "container", "size-01", wait=0)
    time.sleep(1)
    places = [house_.runtime(name).get("queue") for house_, name in ((other, "turn"), (slow, names[1]), (slow, names[2]))]
    said = [place and place.get("place") for place in places]
    row("the place in the line", "builds", "1, 2, 3", ", ".join(map(str, said)), said == [1, 2, 3])
    began = time.monotonic()
    other.wait_stage("turn", "RUNNING", 3 * SLOW)
    stages = [slow.runtime(name)["stage"] for name in names[1:]]
    row("owners take turns", "builds", f"after one of {SLOW} s", f"{time.monotonic() - began:.0f} s; the others: {', '.join(stages)}", set(stages) == {"BUILDING"})
    for house_, name in [(other, "turn"), *((slow, name) for name in names)]:
        house_.remove(name)


def among_modules(house):
    """Six modules that compile until they are stopped, of one account and of two."""
    others = [house.user(f"bomber-{number}") for number in range(2)]
    honest = house.user("honest")
    # One account leaves a place to others; two have both, and then it is one turn, of `compile_wall` at most.
    for rivals, wanted in ((1, 10), (2, 130)):
        for number, rival in itertools.product(range(3), others[:rivals]):
            rival.create(f"bomb-{rivals}-{number}")
            rival.commit(f"bomb-{rivals}-{number}", rival.module(bomb(300, 300, 3000)))
        time.sleep(2)
        took = live(honest, f"page-{rivals}", "static")
        row(f"static beside {3 * rivals} hostile modules", "builds", "live within 5 s", f"{took:.1f} s", took < 5)
        took = live(honest, f"module-{rivals}", "wasi")
        row(f"wasi beside {rivals} who send them", "builds", f"live within {wanted} s", f"{took:.1f} s", took < wanted)
        for number, rival in itertools.product(range(3), others[:rivals]):
            rival.remove(f"bomb-{rivals}-{number}")


def live(house, name, kind):
    """Seconds until what is published is seen."""
    begun = time.monotonic()
    house.create(name)
    files = house.files(kind)
    if kind == "wasi":
        # Another than any before, by a section that nobody reads: what was compiled once is not compiled again.
        files["app.wasm"] += section(0, b"\x04seen" + name.encode())
    assert house.commit(name, files) == 200
    house.wait(lambda: house.visit(name)[0] == 200, 180, f"{name} is seen")
    took = time.monotonic() - begun
    house.remove(name)
    return took


def bomb(functions, variables, branches):
    """A command with that many functions of that many branches in a loop, over that many variables: each branch may
    change each variable, which is what compilers find hardest."""
    body = b"\x01" + leb(variables) + b"\x7e\x03\x40"
    for branch in range(branches):
        source, target = leb(branch * 7919 % variables), leb((branch * 104_729 + 13) % variables)
        # if (source) { target = target + source }
        body += b"\x20" + source + b"\xa7\x04\x40\x20" + target + b"\x20" + source + b"\x7c\x21" + target + b"\x0b"
    # if (first) continue
    body += b"\x20\x00\xa7\x0d\x00\x0b\x0b"
    code = leb(functions) + (leb(len(body)) + body) * functions
    content = {1: b"\x01\x60\x00\x00", 3: leb(functions) + bytes(functions), 5: b"\x01\x00\x01", 7: b"\x02\x06_start\x00\x00\x06memory\x02\x00", 10: code}
    return b"\0asm\x01\0\0\0" + b"".join(itertools.starmap(section, content.items()))


def section(kind, content):
    return bytes([kind]) + leb(len(content)) + content


def leb(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded + bytes([number]))
