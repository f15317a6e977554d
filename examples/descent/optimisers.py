"""Three rules for the next step downhill."""

import numpy as np


def gradient_descent(slope, place, rate, steps):
    for _ in range(steps):
        place = place - rate * slope(*place)
        yield place


def momentum(slope, place, rate, steps, keep=0.9):
    velocity = np.zeros(2)
    for _ in range(steps):
        velocity = keep * velocity - rate * slope(*place)
        place = place + velocity
        yield place


def adam(slope, place, rate, steps, keep=0.9, keep_squares=0.999):
    """D. Kingma and J. Ba, *Adam: A Method for Stochastic Optimization*, 2015, algorithm 1."""
    mean, square = np.zeros(2), np.zeros(2)
    for step in range(1, steps + 1):
        found = slope(*place)
        mean = keep * mean + (1 - keep) * found
        square = keep_squares * square + (1 - keep_squares) * found**2
        fair_mean, fair_square = mean / (1 - keep**step), square / (1 - keep_squares**step)
        place = place - rate * fair_mean / (np.sqrt(fair_square) + 1e-8)
        yield place


OPTIMISERS = {
    "Plain": (gradient_descent, "#ff5a4f"),
    "Momentum": (momentum, "#ffd166"),
    "Adam": (adam, "#4cc9f0"),
}


def path(rule, landscape, start, rate, steps):
    """The places a rule visits, up to where it leaves the map for good."""
    places = [np.array(start, dtype=float)]
    for place in rule(landscape.slope, places[0], rate, steps):
        places.append(place)
        if not np.isfinite(place).all() or np.abs(place).max() > 4 * landscape.reach:
            break
    return np.array(places)
