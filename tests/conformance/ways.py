"""The ways in which bytes come to be kept, a part of the adapter: each writes `size` bytes of noise to the model
`house.owner/name`, and returns whether it was taken and what was said.

What is said of a refusal begins with its status, as far as that way has one.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import urllib.parse

try:
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import hf_xet  # noqa: F401
    import huggingface_hub
except ImportError:
    huggingface_hub = None

# Bytes of a part of what is sent in parts.
PART = 64 << 20


def told(answer, good=(200,)):
    """Of an answer's status and body."""
    status, body = answer[:2]
    words = body if isinstance(body, str) else json.dumps(body) if isinstance(body, dict) else body.decode(errors="replace")
    return status in good, f"{status} {words}"


def make(house, name):
    status, answer = house.api("POST", "/api/repos/create", {"name": name, "type": "model"})
    assert status == 200, answer


def commit(house, name, number, size):
    content = base64.b64encode(os.urandom(size)).decode()
    lines = [
        {"key": "header", "value": {"summary": "more", "description": ""}},
        {"key": "file", "value": {"path": f"file-{number}", "content": content, "encoding": "base64"}},
    ]
    body = "\n".join(map(json.dumps, lines)) + "\n"
    return told(house.api("POST", f"/api/models/{house.owner}/{name}/commit/main", body, "application/x-ndjson"))


def push(house, name, number, size, branch="main"):
    """Each from a history of its own."""
    return push_files(house, f"{house.owner}/{name}", {"noise": os.urandom(size)}, branch)


def push_aside(house, name, number, size):
    return push(house, name, number, size, f"side-{number}")


def push_page(house, name, size):
    """To the static Space of that name, and of zeros."""
    files = {"README.md": b"---\nsdk: static\n---\n", "index.html": b"here", "zeros": bytes(size)}
    return push_files(house, f"spaces/{house.owner}/{name}", files, "main")


def push_files(house, path, files, branch):
    with tempfile.TemporaryDirectory() as folder:
        for file, content in files.items():
            (pathlib.Path(folder) / file).write_bytes(content)
        git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "push"]):
            subprocess.run(git + command, check=True, capture_output=True)
        to = f"http://{house.owner}:{house.token}@{house.address}:{house.port}/{path}.git"
        done = subprocess.run(
            [*git, "push", "-q", "--force", to, f"HEAD:refs/heads/{branch}"],
            capture_output=True, text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}, check=False,
        )
    # Git says no status; what the server says comes after `remote:`.
    return done.returncode == 0, done.stderr


def large(house, name, oid, size):
    """Where a large file is to be sent, or why not."""
    body = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": [{"oid": oid, "size": size}]}
    status, answer = house.api("POST", f"/{house.owner}/{name}.git/info/lfs/objects/batch", body)
    if status != 200:
        return None, f"{status} {answer}"
    found = answer["objects"][0]
    if "error" in found:
        return None, "{code} {message}".format(**found["error"])
    return found["actions"]["upload"], ""


def put(house, address, content):
    parts = urllib.parse.urlsplit(address)
    return told(house.raw("PUT", f"{parts.path}?{parts.query}", content))


def lfs(house, name, number, size):
    content = os.urandom(size)
    upload, refused = large(house, name, hashlib.sha256(content).hexdigest(), size)
    return put(house, upload["href"], content) if upload else (False, refused)


def lfs_in_parts(house, name, number, size):
    """The second part of a file whose first never comes."""
    content = os.urandom(size)
    upload, refused = large(house, name, hashlib.sha256(content).hexdigest(), PART + size)
    return put(house, upload["header"]["00002"], content) if upload else (False, refused)


def xet(house, name, number, size):
    client = huggingface_hub.HfApi(endpoint=f"http://{house.address}:{house.port}", token=house.token)
    try:
        client.upload_file(
            path_or_fileobj=os.urandom(size), path_in_repo=f"large-{number}.bin", repo_id=f"{house.owner}/{name}"
        )
    except Exception as error:
        found = re.search(r"\b(403|413|507)\b.*", str(error), re.DOTALL)
        return False, found.group() if found else repr(error)
    return True, ""


def form(house, name, number, size):
    """What a browser sends from the page for a new Space."""
    kind = "application/x-www-form-urlencoded"
    _, _, headers = house.raw("POST", "/login", f"token={house.token}", {"Content-Type": kind})
    cookie = {"Cookie": headers["set-cookie"].split(";")[0]}
    status, page, _ = house.raw("GET", "/new", headers=cookie)
    carried = re.search(rb'name="form" value="([^"]+)"', page).group(1).decode()
    fields = {"form": carried, "how": "files", "name": f"{name}-{number}", "sdk": "static"}
    body = "".join(f'--B\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items())
    body += '--B\r\nContent-Disposition: form-data; name="files"; filename="index.html"\r\n\r\n'
    body = body.encode() + os.urandom(size) + b"\r\n--B--\r\n"
    status, page, _ = house.raw("POST", "/new", body, {**cookie, "Content-Type": "multipart/form-data; boundary=B"})
    words = re.search(rb"[^<>]*quota[^<>]*", page)
    return told((status, words.group() if words else page[-300:]), (200, 303))


def duplicate(house, name, number, size):
    """`name` has been given as much as that before."""
    return told(house.api("POST", f"/api/models/{house.owner}/{name}/duplicate", {"repository": f"{house.owner}/{name}-{number}"}))


# What each is called, and what it leaves besides the model, to be removed.
WAYS = {
    "commit": (commit, None),
    "git push to main": (push, None),
    "git push to branches": (push_aside, None),
    "LFS": (lfs, None),
    "LFS in parts": (lfs_in_parts, None),
    "Xet": (xet, None),
    "the browser's form": (form, "space"),
    "duplicates": (duplicate, "model"),
}
if not huggingface_hub:
    del WAYS["Xet"]
