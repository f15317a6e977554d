"""All that the suite knows of the product: HTTP, and for containers the Docker engine's command.

To run the suite against something else, write a class with these methods.
"""

import base64
import copy
import http.client
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUESTS = ROOT / "tests/guests"
HERE = pathlib.Path(__file__).resolve().parent

CONFIG = """
[quota]
spaces_per_owner = 1000
memory_per_owner = "16 GiB"
cpu_per_owner = 64.0
instances_per_owner = 3
[host]
cpu_overcommit = 16.0
[docker]
measure_every = "500ms"
disk = "64 MiB"
isolation = "reported"
[gateway]
queue_per_space = 4096
[wasm]
request_timeout = "60s"
[repo]
large_from = "1 MiB"
[build]
at_once = 1
images = ["*"]
"""

# Lets a socket have an address that is routed here but not an interface's (ip(7)); Python has no name for it.
IP_FREEBIND = 15

SIZES = {"size-01": 0.1, "size-025": 0.25, "size-05": 0.5, "size-1": 1.0}


def hardware():
    standard = {"cpu-nano": 0.25, "cpu-basic": 1.0}
    return "".join(
        f'[[hardware]]\nname = "{name}"\ntitle = "{name}"\ncpu = {cpu}\nmemory = "256 MiB"\n'
        for name, cpu in (standard | SIZES).items()
    )


