"""One board for all visitors: the page over HTTP, the board over a WebSocket."""

import asyncio
import json
import os
import random
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import broadcast, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from board import HEIGHT, WIDTH, Board

PORT = int(os.environ.get("PORT", "7860"))
TICK = 0.1
# Cells that one visitor may plant with one message.
MOST_CELLS = 400
# A board with fewer cells is sown anew.
DESERTED = 12
# An old board has settled into blinkers: it is stirred a little every so many generations.
STIR_EVERY = 300

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css"}
PAGE = {
    "/" if file.name == "index.html" else f"/{file.name}": (TYPES[file.suffix], file.read_bytes())
    for file in Path(__file__).with_name("page").iterdir()
}

board = Board()
visitors = set()
somebody = asyncio.Event()


def page(connection, request):
    """Answers what is not a WebSocket."""
    path = request.path.partition("?")[0]
    if path == "/socket":
        return None
    if path not in PAGE:
        return connection.respond(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
    kind, body = PAGE[path]
    headers = Headers({"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-cache"})
    return Response(HTTPStatus.OK, "OK", headers, body)


async def visit(connection):
    """One visitor, from coming to going."""
    hue = random.randint(1, 255)
    hello = {"width": WIDTH, "height": HEIGHT, "hue": hue}
    await connection.send(json.dumps(hello))
    await connection.send(board.whole())
    visitors.add(connection)
    somebody.set()
    count()
    try:
        async for message in connection:
            plant(message, hue)
    except ConnectionClosed:
        pass
    finally:
        visitors.discard(connection)
        count()
        if not visitors:
            somebody.clear()


def plant(message, hue):
    """`[[x, y], …]`; whatever else a visitor sends is no planting."""
    try:
        places = [(int(x), int(y)) for x, y in json.loads(message)[:MOST_CELLS]]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return
    for x, y in places:
        board.plant(x, y, hue)
    broadcast(visitors, board.whole())


def count():
    broadcast(visitors, json.dumps({"visitors": len(visitors)}))


async def live():
    """Lets the board live while somebody looks."""
    while True:
        await somebody.wait()
        await asyncio.sleep(TICK)
        board.step()
        if len(board.cells) < DESERTED:
            board.sow()
        elif board.generation % STIR_EVERY == 0:
            x, y = random.randrange(WIDTH), random.randrange(HEIGHT)
            for dx, dy in [(1, 0), (2, 0), (0, 1), (1, 1), (1, 2)]:
                board.plant(x + dx, y + dy, random.randint(1, 255))
        broadcast(visitors, board.whole())


async def main():
    board.sow()
    async with serve(visit, "0.0.0.0", PORT, process_request=page, max_size=1 << 16, max_queue=16):
        print(f"listening on {PORT}")
        await live()


asyncio.run(main())
