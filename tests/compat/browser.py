"""Chromium as a visitor has it, driven as the WebDriver standard has it."""

import base64
import contextlib
import json
import re
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver §12.1
# The microphone is one that Chromium plays, and the visitor says yes.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1200,1000",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
         "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
# All elements, also those within shadow roots, and all text that can be read.
HELPERS = """
const all = (root, found = []) => {
    for (const element of root.querySelectorAll('*')) {
        found.push(element);
        if (element.shadowRoot) all(element.shadowRoot, found);
    }
    return found;
};
const find = css => all(document).find(element => element.matches(css));
const own = element => [...element.childNodes].filter(node => node.nodeType == 3).map(node => node.data).join('');
const texts = () => all(document).filter(element => !['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(element.tagName))
    .map(element => element.matches('input, textarea') ? element.value : own(element)).join('\\n');
const button = name => all(document).findLast(element => own(element).trim() == name)?.closest('button, [role=button], a') ??
    all(document).find(element => own(element).trim() == name);
"""


class Failed(Exception):
    """What a check did not find."""


def call(method, url, body=None, token=None, patience=120):
    """What was answered, as JSON or text; an error's body is part of the exception."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=patience) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"{method} {url}: {error.code} {error.read()[:600].decode(errors='replace')}") from None
    return json.loads(text) if text[:1] in (b"{", b"[") else text.decode(errors="replace")


def until(what, patience, look):
    end = time.monotonic() + patience
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {patience} s")
        time.sleep(0.2)


class Browser:
    def __init__(self, folder):
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        port = next(found[1] for line in self.driver.stdout if (found := re.search(r"on port (\d+)", line)) and found[1] != "0")
        self.base = f"http://127.0.0.1:{port}/session"
        options = {"args": [*FLAGS, f"--user-data-dir={folder}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL", "browser": "SEVERE"}}
        answer = call("POST", self.base, {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/{answer['value']['sessionId']}"
        self.do("/timeouts", {"script": 60000, "pageLoad": 120000})

    def do(self, path, body=None, method="POST"):
        return call(method, self.base + path, {} if body is None and method == "POST" else body)["value"]

    def close(self):
        with contextlib.suppress(Exception):
            self.do("", method="DELETE")
        self.driver.terminate()
        self.driver.wait()

    def visit(self, url):
        self.do("/url", {"url": url})

    def opens(self, url, expression, patience, frame=None):
        """Goes there until the expression is true, in the frame if one is named."""
        self.complaints()
        self.visit(url)
        self.enter(frame)
        self.sees(expression, patience)

    def run(self, script):
        return self.do("/execute/sync", {"script": HELPERS + script, "args": []})

    def run_later(self, script):
        """A script that calls `done` with its answer."""
        return self.do("/execute/async", {"script": f"const done = arguments[0];{script}", "args": []})

    def sees(self, expression, patience=30):
        def look():
            # While one page takes the place of another there is none to look at.
            with contextlib.suppress(Failed):
                return self.run(f"return Boolean({expression})")
        try:
            return until(expression, patience, look)
        except Failed as failed:
            page = "nothing"
            with contextlib.suppress(Failed):
                page = self.run("return document.title + ' | ' + texts().replace(/\\s+/g, ' ').slice(0, 300)")
            raise Failed(f"{failed}; the page: {page}") from None

    def reads(self, text, patience=30):
        return self.sees(f"texts().includes({json.dumps(text)})", patience)

    def element(self, expression, patience=30):
        def look():
            with contextlib.suppress(Failed):
                return (self.run(f"return {expression}") or {}).get(ELEMENT)
        return until(expression, patience, look)

    def click(self, expression):
        self.do(f"/element/{self.element(expression)}/click")

    def type(self, expression, text):
        self.do(f"/element/{self.element(expression)}/value", {"text": text})

    def press(self, *keys):
        """Keys for whatever has the focus; several at once, if they are one word."""
        downs = [{"type": "keyDown", "value": key} for key in keys]
        ups = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.do("/actions", {"actions": [{"type": "key", "id": "keys", "actions": downs + ups}]})

    def enter(self, css):
        self.do("/frame", {"id": None})
        if css:
            def look():
                with contextlib.suppress(Failed):
                    found = self.do("/element", {"using": "css selector", "value": css})
                    self.do("/frame", {"id": found})
                    return True
            until(css, 30, look)

    def window(self):
        """A new one, to which it goes."""
        handle = self.do("/window/new", {"type": "window"})["handle"]
        self.do("/window", {"handle": handle})

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.do("/screenshot", method="GET")))

    def complaints(self):
        return [entry["message"] for entry in self.do("/se/log", {"type": "browser"})]

    def passed(self):
        """What went over the network since this was last asked: (kind, address, bytes of a message)."""
        entries = [json.loads(entry["message"])["message"] for entry in self.do("/se/log", {"type": "performance"})]
        sockets, found = getattr(self, "sockets", {}), []
        for entry in entries:
            said = entry["params"]
            match entry["method"]:
                case "Network.webSocketCreated":
                    sockets[said["requestId"]] = said["url"]
                    found.append(("open", said["url"], 0))
                case "Network.webSocketFrameReceived" | "Network.webSocketFrameSent":
                    kind = "received" if entry["method"].endswith("Received") else "sent"
                    if said["response"]["opcode"] in (1, 2):
                        found.append((kind, sockets.get(said["requestId"], "?"), len(said["response"]["payloadData"])))
                case "Network.requestWillBeSent":
                    found.append((said["request"]["method"], said["request"]["url"], 0))
                case "Network.responseReceived" if "event-stream" in said["response"].get("mimeType", ""):
                    found.append(("events", said["response"]["url"], 0))
        self.sockets = sockets
        return found
