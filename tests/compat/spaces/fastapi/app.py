import asyncio

from fastapi import FastAPI, UploadFile, WebSocket
from fastapi.responses import HTMLResponse

app = FastAPI()
PAGE = """<!DOCTYPE html>
<title>FastAPI</title>
<input type="range" id="number" min="0" max="100" value="20">
<p id="twice"></p>
<button id="count">Count</button>
<p id="counted"></p>
<input type="file" id="file">
<p id="size"></p>
<script>
const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws`);
socket.onmessage = event => { const {place, text} = JSON.parse(event.data); document.getElementById(place).textContent = text; };
const say = () => socket.send(document.getElementById("number").value);
socket.onopen = say;
document.getElementById("number").oninput = say;
document.getElementById("count").onclick = () => socket.send("count");
document.getElementById("file").onchange = async event => {
    const body = new FormData();
    body.append("file", event.target.files[0]);
    document.getElementById("size").textContent = await (await fetch("/upload", {method: "POST", body})).json();
};
</script>"""


@app.get("/")
async def page():
    return HTMLResponse(PAGE)


@app.websocket("/ws")
async def talk(socket: WebSocket):
    await socket.accept()
    async for said in socket.iter_text():
        if said == "count":
            for step in (1, 2, 3):
                await socket.send_json({"place": "counted", "text": f"{step} of 3"})
                await asyncio.sleep(0.7)
        else:
            await socket.send_json({"place": "twice", "text": f"Twice {said} is {int(said) * 2}"})


@app.post("/upload")
async def upload(file: UploadFile):
    return f"{file.size} bytes"
