"use strict";

// Strokes are kept in units of the pane's side, so that they survive every change of its size.
const strokes = [];
const element = (id) => document.getElementById(id);
const [pane, garden, mist, cells] = ["pane", "garden", "mist", "cells"].map(element);
const night = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const pen = { x: 0.5, y: 0.5, down: false, shown: false };
const PEN_WIDTH = 0.085;

// ---- The glass -----------------------------------------------------------------------------------------------

/** The same garden at every visit: numbers that only look like chance. */
function randomNumbers(seed) {
  return () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

function paintGarden() {
  const side = fitted(garden);
  const paint = garden.getContext("2d");
  const random = randomNumbers(11);
  const sky = paint.createLinearGradient(0, 0, 0, side);
  const shades = night.matches ? ["#7d5312", "#2b5a2f"] : ["#29563a", "#0f2c1d"];
  shades.forEach((shade, index) => sky.addColorStop(index, shade));
  paint.fillStyle = sky;
  paint.fillRect(0, 0, side, side);
  for (let leaf = 0; leaf < 90; leaf++) {
    paint.save();
    paint.translate(random() * side, random() * side);
    paint.rotate(random() * Math.PI * 2);
    const [hue, light] = night.matches ? [52 + random() * 70, 24 + random() * 26] : [95 + random() * 55, 14 + random() * 24];
    paint.fillStyle = `hsl(${hue} 48% ${light}% / .8)`;
    const length = side * (0.08 + random() * 0.16);
    paint.beginPath();
    paint.moveTo(-length, 0);
    paint.quadraticCurveTo(0, -length * 0.55, length, 0);
    paint.quadraticCurveTo(0, length * 0.55, -length, 0);
    paint.fill();
    paint.restore();
  }
  // By day flowers, by night lamps.
  for (let spot = 0; spot < (night.matches ? 16 : 11); spot++) {
    const [x, y] = [random() * side, random() * side];
    const radius = side * (night.matches ? 0.12 + random() * 0.16 : 0.03 + random() * 0.03);
    const glow = paint.createRadialGradient(x, y, 0, x, y, radius);
    const colour = night.matches ? "255 196 92" : ["236 120 140", "244 200 90", "240 240 230"][spot % 3];
    glow.addColorStop(0, `rgb(${colour} / .95)`);
    glow.addColorStop(night.matches ? 0.15 : 0.7, `rgb(${colour} / ${night.matches ? 0.55 : 0.85})`);
    glow.addColorStop(1, `rgb(${colour} / 0)`);
    paint.fillStyle = glow;
    paint.fillRect(x - radius, y - radius, radius * 2, radius * 2);
  }
}

function fitted(canvas) {
  const side = Math.round(pane.clientWidth * Math.min(devicePixelRatio || 1, 2));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  return side;
}

function paintMist() {
  const side = fitted(mist);
  const paint = mist.getContext("2d");
  paint.globalCompositeOperation = "source-over";
  paint.clearRect(0, 0, side, side);
  const veil = paint.createLinearGradient(0, 0, side, side);
  const shades = night.matches ? ["#39473fee", "#2a3631f2"] : ["#e6efeaf0", "#cfdcd5f0"];
  shades.forEach((shade, index) => veil.addColorStop(index, shade));
  paint.fillStyle = veil;
  paint.fillRect(0, 0, side, side);
  const random = randomNumbers(5);
  for (let drop = 0; drop < 260; drop++) {
    paint.fillStyle = `rgb(255 255 255 / ${0.03 + random() * (night.matches ? 0.05 : 0.3)})`;
    paint.beginPath();
    paint.arc(random() * side, random() * side, side * (0.001 + random() * 0.004), 0, 7);
    paint.fill();
  }
  paint.globalCompositeOperation = "destination-out";
  paint.lineCap = paint.lineJoin = "round";
  for (const [width, strength] of [[1.25, 0.35], [1.08, 0.5], [0.9, 1]]) {
    paint.lineWidth = side * PEN_WIDTH * width;
    paint.strokeStyle = `rgb(0 0 0 / ${strength})`;
    for (const stroke of strokes) {
      paint.beginPath();
      trace(paint, stroke, side);
      paint.stroke();
    }
  }
  paint.globalCompositeOperation = "source-over";
  if (pen.shown) paintPen(paint, side);
}

/** Through the middles between points, which rounds off a hand's corners. */
function trace(paint, stroke, side) {
  const at = (index) => [stroke[index][0] * side, stroke[index][1] * side];
  paint.moveTo(...at(0));
  for (let index = 1; index < stroke.length - 1; index++) {
    const [x, y] = at(index);
    const [nextX, nextY] = at(index + 1);
    paint.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
  }
  paint.lineTo(...at(stroke.length - 1));
}

function paintPen(paint, side) {
  paint.beginPath();
  paint.arc(pen.x * side, pen.y * side, side * PEN_WIDTH * 0.5, 0, 7);
  paint.lineWidth = side * 0.008;
  paint.strokeStyle = night.matches ? "#fff" : "#10301f";
  paint.setLineDash(pen.down ? [] : [side * 0.02, side * 0.015]);
  paint.stroke();
  paint.setLineDash([]);
}

let frame = 0;
function changed() {
  pane.classList.toggle("drawn", strokes.length > 0 || pen.shown);
  element("clear").disabled = element("undo").disabled = strokes.length === 0;
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(paintMist);
  ask();
}

// ---- The network ---------------------------------------------------------------------------------------------

let asking = false;
let stale = false;

/** One question at a time; what was drawn meanwhile becomes the next one. */
async function ask() {
  if (strokes.length === 0) return nothing();
  stale = asking;
  if (asking) return;
  asking = true;
  const start = performance.now();
  try {
    const body = JSON.stringify({ strokes: strokes.map((stroke) => stroke.map(([x, y]) => [rounded(x), rounded(y)])) });
    const answer = await fetch("predict", { method: "POST", body });
    const reading = await answer.json();
    if (!answer.ok) throw new Error(reading.error);
    if (strokes.length > 0) show(reading, performance.now() - start);
  } catch (error) {
    element("sentence").textContent = `The network did not answer (${error.message}). Draw on to try again.`;
    stale = false;
  }
  asking = false;
  if (stale) ask();
}

const rounded = (value) => Math.round(value * 1000) / 1000;

const bars = Array.from({ length: 10 }, (_, digit) => {
  const bar = document.createElement("li");
  bar.innerHTML = `<span class="share"></span><span class="track"><span class="fill"></span></span><span class="name">${digit}</span>`;
  element("bars").append(bar);
  return bar;
});

function show({ digit, probabilities, pixels, microseconds }, milliseconds) {
  const share = probabilities[digit];
  element("digit").textContent = digit;
  element("digit").classList.toggle("unsure", share < 0.5);
  const second = probabilities.indexOf(Math.max(...probabilities.filter((_, other) => other !== digit)));
  const one = (named) => (named === 8 ? "an 8" : `a ${named}`);
  const sure = share > 0.9 ? `That is ${one(digit)}.`
    : share > 0.6 ? `Most likely ${one(digit)}.`
    : `Perhaps ${one(digit)}, or ${one(second)}?`;
  if (element("sentence").textContent !== sure) element("sentence").textContent = sure;
  showBars(probabilities, digit);
  showCells(pixels);
  element("facts").textContent =
    `Answered in ${milliseconds.toFixed(0)} ms, of which the component computed ${(microseconds / 1000).toFixed(2)} ms.`;
}

function showBars(probabilities, top) {
  bars.forEach((bar, digit) => {
    const share = probabilities[digit];
    bar.style.setProperty("--share", share);
    bar.classList.toggle("top", digit === top);
    const percent = (share * 100).toFixed(0);
    bar.firstChild.textContent = percent === "0" ? "" : `${percent}%`;
    bar.setAttribute("aria-label", `${digit}: ${percent} percent`);
  });
}

function showCells(pixels) {
  const paint = cells.getContext("2d");
  const image = paint.createImageData(8, 8);
  const [paper, ink] = night.matches ? [[11, 18, 16], [240, 192, 98]] : [[246, 249, 245], [18, 62, 40]];
  pixels.forEach((pixel, index) => {
    for (let channel = 0; channel < 3; channel++) {
      image.data[index * 4 + channel] = paper[channel] + ((ink[channel] - paper[channel]) * pixel) / 16;
    }
    image.data[index * 4 + 3] = 255;
  });
  paint.putImageData(image, 0, 0);
}

function nothing() {
  element("digit").textContent = "?";
  element("digit").classList.add("unsure");
  element("sentence").textContent = "Nothing to read yet.";
  showBars(Array(10).fill(0), -1);
  showCells(Array(64).fill(0));
}

// ---- The hand ------------------------------------------------------------------------------------------------

let drawing = null;
let take = 0; // counts the examples begun, so that whatever comes next ends an older one

function place(event) {
  const box = mist.getBoundingClientRect();
  const inside = (value) => Math.min(1, Math.max(0, value));
  return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
}

mist.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  take++;
  pen.shown = pen.down = false;
  try {
    mist.setPointerCapture(event.pointerId);
  } catch {
    // The pointer is already gone; the stroke is then a dot.
  }
  drawing = [place(event)];
  strokes.push(drawing);
  changed();
});

