"""A round board of coloured cells: its right edge meets its left, its top its bottom."""

import math
import random

WIDTH, HEIGHT = 96, 64


def mean_hue(hues):
    """The middle of colours on the colour circle, 1 to 255; 0 is no colour."""
    turn = 2 * math.pi / 255
    x = sum(math.cos(hue * turn) for hue in hues)
    y = sum(math.sin(hue * turn) for hue in hues)
    return round(math.atan2(y, x) / turn) % 255 or 255


class Board:
    """Living cells by place, each with its hue."""

    def __init__(self):
        self.cells = {}
        self.generation = 0

    def sow(self, share=0.18, seed=None):
        """Plants cells at random, in patches of a colour."""
        chance = random.Random(seed)
        for y in range(HEIGHT):
            for x in range(WIDTH):
                if chance.random() < share:
                    self.cells[x, y] = 1 + (x // 24 * 67 + y // 32 * 31) % 255

    def plant(self, x, y, hue):
        """A living cell, wherever that place is on the board."""
        self.cells[x % WIDTH, y % HEIGHT] = hue

    def step(self):
        """One generation."""
        around = {}
        for (x, y), hue in self.cells.items():
            for dx in (-1, 0, 1):
                for dy in (-1, 0, 1):
                    if dx or dy:
                        around.setdefault(((x + dx) % WIDTH, (y + dy) % HEIGHT), []).append(hue)
        following = {}
        for place, hues in around.items():
            if len(hues) == 3:
                following[place] = self.cells.get(place) or mean_hue(hues)
            elif len(hues) == 2 and place in self.cells:
                following[place] = self.cells[place]
        self.cells = following
        self.generation += 1

    def whole(self):
        """One byte for each place, row by row: its hue, or 0."""
        places = bytearray(WIDTH * HEIGHT)
        for (x, y), hue in self.cells.items():
            places[y * WIDTH + x] = hue
        return bytes(places)
