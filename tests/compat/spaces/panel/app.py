import asyncio

import panel as pn

pn.extension("filedropper")


async def count(clicks):
    if clicks:
        for step in (1, 2, 3):
            yield f"{step} of 3"
            await asyncio.sleep(0.7)


number = pn.widgets.IntSlider(name="Number", start=0, end=100, value=20)
twice = pn.bind(lambda value: f"Twice {value} is {value * 2}", number)
button = pn.widgets.Button(name="Count")
file = pn.widgets.FileDropper(max_file_size="400MB")
size = pn.bind(lambda files: "".join(f"{len(data)} bytes" for data in files.values()), file)
pn.Column(number, twice, button, pn.bind(count, button.param.clicks), file, size).servable(title="Panel")
