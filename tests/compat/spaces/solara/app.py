import asyncio

import solara
from solara.lab import task

number = solara.reactive(20)
counted = solara.reactive("")
size = solara.reactive("")


@task
async def count():
    for step in (1, 2, 3):
        counted.value = f"{step} of 3"
        await asyncio.sleep(0.7)


@solara.component
def Page():
    solara.Title("Solara")
    solara.SliderInt("Number", value=number, min=0, max=100)
    solara.Text(f"Twice {number.value} is {number.value * 2}")
    solara.Button("Count", on_click=count)
    solara.Text(counted.value)
    solara.FileDrop("File", lazy=False, on_file=lambda file: size.set(f"{len(file['data'])} bytes"))
    solara.Text(size.value)
