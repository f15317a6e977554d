import asyncio

from nicegui import ui


@ui.page("/")
def page():
    number = ui.slider(min=0, max=100, value=20)
    ui.label().bind_text_from(number, "value", lambda value: f"Twice {value} is {value * 2}")
    counted = ui.label()

    async def count():
        for step in (1, 2, 3):
            counted.text = f"{step} of 3"
            await asyncio.sleep(0.7)

    ui.button("Count", on_click=count)
    size = ui.label()
    ui.upload(label="File", auto_upload=True, on_upload=lambda event: size.set_text(f"{event.file.size()} bytes"))


ui.run(host="0.0.0.0", port=7860, title="NiceGUI")