mist.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const each of events.length ? events : [event]) extend(drawing, place(each));
  changed();
});

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  mist.addEventListener(end, () => (drawing = null));
}

function extend(stroke, [x, y]) {
  const [lastX, lastY] = stroke[stroke.length - 1];
  if (Math.hypot(x - lastX, y - lastY) > 0.004) stroke.push([x, y]);
}

mist.addEventListener("keydown", (event) => {
  const step = event.shiftKey ? 0.1 : 0.035;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  const move = moves[event.key];
  if (!move && event.key !== " ") return;
  event.preventDefault();
  take++;
  pen.shown = true;
  if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) strokes.push([[pen.x, pen.y]]);
  } else {
    pen.x = Math.min(0.95, Math.max(0.05, pen.x + move[0]));
    pen.y = Math.min(0.95, Math.max(0.05, pen.y + move[1]));
    if (pen.down && strokes.length) extend(strokes[strokes.length - 1], [pen.x, pen.y]);
  }
  changed();
});

mist.addEventListener("blur", () => {
  pen.shown = pen.down = false;
  changed();
});

function clear() {
  take++;
  drawing = null;
  pen.down = false;
  strokes.length = 0;
  changed();
}

function undo() {
  take++;
  pen.down = false;
  strokes.pop();
  changed();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === "Escape") clear();
  else if (/^[0-9]$/.test(event.key)) perform(Number(event.key));
  else return;
  event.preventDefault();
});

