import time

import mesop as me


@me.stateclass
class State:
    number: int = 20
    counted: str = ""
    size: str = ""


def slide(event: me.SliderValueChangeEvent):
    me.state(State).number = int(event.value)


def count(event: me.ClickEvent):
    state = me.state(State)
    for step in (1, 2, 3):
        state.counted = f"{step} of 3"
        yield
        time.sleep(0.7)


def upload(event: me.UploadEvent):
    me.state(State).size = f"{event.file.size} bytes"


@me.page(
    path="/",
    title="Mesop",
    security_policy=me.SecurityPolicy(allowed_iframe_parents=["https://huggingface.co"]),
)
def page():
    state = me.state(State)
    me.slider(min=0, max=100, value=20, on_value_change=slide)
    me.text(f"Twice {state.number} is {state.number * 2}")
    me.button("Count", type="flat", on_click=count)
    me.text(state.counted)
    me.uploader(label="File", on_upload=upload)
    me.text(state.size)
