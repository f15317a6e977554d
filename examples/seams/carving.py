"""Seam carving: the path of least energy from top to bottom is taken out of a picture, again and again."""

import numpy as np

# How bright red, green and blue look (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def brightness(picture):
    """Rows and columns of numbers between 0 and 255."""
    return picture.astype(np.float32) @ LUMA


def energy(picture):
    """How much each pixel differs from its neighbours."""
    light = np.pad(brightness(picture), 1, mode="edge")
    across = light[1:-1, 2:] - light[1:-1, :-2]
    down = light[2:, 1:-1] - light[:-2, 1:-1]
    return np.abs(across) + np.abs(down)


def seam(light):
    """For each row, the column whose removal is noticed least.

    The cost of a step is the difference between the pixels that come to touch when the seam is gone.
    """
    height, width = light.shape
    left = np.concatenate([light[:, :1], light[:, :-1]], axis=1)
    right = np.concatenate([light[:, 1:], light[:, -1:]], axis=1)
    touching = np.abs(right - left)
    # Pixels that nobody looks between are taken in turn, not always the first.
    total = touching[0].copy()
    came_from = np.zeros((height, width), dtype=np.int8)
    edge = np.float32(np.inf)
    for row in range(1, height):
        above = light[row - 1]
        straight = total + touching[row]
        from_left = np.concatenate([[edge], total[:-1]]) + touching[row] + np.abs(above - left[row])
        from_right = np.concatenate([total[1:], [edge]]) + touching[row] + np.abs(above - right[row])
        total = straight
        leans = from_left < total
        came_from[row, leans] = -1
        total = np.where(leans, from_left, total)
        leans = from_right < total
        came_from[row, leans] = 1
        total = np.where(leans, from_right, total)
    columns = np.empty(height, dtype=np.intp)
    columns[-1] = int(np.argmin(total))
    for row in range(height - 1, 0, -1):
        columns[row - 1] = columns[row] + came_from[row, columns[row]]
    return columns


def without(picture, columns):
    """The picture, one column narrower."""
    height, width = picture.shape[:2]
    keep = np.ones((height, width), dtype=bool)
    keep[np.arange(height), columns] = False
    return picture[keep].reshape(height, width - 1, *picture.shape[2:])


def carve(picture, width):
    """Yields, for each seam that goes, its columns and the picture without it."""
    light = brightness(picture)
    while picture.shape[1] > width:
        columns = seam(light)
        picture, light = without(picture, columns), without(light, columns)
        yield columns, picture


def colours(picture, count, rounds=12):
    """The colours of a picture and their shares, largest first: k-means on some of its pixels."""
    pixels = picture.reshape(-1, 3).astype(np.float32)
    chance = np.random.default_rng(1)
    pixels = pixels[chance.integers(len(pixels), size=min(len(pixels), 8000))]
    centres = [pixels[0]]
    for _ in range(count - 1):
        # The next centre is the pixel farthest from all there are.
        away = np.min([((pixels - centre) ** 2).sum(axis=1) for centre in centres], axis=0)
        centres.append(pixels[int(np.argmax(away))])
    centres = np.array(centres)
    for _ in range(rounds):
        nearest = ((pixels[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        for index in range(count):
            members = pixels[nearest == index]
            if len(members):
                centres[index] = members.mean(axis=0)
    shares = np.bincount(nearest, minlength=count) / len(pixels)
    order = np.argsort(-shares)
    return centres[order].round().astype(np.uint8), shares[order]
