"use strict";

const element = (id) => document.getElementById(id);
const canvas = element("board");
const paint = canvas.getContext("2d");

// Rows of each pattern, from the top; `O` is a living cell.
const PATTERNS = {
  brush: ["O"],
  glider: [".O.", "..O", "OOO"],
  ship: [".O..O", "O....", "O...O", "OOOO."],
  pulsar: [
    "..OOO...OOO..", ".............", "O....O.O....O", "O....O.O....O", "O....O.O....O", "..OOO...OOO..", ".............",
    "..OOO...OOO..", "O....O.O....O", "O....O.O....O", "O....O.O....O", ".............", "..OOO...OOO..",
  ],
  acorn: [".O.....", "...O...", "OO..OOO"],
  gun: [
    "........................O...........", "......................O.O...........", "............OO......OO............OO",
    "...........O...O....OO............OO", "OO........O.....O...OO..............", "OO........O...O.OO....O.O...........",
    "..........O.....O.......O...........", "...........O...O....................", "............OO......................",
  ],
};

const state = { width: 96, height: 64, cells: new Uint8Array(0), socket: null, wait: 500, cursor: null, queue: [], from: null };

const dark = matchMedia("(prefers-color-scheme: dark)");
const chosen = () => document.querySelector('input[name="pattern"]:checked').value;
const colour = (hue) => `hsl(${Math.round((hue / 255) * 360)} ${dark.matches ? "75% 62%" : "62% 45%"})`;

// ---- The board ---------------------------------------------------------------------------------------------------

function show() {
  const scale = Math.max(1, Math.round((canvas.clientWidth * devicePixelRatio) / state.width));
  if (canvas.width !== state.width * scale) {
    canvas.width = state.width * scale;
    canvas.height = state.height * scale;
  }
  paint.clearRect(0, 0, canvas.width, canvas.height);
  const gap = scale > 4 ? 1 : 0;
  let living = 0;
  for (let place = 0; place < state.cells.length; place++) {
    const hue = state.cells[place];
    if (hue === 0) continue;
    living++;
    paint.fillStyle = colour(hue);
    const x = (place % state.width) * scale;
    const y = Math.floor(place / state.width) * scale;
    paint.fillRect(x, y, scale - gap, scale - gap);
  }
  if (state.cursor && document.activeElement === canvas) {
    paint.strokeStyle = getComputedStyle(canvas).color;
    paint.lineWidth = 2;
    paint.strokeRect(state.cursor.x * scale, state.cursor.y * scale, scale, scale);
  }
  element("cells").textContent = `${living} cells`;
}

// ---- The others --------------------------------------------------------------------------------------------------

function connect() {
  const address = new URL("socket", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  state.socket = socket;
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") {
      state.cells = new Uint8Array(data);
      return show();
    }
    const told = JSON.parse(data);
    if (told.hue) {
      Object.assign(state, { width: told.width, height: told.height, wait: 500 });
      document.documentElement.style.setProperty("--mine", colour(told.hue));
    }
    if (told.visitors) {
      element("status").textContent = told.visitors === 1 ? "You are alone here." : `${told.visitors} of you are here.`;
    }
  };
  socket.onclose = () => {
    element("status").textContent = "Connection lost; trying again…";
    setTimeout(connect, state.wait);
    state.wait = Math.min(state.wait * 2, 15_000);
  };
}

function send() {
  if (state.queue.length && state.socket?.readyState === WebSocket.OPEN) {
    state.socket.send(JSON.stringify(state.queue.splice(0, 400)));
  }
}

// ---- Planting ----------------------------------------------------------------------------------------------------

function plant({ x, y }) {
  const rows = PATTERNS[chosen()];
  const left = x - Math.floor(rows[0].length / 2);
  const top = y - Math.floor(rows.length / 2);
  rows.forEach((row, down) => [...row].forEach((cell, across) => {
    if (cell === "O") state.queue.push([left + across, top + down]);
  }));
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: Math.floor(((event.clientX - box.left) / box.width) * state.width),
    y: Math.floor(((event.clientY - box.top) / box.height) * state.height),
  };
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  state.from = place(event);
  plant(state.from);
  send();
});

canvas.addEventListener("pointermove", (event) => {
  if (!state.from || chosen() !== "brush") return;
  const to = place(event);
  const steps = Math.max(Math.abs(to.x - state.from.x), Math.abs(to.y - state.from.y));
  for (let step = 1; step <= steps; step++) {
    plant({
      x: Math.round(state.from.x + ((to.x - state.from.x) * step) / steps),
      y: Math.round(state.from.y + ((to.y - state.from.y) * step) / steps),
    });
  }
  state.from = to;
});

for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (state.from = null));

canvas.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  state.cursor ??= { x: state.width >> 1, y: state.height >> 1 };
  if (moves[event.key]) {
    const [x, y] = moves[event.key];
    state.cursor.x = (state.cursor.x + x + state.width) % state.width;
    state.cursor.y = (state.cursor.y + y + state.height) % state.height;
    show();
  } else if (event.key === "Enter" || event.key === " ") {
    plant(state.cursor);
    send();
  } else {
    return;
  }
  event.preventDefault();
});

// What is drawn within a tenth of a second goes in one message.
setInterval(send, 100);
dark.addEventListener("change", show);
addEventListener("resize", show);
connect();
