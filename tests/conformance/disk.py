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
    again_and_again(house)
    laid_out(house)


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
    # The client for Xet passes on the status alone.
    wordless = [said for said, _ in refused if "quota of disk" not in said and not said.startswith("403 Forbidden), domain")]
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


def again_and_again(house):
    """Sent and removed, ten times: what is on no one's account any more must not stay on the disk."""
    owner, before = house.user("churn"), house.stored()
    house.set_quota(owner.owner, disk=FREE)
    for number in range(10):
        writing.make(owner, f"model-{number}")
        taken, said = writing.lfs(owner, f"model-{number}", number, 5 * SIZE)
        assert taken, said
        owner.remove(f"model-{number}", "model")
    kept = house.stored() - before
    row(f"10 x {5 * SIZE // MIB} MiB sent and removed", "disk", f"at most {FREE // MIB} MiB lie", f"{kept / MIB:.1f} MiB", kept <= FREE)


def laid_out(house):
    """Zeros, of which a push is small, and the static Space that is laid out of it is not."""
    owner, before = house.user("zeros"), house.stored()
    owner.create("page")
    house.set_quota(owner.owner, disk=owner.used("disk") + FREE)
    taken, said = writing.push_page(owner, "page", 8 * FREE)
    with contextlib.suppress(TimeoutError, RuntimeError):
        owner.wait_stage("page", "RUNNING", 30)
    kept = house.stored() - before
    row(f"{8 * FREE // MIB} MiB of zeros for a page", "disk", f"kept of {FREE // MIB} MiB", f"{kept / MIB:.1f} MiB, {'taken' if taken else said}"[:60], kept <= FREE + CHUNK)
    owner.remove("page")


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
    """Containers that write under /data more than their owner may have; their cards let them."""
    # What is written between two looks comes on top.
    wanted = FREE // MIB
    for name, path, what in (("keeper", "/keep", "written under /data"), ("holder", "/keep?held=1", "  removed there, but held open")):
        owner = house.user(name)
        owner.publish(name, "container", "size-025", card="storage: 1 GiB\n")
        time.sleep(2)
        house.set_quota(name, disk=owner.used("disk") + FREE)
        got = written(owner, name, path)
        row(what, "container", f"{wanted} MiB, every 0.5 s", f"{got} MiB", wanted - 2 <= got <= wanted + 16)
        if name == "keeper":
            with contextlib.suppress(TimeoutError):
                owner.wait(lambda: "quota of disk" in (owner.runtime(name).get("errorMessage") or ""), 60, "a reason")
            said = owner.runtime(name).get("errorMessage") or "nothing"
            row("  and it is said why", "container", "the quota of disk", said[:34], "quota of disk" in said)
        owner.remove(name)


def written(owner, name, path):
    """MiB until it is stopped, but not far more than there is room for. One that was started again has fewer files open."""
    got = files = 0
    with contextlib.suppress(OSError):
        while got < 4 * FREE // MIB:
            joint = "&" if "?" in path else "?"
            status, answer, _ = owner.visit(name, f"{path}{joint}mib=2&part={time.monotonic_ns()}", timeout=20)
            if status != 200 or owner.runtime(name)["stage"] != "RUNNING" or int(answer) <= files:
                break
            got, files = got + 2, int(answer)
            time.sleep(0.2)
    return got
