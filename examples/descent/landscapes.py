"""Functions of two numbers, each with a bottom to look for."""

from dataclasses import dataclass
from typing import Callable

import numpy as np


@dataclass(frozen=True)
class Landscape:
    """A function on a square that reaches from -`reach` to `reach` each way."""

    height: Callable
    reach: float
    start: tuple
    about: str

    def slope(self, x, y):
        """Its gradient, by central differences."""
        step = 1e-4 * self.reach
        across = self.height(x + step, y) - self.height(x - step, y)
        along = self.height(x, y + step) - self.height(x, y - step)
        return np.array([across, along]) / (2 * step)


LANDSCAPES = {
    "Ravine": Landscape(
        lambda x, y: 0.06 * (x - 1.6) ** 2 + 1.4 * (y + 0.25 * x) ** 2,
        3.0,
        (-2.0, 2.4),
        "Steep walls, a floor that hardly falls.",
    ),
    "Four bowls": Landscape(
        lambda x, y: ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2) / 100,
        5.0,
        (-0.4, -0.9),
        "Four bottoms, equally deep.",
    ),
    "Banana": Landscape(
        lambda x, y: ((1 - x) ** 2 + 10 * (y - x**2) ** 2) / 20,
        2.2,
        (-1.6, 2.0),
        "A bent valley: easy to enter, slow to follow.",
    ),
    "Eggbox": Landscape(
        lambda x, y: 0.08 * (x**2 + y**2) + 0.5 * (2 - np.cos(2.4 * x) - np.cos(2.4 * y)),
        4.0,
        (3.3, 2.9),
        "A bowl with many dimples; the deepest is in the middle.",
    ),
}
