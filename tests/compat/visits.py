"""What a visitor does at each app, and how it is seen that it was done."""

import json
import urllib.parse
import urllib.request

from browser import Failed

ENTER, SHIFT, RIGHT = "\ue007", "\ue008", "\ue014"
SLIDER = "all(document).find(one => one.matches('input[type=range], [role=slider], .irs-line, .q-slider *') && one.tabIndex >= 0)"


class Visit:
    """An app with a slider that doubles, a button that counts to three, and a field for a file."""

    talks = "WebSocket"  # or "events", or "requests"
    largest = 300_000_000  # bytes of a file that it takes
    variables = {}  # of its Space, as its author sets them

    def shown(self):
        return "texts().includes('Twice 20 is 40')"

    def arrive(self, browser):
        """What comes between the page and the app."""

    def act(self, browser):
        browser.element(SLIDER)
        browser.run(f"{SLIDER}.focus()")
        browser.press(RIGHT)
        # One step for most, two for some.
        browser.sees("texts().match(/Twice 2[12] is 4[24]/)")

    def count(self, browser):
        """Asks for an answer in three pieces."""
        browser.click("button('Count')")

    def upload(self, browser, path, size):
        browser.type("find('input[type=file]')", str(path))
        browser.reads(f"{size} bytes", 180)

    def beyond(self, address):
        """What else its documentation promises."""


class Events(Visit):
    talks = "events"


class Gradio(Events):
    def beyond(self, address):
        """Its tool is there for a client of the Model Context Protocol."""
        def ask(method, **parameters):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
            # Browsers alone know that all names below `localhost` are this machine.
            host = urllib.parse.urlsplit(address).netloc
            headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", "host": host}
            request = urllib.request.Request(f"http://127.0.0.1:{host.rpartition(':')[2]}/gradio_api/mcp/", body, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                lines = answer.read().decode().splitlines()
            text = next((line.removeprefix("data:") for line in lines if line.startswith("data:")), "".join(lines))
            return json.loads(text)["result"]

        client = {"name": "compat", "version": "1"}
        ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
        tool = next(tool["name"] for tool in ask("tools/list")["tools"] if tool["name"].endswith("double"))
        said = ask("tools/call", name=tool, arguments={"number": 21})
        if "Twice 21 is 42" not in json.dumps(said):
            raise Failed(f"MCP: {said}")


class GradioWithLogin(Gradio):
    def shown(self):
        return "texts().includes('Twice 20 is 40') && texts().includes('Hello stranger')"


class Streamlit(Visit):
    variables = {"STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "400"}


class Dash(Visit):
    talks = "requests"
    # The page makes one string of it: its documentation names 150 to 200 MB as the most.
    largest = 150_000_000


class Solara(Visit):
    """Files are dropped, anywhere on its page but at one place."""

    def upload(self, browser, path, size):
        place = browser.run("const box = find('.solara-file-drop')?.getBoundingClientRect() ?? "
                            "button('File').getBoundingClientRect(); return {x: box.x + box.width / 2, y: box.y + box.height / 2}")
        browser.enter(None)
        frame = browser.run("const box = find('iframe#app').getBoundingClientRect(); return {x: box.x, y: box.y}")
        dragged = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        at = {"x": frame["x"] + place["x"], "y": frame["y"] + place["y"]}
        for kind in ("dragEnter", "dragOver", "drop"):
            browser.do("/goog/cdp/execute", {"cmd": "Input.dispatchDragEvent", "params": {"type": kind, **at, "data": dragged}})
        browser.enter("iframe#app")
        browser.reads(f"{size} bytes", 180)


class Chainlit(Visit):
    def shown(self):
        return "find('#chat-input')"

    def say(self, browser, text):
        browser.type("find('#chat-input')", text)
        # It takes nothing before its socket is there.
        browser.sees("find('#chat-submit')?.disabled === false")
        browser.press(ENTER)

    def act(self, browser):
        self.say(browser, "21")
        browser.reads("Twice 21 is 42")

    def count(self, browser):
        self.say(browser, "Count")

    def upload(self, browser, path, size):
        browser.type("find('input[type=file]')", str(path))
        self.say(browser, "size")
        browser.reads(f"{size} bytes", 180)


class JupyterLab(Visit):
    """The token, a console, and its file browser."""

    def shown(self):
        return "find('#password_input, .jp-LauncherCard, .jp-CodeConsole')"

    def arrive(self, browser):
        if browser.run("return Boolean(find('#password_input'))"):
            browser.type("find('#password_input')", "huggingface" + ENTER)
        browser.sees("find('.jp-LauncherCard, .jp-CodeConsole')", 60)
        if not browser.run("return Boolean(find('.jp-CodeConsole-promptCell'))"):
            browser.click("find('.jp-LauncherCard[data-category=Console]')")
        browser.sees("find('.jp-CodeConsole-promptCell .cm-content') && texts().includes('| Idle')", 60)

    def execute(self, browser, code):
        browser.type("find('.jp-CodeConsole-promptCell .cm-content')", code)
        browser.press(SHIFT, ENTER)

    def act(self, browser):
        self.execute(browser, "print('Twice', 21, 'is', 21 * 2)")
        browser.reads("Twice 21 is 42", 60)

    def count(self, browser):
        self.execute(browser, "import time; [(print(n, 'of', 3), time.sleep(.7)) for n in (1, 2, 3)];")

    def upload(self, browser, path, size):
        # As its file browser does it: in pieces, from within the page.
        answer = browser.run_later("""
            (async () => {
                const size = SIZE, piece = 1 << 20, pieces = Math.ceil(size / piece);
                const base = JSON.parse(document.getElementById('jupyter-config-data').textContent).baseUrl;
                for (let chunk = 1; chunk <= pieces; chunk++) {
                    const bytes = new Uint8Array(Math.min(piece, size - (chunk - 1) * piece));
                    const content = await new Promise(read => {
                        const reader = new FileReader();
                        reader.onload = () => read(reader.result.split(',')[1]);
                        reader.readAsDataURL(new Blob([bytes]));
                    });
                    const body = JSON.stringify({type: 'file', format: 'base64', content, chunk: chunk == pieces ? -1 : chunk});
                    const answer = await fetch(`${base}api/contents/large.bin`, {method: 'PUT', body});
                    if (!answer.ok) return `${answer.status} ${await answer.text()}`;
                }
                const answer = await (await fetch(`${base}api/contents/large.bin?content=0`)).json();
                return `${answer.size} bytes`;
            })().then(done, error => done(String(error)));
        """.replace("SIZE", str(size)))
        if answer != f"{size} bytes":
            raise Failed(answer)


VISITS = {
    "fastapi": Visit(),
    "gradio": GradioWithLogin(),
    "gradio-sdk": Gradio(),
    "streamlit": Streamlit(),
    "streamlit-sdk": Streamlit(),
    "marimo": Visit(),
    "shiny": Visit(),
    "panel": Visit(),
    "dash": Dash(),
    "nicegui": Visit(),
    "chainlit": Chainlit(),
    "jupyterlab": JupyterLab(),
    "solara": Solara(),
    "mesop": Events(),
}
