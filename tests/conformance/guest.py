"""A container that misbehaves by path, as the guest `hostile` does."""

import base64
import hashlib
import http.server
import os
import threading
import time
import urllib.parse

kept = []
FOLDERS = {"/write": "/var/tmp", "/keep": "/data"}


class Guest(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        answer = "hello"
        if url.path == "/spin":
            while True:
                pass
        elif url.path == "/busy":
            # In a process of its own, as threads of Python's share one core.
            child = os.fork()
            if child == 0:
                while time.process_time() < int(query["ms"]) / 1000:
                    pass
                os._exit(0)
            os.waitpid(child, 0)
        elif url.path == "/events":
            return self.tell(b"data: tick\n\n" if query["say"] == "something" else b": still here\n\n")
        elif url.path == "/socket":
            return self.talk(b"\x81\x04tick" if query["say"] == "something" else b"\x89\x00")
        elif url.path == "/grow":
            try:
                kept.append(bytearray(os.urandom(1 << 20) * int(query["mib"])))
                answer = str(len(kept))
            except MemoryError:
                answer = "refused"
        elif url.path in FOLDERS:
            folder = FOLDERS[url.path]
            file = open(f"{folder}/{int(query['part'])}", "wb")
            file.write(os.urandom(int(query["mib"]) << 20))
            file.flush()
            if "held" in query:
                os.unlink(file.name)
                kept.append(file)
            else:
                file.close()
            answer = str(len(kept) if "held" in query else len(os.listdir(folder)))
        elif url.path == "/threads":
            made = 0
            try:
                for _ in range(int(query["n"])):
                    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
                    made += 1
            except RuntimeError:
                pass
            answer = str(made)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def tell(self, event):
        """An event stream that never ends."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.repeat(event)

    def talk(self, frame):
        """A WebSocket on which frames come (RFC 6455)."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.repeat(frame)

    def repeat(self, what):
        self.close_connection = True
        while True:
            self.wfile.write(what)
            self.wfile.flush()
            time.sleep(0.5)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Guest).serve_forever()
