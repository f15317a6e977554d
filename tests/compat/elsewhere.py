"""A network of the visitor's own, in which no container's interface comes and goes: Chromium drops what it is loading then."""

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading
import time

NEW_NETWORK = 0x40000000  # CLONE_NEWNET of unshare(2)


async def _relay(start, connect):
    async def carry(reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def accept(reader, writer):
        try:
            there, away = await connect()
        except OSError:
            return writer.close()
        await asyncio.gather(carry(reader, away), carry(there, writer))

    server = await start(accept)
    await server.serve_forever()


def move(port, path):
    """Moves this process, and those that it starts from now on, where only that port of this machine's is to be reached."""
    # A socket with a path is the same in all networks.
    outside = subprocess.Popen([sys.executable, __file__, str(port), str(path)])
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_NETWORK):
        raise SystemExit(f"unshare: {os.strerror(ctypes.get_errno())}")
    for command in ("link set lo up", "link add visitor type veth peer name street", "addr add 192.0.2.1/24 dev visitor",
                    "link set visitor up", "link set street up"):
        subprocess.run(["ip", *command.split()], check=True)

    def inside():
        asyncio.run(_relay(lambda accept: asyncio.start_server(accept, "127.0.0.1", port),
                           lambda: asyncio.open_unix_connection(path)))

    threading.Thread(target=inside, daemon=True).start()
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            if os.path.exists(path):
                return outside
        time.sleep(0.05)


if __name__ == "__main__":
    port, path = sys.argv[1:]
    asyncio.run(_relay(lambda accept: asyncio.start_unix_server(accept, path),
                       lambda: asyncio.open_connection("127.0.0.1", int(port))))
