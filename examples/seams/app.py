"""Seam carving to watch: a Gradio demo with an upload, a stream and three endpoints."""

import time

import gradio as gr
import numpy as np
from PIL import Image

import carving
import scenery

# Larger pictures are scaled down to this many pixels a side: the work grows with the cube of it.
LARGEST = 480
# Pictures that are sent to a visitor each second.
FRAMES = 12
SEAM = (255, 64, 48)


def prepared(picture):
    """A picture of a size that can be worked on while somebody waits."""
    if picture is None:
        raise gr.Error("Choose a picture first.")
    image = Image.fromarray(picture).convert("RGB")
    image.thumbnail((LARGEST, LARGEST))
    if min(image.size) < 16:
        raise gr.Error("This picture is too small: it needs 16 pixels each way.")
    return np.asarray(image)


def framed(picture, width):
    """The picture on a sheet of the width it had, so that what is watched does not jump about."""
    height, now = picture.shape[:2]
    sheet = np.full((height, width, 4), 0, dtype=np.uint8)
    start = (width - now) // 2
    sheet[:, start : start + now, :3] = picture
    sheet[:, start : start + now, 3] = 255
    return sheet


def carve(picture, percent):
    """Takes seams out until the picture has `percent` of its width, and shows each few as they go."""
    picture = prepared(picture)
    before = picture.shape[1]
    width = max(8, round(before * percent / 100))
    shown = time.monotonic()
    yield framed(picture, before), f"{before} pixels wide"
    whole = picture
    for columns, narrower in carving.carve(picture, width):
        if time.monotonic() - shown >= 1 / FRAMES:
            shown = time.monotonic()
            marked = whole.copy()
            marked[np.arange(len(columns)), columns] = SEAM
            gone = before - narrower.shape[1]
            yield framed(marked, before), f"{gone} of {before - width} seams gone"
        whole = narrower
    yield framed(whole, before), f"{whole.shape[1]} of {before} pixels left, and nothing squeezed"


def energy(picture):
    """Where the picture is eventful: seams go around what is bright here."""
    found = np.sqrt(carving.energy(prepared(picture)))
    found = found / max(found.max(), 1)
    ramp = np.array([(16, 14, 34), (120, 34, 92), (232, 92, 60), (255, 236, 176)], dtype=np.float32)
    place = found * (len(ramp) - 1)
    below = np.clip(place.astype(int), 0, len(ramp) - 2)
    share = (place - below)[..., None]
    return (ramp[below] * (1 - share) + ramp[below + 1] * share).astype(np.uint8)


def colours(picture, count):
    """The colours the picture is made of, and how much of it each covers."""
    found, shares = carving.colours(prepared(picture), int(count))
    return {"#%02x%02x%02x" % tuple(colour): float(share) for colour, share in zip(found, shares)}


with gr.Blocks(title="Seams") as demo:
    gr.Markdown(
        "# Seams\nMake a picture narrower and keep what is in it: the path of pixels that is missed least goes first."
    )
    with gr.Row(equal_height=True):
        with gr.Column():
            picture = gr.Image(value=scenery.balloons(), label="Picture", sources=["upload", "clipboard"], height=320)
            percent = gr.Slider(30, 95, value=60, step=1, label="Width to keep, in percent")
            with gr.Row():
                go = gr.Button("Carve", variant="primary")
                stop = gr.Button("Stop")
        with gr.Column():
            narrower = gr.Image(label="Narrower", format="png", image_mode="RGBA", height=320, interactive=False)
            said = gr.Textbox(label="Progress", lines=1, interactive=False)
    gr.Examples([[scenery.balloons()], [scenery.harbour()]], inputs=[picture], label="Pictures to start with")
    with gr.Accordion("What the seams see", open=False):
        with gr.Row():
            with gr.Column():
                eventful = gr.Image(label="Energy", interactive=False, height=260)
                show_energy = gr.Button("Show energy")
            with gr.Column():
                count = gr.Slider(2, 8, value=5, step=1, label="Colours")
                palette = gr.Label(label="Colours and their shares")
                show_colours = gr.Button("Find colours")

    running = go.click(carve, [picture, percent], [narrower, said], api_name="carve")
    stop.click(None, cancels=[running], api_visibility="private")
    show_energy.click(energy, picture, eventful, api_name="energy")
    show_colours.click(colours, [picture, count], palette, api_name="colours")

if __name__ == "__main__":
    demo.launch()
