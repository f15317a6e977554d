"""One quota of disk, by whatever way it is written, and by many at once."""

import concurrent.futures
import contextlib
import threading
import time

import ways as writing
from report import row

MIB = 1 << 20
WRITERS = 20
# What each of them writes, and what there is room for.
SIZE, FREE = 4 * MIB, 24 * MIB
# What each may have on its way when it hears that it is too much.
CHUNK = 64 << 10


def ways(house, kind, arguments):
    if kind == "container":
        return under_data(house)
    for number, (way, (write, leaves)) in enumerate(writing.WAYS.items()):
        one(house.user(f"way-{number}"), house, way, [(write, leaves)])
    one(house.user("all-ways"), house, "every way", list(writing.WAYS.values()))


def one(owner, operator, way, writers):
    """`WRITERS` of them at once, in turn each of `writers`, with room for some; then everything is removed."""
    name = "model"
    writing.make(owner, name)
    # What there is to duplicate.
    taken, said = writing.commit(owner, name, "first", SIZE)
    assert taken, said
    in_parts = writing.lfs_in_parts in [write for write, _ in writers]
    # So much has to be free for a file in parts to be begun.
    free = FREE + (writing.PART if in_parts else 0)
    # A Space takes more than its files: it is built.
    before, used = owner.stored(), owner.used("disk")
    operator.set_quota(owner.owner, disk=used + free)
    writers = [writers[number % len(writers)][0] for number in range(max(WRITERS, free // SIZE + 6))]

    def write(number):
        begun = time.monotonic()
        taken, said = writers[number](owner, name, number, SIZE)
        return taken, said, time.monotonic() - begun

    with watching(owner) as most, concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
        done = list(pool.map(write, range(len(writers))))
    kept, most, booked = owner.stored() - before, max(most) - before, owner.used("disk") - used
    bound = free + len(writers) * CHUNK
    measured = f"{kept / MIB:.1f} MiB, booked {booked / MIB:.1f}, most {most / MIB:.1f}"
    row(f"{len(writers)} by {way}", "disk", f"kept of {free // MIB} MiB", measured, 0 < kept <= bound and booked <= free and most <= bound)
    # Of those who move the same branch at once, one is told that another was faster.
    refused = [(said, took) for taken, said, took in done if not taken and "has moved" not in said]
    wordless = [said for said, _ in refused if "quota of disk" not in said]
    slowest = max((took for _, took in refused), default=0)
    measured = f"{len(refused)} refused, {len(wordless)} wordless, {slowest:.1f} s"
    row("  refused in words, soon", "disk", "within 30 s", measured, bool(refused) and not wordless and slowest < 30)
    for said in wordless[:2]:
        print("   ", said[:300])
    for repository in owner.repositories():
        owner.remove(*repository)
    left = owner.used("disk")
    writing.make(owner, "next")
    again, said = writing.commit(owner, "next", 0, SIZE)
    row("  room again when it is removed", "disk", "another is taken", f"{left / MIB:.1f} MiB booked, {'taken' if again else said}", again and left == 0)
    owner.remove("next", "model")


@contextlib.contextmanager
def watching(house):
    """What lies there, looked at again and again."""
    most, stop = [0], threading.Event()

    def look():
        while not stop.is_set():
            most.append(house.stored())
            time.sleep(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        stop.set()
        looking.join()


def under_data(house):
    """A container that writes under /data more than its owner may have; its card lets it."""
    owner = house.user("keeper")
    owner.publish("keeper", "container", "size-025", card="storage: 1 GiB\n")
    time.sleep(2)
    before = owner.stored()
    house.set_quota(owner.owner, disk=owner.used("disk") + FREE)
    got = 0
    with contextlib.suppress(OSError):
        while got < 4 * FREE // MIB and owner.visit("keeper", f"/keep?mib=2&part={got}", timeout=20)[0] == 200:
            got += 2
            time.sleep(0.2)
    kept = owner.stored() - before
    row("written under /data until stopped", "container", f"{FREE // MIB} MiB, every 0.5 s", f"{kept // MIB} MiB", FREE // MIB - 2 <= kept // MIB <= FREE // MIB + 16)
    runtime = owner.runtime("keeper")
    said = runtime.get("errorMessage") or ""
    row("  and it is said why", "container", "the quota of disk", f"{runtime['stage']}: {said}"[:80], "disk" in said)
    house.set_quota(owner.owner, disk=None)
    owner.wait_stage("keeper", "RUNNING", 90)
    status = owner.visit("keeper", "/")[0]
    row("  and goes on with more", "container", "200", str(status), status == 200)
    owner.pause("keeper")
