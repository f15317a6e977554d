"""Digits as a pen draws them, for the shapes that the data set hardly has: a seven without a bar, a plain one, an
angular four. Each line is a digit and its strokes, through points of a box 100 wide and 100 high; a `~` before a
stroke makes it a curve through its points. No two renderings are alike.
"""

import numpy as np

SHAPES = """
0 ~ 50,0 22,12 10,50 22,88 50,100 78,88 90,50 78,12 50,0
0 ~ 60,2 30,10 18,55 35,95 60,95 80,55 72,15 52,0
0 ~ 45,0 80,15 85,60 55,100 25,85 18,40 35,8 55,3
1 50,0 50,100
1 30,28 55,0 55,100
1 32,22 52,0 52,100 | 25,100 80,100
1 62,0 46,100
1 20,35 58,0 58,100
1 38,12 52,0 50,100 | 30,98 72,98
2 ~ 15,25 30,3 65,2 80,25 65,50 20,95 | 18,97 85,97
2 ~ 12,22 40,0 80,15 70,50 30,85 14,100 45,94 90,98
2 ~ 18,30 35,5 70,5 78,35 45,70 15,98 | 15,98 90,100
2 ~ 20,20 50,0 78,22 60,60 22,90 12,98 25,82 50,90 88,94
3 ~ 18,12 50,0 78,18 65,42 42,48 70,55 82,78 55,100 15,90
3 15,2 80,2 45,40 | ~ 45,40 75,50 82,75 55,100 15,92
3 ~ 22,8 60,0 75,22 50,46 | ~ 50,46 80,58 78,88 45,100 18,90
3 ~ 15,15 40,0 70,8 72,32 45,45 35,48 60,50 85,68 70,96 35,100 12,85
4 60,0 10,65 90,65 | 68,30 62,100
4 20,0 15,52 85,52 | 78,0 78,100
4 25,0 18,48 80,48 | 75,5 68,100
4 68,100 68,0 10,68 95,68
4 ~ 35,0 18,35 20,52 50,55 85,48 | 75,12 66,100
4 15,0 15,45 75,45 | 75,0 75,100
5 80,0 25,0 22,42 | ~ 22,42 55,35 82,60 70,95 35,100 12,88
5 25,2 20,45 | ~ 20,45 60,38 80,65 60,98 15,92 | 25,2 85,0
5 85,3 30,3 28,40 | ~ 28,40 62,42 80,68 58,100 18,95
5 ~ 82,5 50,0 28,5 25,42 60,40 80,65 62,97 20,95
6 ~ 70,0 35,20 15,65 35,98 70,95 80,70 55,52 22,68
6 ~ 62,0 28,40 18,78 45,100 76,85 70,58 40,55 20,72
6 ~ 80,8 55,0 25,30 15,70 40,100 78,88 76,58 45,50 18,68
6 ~ 40,0 22,45 22,85 50,100 75,85 68,62 45,58 25,72
7 10,2 88,2 40,100
7 12,0 85,0 55,50 42,100
7 10,18 10,2 85,0 50,55 40,100
7 12,4 85,0 38,100 | 30,50 78,48
7 ~ 10,10 45,2 88,4 62,45 48,100
7 15,2 82,2 60,100
8 ~ 72,15 45,0 22,18 45,42 75,65 65,95 35,97 22,70 50,45 75,22 70,12
8 ~ 50,0 22,18 35,42 50,48 72,40 75,15 50,0 | ~ 50,48 18,70 30,98 70,98 82,72 50,48
8 ~ 50,48 25,25 50,0 75,25 50,48 22,75 50,100 78,75 50,48
8 ~ 62,5 35,2 32,28 55,48 72,75 52,100 28,82 42,52 65,28 65,8
8 ~ 50,2 30,22 50,45 68,75 50,100 32,75 50,45 70,22 50,2
9 ~ 78,25 50,0 20,20 35,50 65,48 78,20 | 78,20 74,100
9 ~ 75,18 45,2 22,28 45,52 76,30 74,70 50,98 22,94
9 ~ 72,10 35,3 25,40 60,48 76,15 70,60 62,100
9 ~ 80,28 55,0 22,15 28,45 62,48 80,20 82,60 65,95 30,98
"""

GRID, RADIUS = 32, 2.6


def curve(points, steps=8):
    """A Catmull-Rom spline through the points."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                             + (3 * b - a - 3 * c + d) * t**3))
    return np.vstack(pieces)


def parse(text):
    shapes = []
    for line in text.split("\n"):
        if not line:
            continue
        strokes = []
        for stroke in line[2:].split("|"):
            smooth = "~" in stroke
            points = [pair.split(",") for pair in stroke.replace("~", "").split()]
            strokes.append((smooth, np.array(points, dtype=float) / 100))
        shapes.append((int(line[0]), strokes))
    return shapes


def draw(strokes, random):
    """One rendering, by a hand that shakes, turns and leans."""
    angle, lean = random.normal(0, 0.1), random.normal(0, 0.15)
    width = 0.75 * np.exp(random.normal(0, 0.18))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[width, lean], [0, 1]])
    drawn = []
    for smooth, points in strokes:
        shaken = (points + random.normal(0, 0.035, points.shape)) @ matrix.T
        drawn.append(curve(shaken) if smooth else shaken)
    return rasterise(drawn, RADIUS * np.exp(random.normal(0, 0.1)))


def rasterise(strokes, radius):
    """The same steps as src/image.rs: fit the box, ink a fine grid, count its cells."""
    points = np.vstack(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (GRID - 2 * radius) / max((high - low).max(), 1e-6)
    centres = np.arange(GRID) + 0.5
    x, y = np.meshgrid(centres, centres)
    inked = np.zeros((GRID, GRID), bool)
    for stroke in strokes:
        placed = (stroke - (low + high) / 2) * scale + GRID / 2
        for start, end in zip(placed, placed[1:]):
            along = end - start
            share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-9)
            share = np.clip(share, 0, 1)
            distance = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
            inked |= distance <= radius
    return inked.reshape(8, 4, 8, 4).sum(axis=(1, 3)) / 16


def drawings(count, random):
    shapes = parse(SHAPES)
    chosen = [shapes[index] for index in random.integers(len(shapes), size=count)]
    images = np.array([draw(strokes, random) for _, strokes in chosen])
    return images, np.array([digit for digit, _ in chosen])