class Glasshouse:
    """A server of its own in a temporary folder, as one account sees it: `admin`, an operator, at first."""

    def __init__(self, binary, address="127.0.0.1"):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        self.data, self.owner, self.address = folder / "data", "admin", address
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
            self.port = probe.getsockname()[1]
        listen = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        (folder / "config.toml").write_text(hardware() + CONFIG)
        self.log = open(folder / "server.log", "w+")
        command = [binary, "serve", "--data", folder / "data", "--listen", listen]
        self.process = subprocess.Popen([*command, "--config", folder / "config.toml"], stdout=self.log, stderr=self.log)
        self.wait(lambda: self.raw("GET", "/readyz")[0] == 200, 60, "the server is ready")
        self.token = (folder / "data/admin-token").read_text().strip()

    def user(self, name):
        """The same server as another account sees it, which is made."""
        other = copy.copy(self)
        status, made = self.api("POST", "/api/admin/users", {"name": name})
        assert status < 300, made
        other.owner, other.token = name, made["token"]
        return other

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def wait(self, ready, seconds, what):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if ready():
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit("the server ended:\n" + self.said())
            time.sleep(0.1)
        raise TimeoutError(f"{what}: not within {seconds} s")

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()[-3000:]

    def raw(self, method, path, body=None, headers=None, timeout=90, source=None):
        """`source` is the address of this machine that it comes from."""
        connection = self.connect(timeout, source)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()

    def connect(self, timeout=90, source=None):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        connection.sock = self.open_socket(timeout, source)
        return connection

    def open_socket(self, timeout, source=None):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.settimeout(timeout)
        if source:
            opened.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
            opened.bind((source, 0))
        opened.connect((self.address, self.port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def api(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        text = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        status, answer, _ = self.raw(method, path, text, headers)
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer

    def create(self, name):
        return self.api("POST", "/api/repos/create", {"name": name, "type": "space", "sdk": "static"})[0]

    def publish(self, name, kind, size=None, wait=600, card="", step=""):
        """Publishes a Space that answers /spin, /busy?ms= and /, a container /grow?mib=, /threads?n=,
        /write?mib=&part= (which says how many parts there are; with &held=1 it removes them and holds them open),
        /keep?mib=&part= (the same under /data), /events and /socket too. `card` are more lines of the card, `step` is one more of a container's Dockerfile."""
        self.create(name)
        if size:
            status, answer = self.api("POST", f"/api/spaces/{self.owner}/{name}/hardware", {"flavor": size})
            assert status == 200, answer
        status = self.commit(name, self.files(kind, card, step))
        assert status == 200, status
        if wait:
            self.wait_stage(name, "RUNNING", wait)

    def commit(self, name, files):
        """The status of the answer."""
        lines = [{"key": "header", "value": {"summary": "publish", "description": ""}}]
        for path, content in files.items():
            value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
            lines.append({"key": "file", "value": value})
        body = "\n".join(map(json.dumps, lines)) + "\n"
        return self.api("POST", f"/api/spaces/{self.owner}/{name}/commit/main", body, "application/x-ndjson")[0]

    def files(self, kind, card="", step=""):
        if kind == "static":
            return {"README.md": b"---\nsdk: static\n---\n", "index.html": b"here"}
        if kind == "wasi":
            card = f"---\nsdk: wasi\nrequest_timeout: 60s\n{card}---\n"
            return {"README.md": card.encode(), "app.wasm": (GUESTS / "hostile/app.wasm").read_bytes()}
        image = os.environ.get("CONFORMANCE_BASE", "python:3.12-slim")
        return {
            "README.md": f"---\nsdk: docker\napp_port: 7860\n{card}---\n".encode(),
            "Dockerfile": f"FROM {image}\n{step}COPY guest.py /guest.py\nCMD [\"python3\", \"/guest.py\"]\n".encode(),
            "guest.py": (HERE / "guest.py").read_bytes(),
        }

    def module(self, content):
        return {"README.md": b"---\nsdk: wasi\n---\n", "app.wasm": content}

    def remove(self, name, kind="space"):
        return self.api("DELETE", "/api/repos/delete", {"name": name, "organization": self.owner, "type": kind})[0]

    def runtime(self, name):
        return self.api("GET", f"/api/spaces/{self.owner}/{name}/runtime")[1]

    def wait_stage(self, name, stage, seconds=60):
        def there():
            runtime = self.runtime(name)
            if runtime.get("stage", "").endswith("ERROR") and stage != runtime["stage"]:
                raise RuntimeError(f"{name}: {runtime['stage']}: {runtime.get('errorMessage')}")
            return runtime.get("stage") == stage
        self.wait(there, seconds, f"{name} is {stage}")

    def visit(self, name, path="/", timeout=90):
        return self.raw("GET", path, headers=self.to(name), timeout=timeout)

    def to(self, name):
        """The header that leads to a Space."""
        return {"Host": f"{self.owner}-{name}.localhost:{self.port}"}

    def hold_open(self, name, path, headers):
        """Opens a stream and leaves it open, as a forgotten tab does; closes with the socket that is returned."""
        connection = self.open_socket(10)
        lines = {**self.to(name), **headers}
        head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items())
        connection.sendall(head.encode() + b"\r\n")
        answer = connection.recv(4096)
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")), answer
        return connection

    def cpu_seconds(self, name):
        return self.runtime(name)["usage"]["cpuMs"] / 1000

    def settled_cpu_seconds(self, name):
        """What the book says once it says it twice."""
        before = None
        for _ in range(30):
            now = self.cpu_seconds(name)
            if now == before:
                break
            before = now
            time.sleep(1.5)
        return now

    def work(self, kind):
        """A path that computes; in a container for a while only, as nobody there sees that a visitor has left."""
        return "/spin" if kind == "wasi" else "/busy?ms=200"

    def rest(self, name):
        """Waits until a container has answered all that it was asked."""
        before = None
        while before is None or (now := self.container_cpu(name)) - before > 0.05:
            before = self.container_cpu(name)
            time.sleep(1)

    def sleep_after(self, name, seconds):
        self.api("POST", f"/api/spaces/{self.owner}/{name}/sleeptime", {"seconds": seconds})

    def sleep(self, name):
        self.sleep_after(name, 1)
        self.wait_stage(name, "SLEEPING", 60)

    def pause(self, name):
        self.api("POST", f"/api/spaces/{self.owner}/{name}/pause")

    def starts(self, name):
        rows = self.api("GET", "/api/usage?sum=true")[1]["rows"]
        return next((row["starts"] for row in rows if row["space"] == f"{self.owner}/{name}"), 0)

    def set_quota(self, owner="admin", **quota):
        """An operator's."""
        return self.api("PUT", f"/api/admin/quotas/{owner}", quota)[0]

    def used(self, resource):
        return self.api("GET", "/api/quota")[1]["quotas"][resource]["used"]

    def repositories(self):
        """Of the account: the name and type of each."""
        found = self.api("GET", "/api/settings/repositories")[1]
        return [(one["id"].split("/")[1], one["type"]) for one in found]

    def stored(self):
        """Bytes of all that users have in the data folder, however many names a file has."""
        files, folders = {}, [self.data / kept for kept in ("repos", "artifacts", "storage")]
        while folders:
            try:
                for entry in os.scandir(folders.pop()):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        facts = entry.stat(follow_symlinks=False)
                        files[facts.st_ino] = facts.st_size
            except FileNotFoundError:  # it went away meanwhile
                pass
        return sum(files.values())

    def limits(self, name):
        return {limit["name"]: limit for limit in self.runtime(name)["limits"]}

    def container_cpu(self, name):
        """What the kernel counted for the Space's container, in seconds; None where it cannot be read."""
        space = self.api("GET", f"/api/spaces/{self.owner}/{name}")[1]["_id"]
        found = subprocess.run(
            ["docker", "ps", "-q", "--no-trunc", "--filter", f"label=glasshouse.space-id={space}"],
            capture_output=True, text=True, check=False,
        ).stdout.split()
        for folder in ("cpuacct/docker", "system.slice"):
            for container in found:
                path = pathlib.Path("/sys/fs/cgroup") / folder / container / "cpuacct.usage"
                if path.exists():
                    return int(path.read_text()) / 1e9
        return None
