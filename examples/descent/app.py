"""Three optimisers race down a landscape: a Streamlit demo."""

import time

import numpy as np
import streamlit as st

from landscapes import LANDSCAPES
from optimisers import OPTIMISERS, path
from picture import draw_step, draw_walker, rgb, terrain

# Pictures of one race, whatever its number of steps.
FRAMES = 50

st.set_page_config(page_title="Descent", page_icon="⛰️", layout="wide")


@st.cache_data
def ground(name):
    return terrain(LANDSCAPES[name])


def frames(name, paths, stops):
    """The map once everybody has taken so many steps, for each number in `stops`."""
    landscape = LANDSCAPES[name]
    trails, drawn = ground(name).copy(), 0
    for step in stops:
        for racer, places in paths.items():
            for before, after in zip(places[drawn:step], places[drawn + 1 : step + 1]):
                draw_step(trails, landscape, before, after, rgb(OPTIMISERS[racer][1]))
        drawn, picture = step, trails.copy()
        for racer, places in paths.items():
            draw_walker(picture, landscape, places[min(step, len(places) - 1)], rgb(OPTIMISERS[racer][1]))
        yield step, picture


def heights(name, paths, steps):
    """How high each stands after each step; nothing once it has left the map."""
    table = {}
    for racer, places in paths.items():
        height = [float(LANDSCAPES[name].height(*place)) for place in places[: steps + 1]]
        table[racer] = height + [np.nan] * (steps + 1 - len(height))
    return table


st.title("Descent")
st.caption("Three optimisers start at the same place and look for the bottom of the same landscape.")

with st.sidebar:
    name = st.radio("Landscape", list(LANDSCAPES), captions=[each.about for each in LANDSCAPES.values()])
    landscape = LANDSCAPES[name]
    rate = 10 ** st.slider("Learning rate (power of ten)", -3.0, 0.5, -1.0, 0.05)
    steps = st.slider("Steps", 10, 300, 120, 10)
    reach = landscape.reach
    start = (
        st.slider("Start, west to east", -reach, reach, landscape.start[0], reach / 50, key=f"x {name}"),
        st.slider("Start, south to north", -reach, reach, landscape.start[1], reach / 50, key=f"y {name}"),
    )

chosen = st.pills("Who races", list(OPTIMISERS), selection_mode="multi", default=list(OPTIMISERS)) or list(OPTIMISERS)
paths = {racer: path(OPTIMISERS[racer][0], landscape, start, rate, steps) for racer in chosen}

left, right = st.columns([1, 1], gap="large")
with left:
    shown = st.empty()
    race = st.button("Race", type="primary", width="stretch")
with right:
    for column, (racer, places) in zip(st.columns(len(paths)), paths.items()):
        left_map = len(places) <= steps or np.abs(places[-1]).max() > reach
        height = float(landscape.height(*places[-1]))
        column.metric(racer, "left the map" if left_map else f"{height:.4f}", help="Height after the last step")
    chart = st.empty()


stops = [int(stop) for stop in np.unique(np.linspace(1, steps, min(FRAMES, steps)).astype(int))]
for step, picture in frames(name, paths, stops if race else [steps]):
    shown.image(picture, width="stretch")
    chart.line_chart(
        heights(name, paths, step),
        color=[OPTIMISERS[racer][1] for racer in paths],
        x_label="step",
        y_label="height",
        height=330,
    )
    if race:
        time.sleep(0.04)
