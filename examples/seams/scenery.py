"""Pictures to start with, drawn by arithmetic."""

import numpy as np

HEIGHT, WIDTH = 300, 460


def _grid():
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return rows, columns


def _between(first, second, share):
    share = np.clip(share, 0, 1)[..., None]
    return np.array(first, dtype=np.float32) * (1 - share) + np.array(second, dtype=np.float32) * share


def _paint(canvas, mask, colour):
    canvas[:] = canvas * (1 - mask[..., None]) + colour * mask[..., None]


def _soft(distance):
    """From a distance in pixels, negative inside, to how much is covered."""
    return np.clip(0.5 - distance, 0, 1)


def balloons():
    """Three balloons over hills."""
    rows, columns = _grid()
    sky = _between((122, 173, 214), (246, 222, 190), rows / (0.8 * HEIGHT))
    canvas = sky.copy()
    for depth, (base, tone) in enumerate([(212, (142, 164, 160)), (238, (98, 132, 112)), (266, (52, 88, 70))]):
        swell = np.sin(columns / (61 - 11 * depth) + 2 * depth) * (16 - 3 * depth)
        swell += np.sin(columns / (23 + 7 * depth)) * 5
        _paint(canvas, _soft(base + swell - rows), np.array(tone, dtype=np.float32))
    for x, y, size, colours in [
        (96, 112, 46, ((206, 58, 52), (250, 236, 214))),
        (262, 78, 33, ((38, 84, 146), (248, 196, 70))),
        (398, 138, 25, ((228, 128, 42), (120, 46, 92))),
    ]:
        _balloon(canvas, rows, columns, x, y, size, colours)
    return canvas.clip(0, 255).astype(np.uint8)


def _balloon(canvas, rows, columns, x, y, size, colours):
    across, down = (columns - x) / size, (rows - y) / size
    # Round above, drawn in below.
    narrow = np.where(down > 0, 1 - 0.28 * np.clip(down, 0, 1.25) ** 2, 1)
    inside = _soft((np.hypot(across / narrow, np.where(down > 0, down / 1.22, down)) - 1) * size)
    angle = np.arcsin(np.clip(across / np.sqrt(np.clip(1 - (down / 1.3) ** 2, 0.05, 1)), -1, 1))
    stripe = (np.floor(angle / (np.pi / 8)).astype(int) % 2)[..., None]
    cloth = np.where(stripe == 0, np.array(colours[0]), np.array(colours[1])).astype(np.float32)
    light = (0.72 + 0.36 * np.clip(1 - np.hypot(across + 0.4, down + 0.45), 0, 1))[..., None]
    canvas[:] = canvas * (1 - inside[..., None]) + cloth * light * inside[..., None]
    basket_top, basket_half = y + 1.62 * size, 0.17 * size
    for side in (-1, 1):
        rope = x + side * (basket_half + 0.35 * size * (basket_top - rows) / (0.5 * size))
        between = (rows > y + 1.1 * size) & (rows < basket_top)
        _paint(canvas, _soft(np.abs(columns - rope) - 0.4) * between, np.array((70, 54, 44), dtype=np.float32))
    edge = np.maximum(np.abs(columns - x) - basket_half, np.abs(rows - basket_top - 0.14 * size) - 0.14 * size)
    _paint(canvas, _soft(edge), np.array((104, 70, 44), dtype=np.float32))


def harbour():
    """Two boats, a lighthouse and a low sun."""
    rows, columns = _grid()
    canvas = _between((44, 52, 96), (250, 158, 108), rows / (0.62 * HEIGHT))
    sun = np.hypot(columns - 250, rows - 176) - 30
    _paint(canvas, _soft(sun), np.array((255, 224, 160), dtype=np.float32))
    sea = _between((206, 122, 104), (24, 44, 78), (rows - 186) / (HEIGHT - 186))
    ripple = np.sin(rows * 1.1 + np.sin(columns / 9) * 1.4) * np.clip(1 - np.abs(columns - 250) / 90, 0, 1)
    sea = sea + 46 * np.clip(ripple, 0, 1)[..., None] * np.array((1, 0.8, 0.5), dtype=np.float32)
    canvas = np.where((rows > 186)[..., None], sea, canvas)
    tower = np.maximum(np.abs(columns - 404) - (11 + (rows - 90) * 0.06), np.maximum(90 - rows, rows - 204))
    bands = np.where((((rows - 90) // 23).astype(int) % 2 == 0)[..., None], (226, 220, 212), (176, 52, 48))
    _paint_each(canvas, _soft(tower), bands.astype(np.float32))
    lamp = np.maximum(np.abs(columns - 404) - 8, np.abs(rows - 82) - 8)
    _paint(canvas, _soft(lamp), np.array((255, 240, 170), dtype=np.float32))
    rock = np.hypot((columns - 410) / 2.6, rows - 222) - 27
    _paint(canvas, _soft(rock), np.array((38, 36, 48), dtype=np.float32))
    for x, y, size in [(92, 226, 1.0), (190, 206, 0.55)]:
        _boat(canvas, rows, columns, x, y, size)
    return canvas.clip(0, 255).astype(np.uint8)


def _boat(canvas, rows, columns, x, y, size):
    across, down = (columns - x) / size, (rows - y) / size
    hull = np.maximum(np.abs(across) - (40 - 1.3 * np.clip(down, 0, 14)), np.maximum(-down, down - 14))
    _paint(canvas, _soft(hull * size), np.array((52, 34, 40), dtype=np.float32))
    for side, colour, reach in [(1, (246, 238, 222), 34), (-1, (222, 112, 88), 24)]:
        sail = np.maximum(side * across - reach * (1 + (down + 6) / 70), np.maximum(2 - side * across, down + 6))
        _paint(canvas, _soft(np.maximum(sail, -76 - down) * size), np.array(colour, dtype=np.float32))


def _paint_each(canvas, mask, colours):
    canvas[:] = canvas * (1 - mask[..., None]) + colours * mask[..., None]
