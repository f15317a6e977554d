"""The landscape as a map, with the paths on it."""

import numpy as np

SIZE = 560
LINES = 16

DEEP, LOW, HIGH, PEAK = (20, 24, 62), (38, 92, 116), (132, 176, 132), (240, 232, 200)


def terrain(landscape):
    """A square of colours by height, with contour lines."""
    side = np.linspace(-landscape.reach, landscape.reach, SIZE)
    x, y = np.meshgrid(side, side[::-1])
    height = landscape.height(x, y)
    # Half of all pixels shall lie below the middle of the colours, whatever the function.
    low = height.min()
    share = np.sqrt((height - low) / (np.quantile(height, 0.97) - low)).clip(0, 1)
    ramp = np.array([DEEP, LOW, HIGH, PEAK], dtype=float)
    place = share * (len(ramp) - 1)
    below = place.astype(int).clip(0, len(ramp) - 2)
    colours = ramp[below] + (ramp[below + 1] - ramp[below]) * (place - below)[..., None]
    level = np.floor(share * LINES)
    contour = (level != np.roll(level, 1, axis=0)) | (level != np.roll(level, 1, axis=1))
    contour[0], contour[:, 0] = False, False
    colours[contour] *= 0.82
    return colours.astype(np.uint8)


def pixel(landscape, place):
    """Column and row of a place."""
    x, y = place
    return (x / landscape.reach + 1) / 2 * (SIZE - 1), (1 - y / landscape.reach) / 2 * (SIZE - 1)


def _disc(picture, column, row, radius, colour):
    if not (np.isfinite(column) and np.isfinite(row)):
        return
    left, top = int(np.floor(column - radius - 1)), int(np.floor(row - radius - 1))
    right, bottom = int(np.ceil(column + radius + 2)), int(np.ceil(row + radius + 2))
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, SIZE), min(bottom, SIZE)
    if left >= right or top >= bottom:
        return
    rows, columns = np.mgrid[top:bottom, left:right]
    cover = (radius + 0.5 - np.hypot(columns - column, rows - row)).clip(0, 1)[..., None]
    part = picture[top:bottom, left:right]
    part[:] = (part * (1 - cover) + np.array(colour) * cover).astype(np.uint8)


def draw_step(picture, landscape, before, after, colour):
    """A line from one place to the next, and a bead where it ends."""
    (first_column, first_row), (last_column, last_row) = pixel(landscape, before), pixel(landscape, after)
    length = np.hypot(last_column - first_column, last_row - first_row)
    # A step far out of the picture is drawn only as far as it can be seen.
    for share in np.linspace(0, 1, int(min(length, 4 * SIZE)) + 1):
        column = first_column + (last_column - first_column) * share
        row = first_row + (last_row - first_row) * share
        _disc(picture, column, row, 1.1, colour)
    _disc(picture, last_column, last_row, 2.4, colour)


def draw_walker(picture, landscape, place, colour):
    """Where somebody stands now."""
    column, row = pixel(landscape, place)
    _disc(picture, column, row, 8, (255, 255, 255))
    _disc(picture, column, row, 6, colour)


def rgb(colour):
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))