element("clear").addEventListener("click", clear);
element("undo").addEventListener("click", undo);
element("example").addEventListener("click", () => {
  let digit;
  do digit = Math.floor(Math.random() * 10);
  while (String(digit) === element("digit").textContent);
  perform(digit);
});

// ---- Examples: points of a box 100 wide and 100 high; they are drawn as curves through these -----------------------

const EXAMPLES = [
  ["52,2 30,14 22,50 32,88 54,98 76,84 80,46 70,12 50,3"],
  ["36,24 56,3 55,50 54,98"],
  ["22,26 38,4 66,5 75,26 60,54 36,80 20,96 50,95 80,96"],
  ["24,12 50,2 72,18 60,40 42,46 66,54 78,74 60,96 24,92"],
  ["56,2 38,34 18,64 50,65 84,63", "66,38 64,70 62,99"],
  ["74,4 50,4 32,5 29,24 27,44 54,40 75,58 70,86 46,98 22,90"],
  ["66,3 42,20 26,52 28,84 50,98 72,86 70,62 50,54 30,70"],
  ["20,6 50,5 80,4 64,34 50,64 42,98", "34,52 54,51 72,50"],
  ["68,14 48,3 30,18 44,42 68,66 66,90 46,98 28,82 42,54 64,34 68,15"],
  ["72,18 50,4 32,22 42,46 64,42 73,18 72,50 66,98"],
];

async function perform(digit) {
  const mine = ++take;
  const waver = () => (Math.random() - 0.5) * 0.03;
  const lean = (Math.random() - 0.5) * 0.24;
  drawing = null;
  pen.shown = pen.down = false;
  strokes.length = 0;
  for (const text of EXAMPLES[digit]) {
    const points = text.split(" ").map((pair) => {
      const [x, y] = pair.split(",").map((part) => part / 100);
      return [0.5 + (x - 0.5) * 0.72 + (0.5 - y) * lean + waver(), 0.5 + (y - 0.5) * 0.74 + waver()];
    });
    const stroke = [];
    strokes.push(stroke);
    for (const point of curve(points)) {
      stroke.push(point);
      if (still.matches || stroke.length === 1) continue;
      changed();
      await new Promise((resolve) => setTimeout(resolve, 14));
      if (mine !== take) return;
    }
  }
  changed();
}

/** A Catmull-Rom spline through the points. */
function curve(points) {
  const at = (index) => points[Math.min(points.length - 1, Math.max(0, index))];
  const drawn = [];
  for (let index = 0; index < points.length - 1; index++) {
    const [a, b, c, d] = [at(index - 1), at(index), at(index + 1), at(index + 2)];
    for (let t = 0; t < 1; t += 0.2) {
      drawn.push([0, 1].map((axis) =>
        0.5 * (2 * b[axis] + (c[axis] - a[axis]) * t
          + (2 * a[axis] - 5 * b[axis] + 4 * c[axis] - d[axis]) * t ** 2
          + (3 * b[axis] - a[axis] - 3 * c[axis] + d[axis]) * t ** 3)));
    }
  }
  drawn.push(points[points.length - 1]);
  return drawn;
}

// ---- Beginning -----------------------------------------------------------------------------------------------

function repaint() {
  paintGarden();
  changed();
}
new ResizeObserver(repaint).observe(pane);
night.addEventListener("change", repaint);
nothing();
