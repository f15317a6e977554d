import os
import time

import gradio as gr


def double(number: float) -> str:
    """Doubles a number.

    Args:
        number: what is doubled
    """
    return f"Twice {number:.0f} is {number * 2:.0f}"


def count():
    for step in (1, 2, 3):
        yield f"{step} of 3"
        time.sleep(0.7)


def size(path):
    return f"{os.path.getsize(path)} bytes" if path else ""


def greet(profile: gr.OAuthProfile | None) -> str:
    return f"Hello {profile.username}" if profile else "Hello stranger"


with gr.Blocks(title="Gradio") as demo:
    gr.LoginButton()
    who = gr.Markdown()
    number = gr.Slider(0, 100, 20, step=1, label="Number")
    twice = gr.Textbox("Twice 20 is 40", label="Twice")
    number.change(double, number, twice, api_name="double")
    counted = gr.Textbox(label="Counted")
    gr.Button("Count").click(count, None, counted)
    file = gr.File(label="File")
    length = gr.Textbox(label="Size")
    file.upload(size, file, length)
    demo.load(greet, None, who)

demo.launch(mcp_server=True)
