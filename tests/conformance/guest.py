"""A container that misbehaves by path, as the guest `hostile` does."""

import http.server
import os
import threading
import time
import urllib.parse

kept = []


class Guest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        answer = "hello"
        if url.path == "/spin":
            while True:
                pass
        elif url.path == "/busy":
            until = time.thread_time() + int(query["ms"]) / 1000
            while time.thread_time() < until:
                pass
        elif url.path == "/grow":
            try:
                kept.append(bytearray(os.urandom(1 << 20) * int(query["mib"])))
                answer = "ok"
            except MemoryError:
                answer = "refused"
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
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Guest).serve_forever()
