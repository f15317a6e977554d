from dash import Dash, Input, Output, callback, dcc, html

app = Dash(title="Dash")
server = app.server
app.layout = html.Div([
    dcc.Slider(0, 100, 1, value=20, marks=None, id="number"),
    html.P(id="twice"),
    html.Button("Count", id="count"),
    dcc.Interval(id="clock", interval=700, max_intervals=0),
    html.P(id="counted"),
    dcc.Upload(html.Button("File"), id="file", max_size=-1),
    html.P(id="size"),
])


@callback(Output("twice", "children"), Input("number", "value"))
def double(number):
    return f"Twice {number} is {number * 2}"


@callback(Output("clock", "n_intervals"), Output("clock", "max_intervals"), Input("count", "n_clicks"), prevent_initial_call=True)
def start(_):
    return 0, 3


@callback(Output("counted", "children"), Input("clock", "n_intervals"), prevent_initial_call=True)
def count(step):
    return f"{step} of 3" if step else ""


@callback(Output("size", "children"), Input("file", "contents"), prevent_initial_call=True)
def size(contents):
    encoded = len(contents) - contents.index(",") - 1
    return f"{encoded // 4 * 3 - contents[-2:].count('=')} bytes"
