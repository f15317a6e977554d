import os
import time

from shiny import reactive
from shiny.express import input, render, ui

ui.page_opts(title="Shiny")
started = reactive.value(0.0)
ui.input_slider("number", "Number", 0, 100, 20)


@render.text
def twice():
    return f"Twice {input.number()} is {input.number() * 2}"


ui.input_action_button("count", "Count")


@reactive.effect
@reactive.event(input.count)
def _():
    started.set(time.time())


@render.text
def counted():
    if not started():
        return ""
    step = min(3, 1 + int((time.time() - started()) / 0.7))
    if step < 3:
        reactive.invalidate_later(0.2)
    return f"{step} of 3"


ui.input_file("file", "File")


@render.text
def size():
    return "".join(f"{os.path.getsize(file['datapath'])} bytes" for file in input.file() or [])
