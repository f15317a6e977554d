import marimo

app = marimo.App(app_title="marimo")


@app.cell
def _():
    import time

    import marimo as mo

    return mo, time


@app.cell
def _(mo):
    number = mo.ui.slider(0, 100, value=20, label="Number")
    number
    return (number,)


@app.cell
def _(mo, number):
    mo.md(f"Twice {number.value} is {number.value * 2}")
    return


@app.cell
def _(mo):
    button = mo.ui.run_button(label="Count")
    button
    return (button,)


@app.cell
def _(button, mo, time):
    if button.value:
        for step in (1, 2, 3):
            mo.output.replace(mo.md(f"{step} of 3"))
            time.sleep(0.7)
    return


@app.cell
def _(mo):
    file = mo.ui.file(label="File", max_size=400_000_000)
    file
    return (file,)


@app.cell
def _(file, mo):
    mo.md(f"{len(file.contents() or b'')} bytes")
    return


if __name__ == "__main__":
    app.run()
