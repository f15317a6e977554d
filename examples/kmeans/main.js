"use strict";

const element = (id) => document.getElementById(id);
const stage = new Stage(element("stage"));
const still = matchMedia("(prefers-reduced-motion: reduce)");

const state = {
  points: [],
  centres: [],
  trails: [],
  history: [],
  best: [],
  next: "assign", // or "move", or nothing more to do: "settled"
  rounds: 0,
  running: false,
  cursor: null,
  held: null,
};

const clusters = () => Number(element("k").value);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const say = (words) => (element("status").textContent = words);
const many = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

// ---- Steps -------------------------------------------------------------------------------------------------------

function startAgain(words) {
  pause();
  finishMove();
  state.centres = STARTS[chosen("start")](state.points, clusters());
  state.trails = state.centres.map((centre) => [{ ...centre }]);
  state.history = [];
  state.rounds = 0;
  state.next = "assign";
  for (const point of state.points) delete point.cluster;
  say(words ?? (state.points.length
    ? `${many(state.points.length, "point")}, ${many(clusters(), "centre")}. Run, or go step by step.`
    : "No points yet: click or drag on the picture to add some."));
  show();
}

function step() {
  finishMove();
  if (state.points.length === 0) return say("Nothing to cluster: click or drag on the picture to add points.");
  if (state.next === "settled") return;
  if (state.next === "assign") assignStep();
  else moveStep();
  state.history.push(inertiaOf(state.points, state.centres));
  show();
}

function assignStep() {
  const changed = assign(state.points, state.centres);
  if (changed === 0) {
    state.next = "settled";
    pause();
    const empty = state.centres.filter((_, index) => state.points.every((point) => point.cluster !== index)).length;
    say(`Settled after ${many(state.rounds, "round")}.` + (empty ? ` ${many(empty, "centre")} got no points: try a new start.` : " A new start may settle elsewhere; so may a centre you drag."));
    return;
  }
  state.rounds++;
  state.next = "move";
  say(`Round ${state.rounds}: ${many(changed, "point")} joined ${changed === 1 ? "another" : "the nearest"} centre.`);
}

function moveStep() {
  const targets = means(state.points, state.centres);
  state.next = "assign";
  say(`Round ${state.rounds}: each centre moves to the middle of its points.`);
  moveTo(targets);
}

// ---- Movement ----------------------------------------------------------------------------------------------------

let movement = null;

function moveTo(targets) {
  // The numbers are those of the targets at once; only the picture takes its time.
  const from = state.centres;
  state.centres = targets;
  state.trails.forEach((trail, index) => {
    if (squaredDistance(trail[trail.length - 1], targets[index]) > 1e-8) trail.push({ ...targets[index] });
  });
  if (still.matches) return;
  movement = { from, start: performance.now(), length: 420 };
  requestAnimationFrame(moving);
}

function moving(now) {
  if (!movement) return;
  if (now - movement.start >= movement.length) movement = null;
  else requestAnimationFrame(moving);
  draw(now);
}

function finishMove() {
  movement = null;
}

function shownCentres(now) {
  if (!movement) return state.centres;
  const share = Math.min(1, Math.max(0, (now - movement.start) / movement.length));
  const eased = 1 - (1 - share) ** 3;
  return state.centres.map((centre, index) => {
    const from = movement.from[index];
    return { x: from.x + (centre.x - from.x) * eased, y: from.y + (centre.y - from.y) * eased };
  });
}

function draw(now = performance.now()) {
  const centres = shownCentres(now);
  const trails = movement ? state.trails.map((trail, index) => [...trail.slice(0, -1), centres[index]]) : state.trails;
  stage.draw({ ...state, centres, trails });
}

function show() {
  draw();
  const inertia = state.history.length ? state.history[state.history.length - 1] : null;
  element("inertia").textContent = inertia === null ? "–" : inertia.toFixed(3);
  drawHistory(element("history"), state.history);
  drawElbow(element("elbow"), state.best, clusters(), inertia);
  element("step").disabled = state.next === "settled" || state.points.length === 0;
  element("run").textContent = state.running ? "Pause" : state.next === "settled" ? "Run again" : "Run";
}

// ---- Running -----------------------------------------------------------------------------------------------------

let timer = 0;

function run() {
  if (state.points.length === 0) return step();
  if (state.next === "settled") startAgain();
  state.running = true;
  const turn = () => {
    step();
    if (state.running) timer = setTimeout(turn, state.next === "assign" ? 700 : 550);
  };
  turn();
}

function pause() {
  clearTimeout(timer);
  state.running = false;
  element("run").textContent = "Run";
}

function toggleRun() {
  if (state.running) {
    pause();
    show();
  } else run();
}

// ---- Points ------------------------------------------------------------------------------------------------------

function newPoints() {
  state.points = POINTS[chosen("points")]();
  startAgain();
  pointsChanged();
}

function addPoint(point) {
  if (!inside(point) || state.points.length >= 1500) return;
  const added = { x: point.x, y: point.y };
  if (state.history.length) added.cluster = nearest(added, state.centres);
  state.points.push(added);
  edited(`${many(state.points.length, "point")}.`);
}

function removeNearest(place) {
  const closest = state.points.reduce((best, point) => (!best || squaredDistance(point, place) < squaredDistance(best, place) ? point : best), null);
  if (!closest) return;
  state.points.splice(state.points.indexOf(closest), 1);
  edited(`Removed one; ${many(state.points.length, "point")} left.`);
}

/** What was settled may not be any more. */
function edited(words) {
  finishMove();
  if (state.next === "settled") state.next = "move";
  if (state.history.length) state.history.push(inertiaOf(state.points, state.centres));
  if (!state.running) say(words);
  show();
  pointsChanged();
}

let bestTimer = 0;

/** The second chart needs many whole runs: one number of clusters per turn, once the points are left alone. */
function pointsChanged() {
  clearTimeout(bestTimer);
  const best = [];
  const next = () => {
    if (best.length < 10 && state.points.length > best.length) {
      best.push(bestInertia(state.points, best.length + 1));
      state.best = best;
      show();
      bestTimer = setTimeout(next, 0);
    } else if (state.points.length === 0) {
      state.best = [];
      show();
    }
  };
  bestTimer = setTimeout(next, 250);
}

// ---- Hands -------------------------------------------------------------------------------------------------------

let lastSpray = null;
const canvas = stage.canvas;

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const place = stage.locate(event);
  const reach = (event.pointerType === "touch" ? 26 : 17) / (canvas.clientWidth / WIDTH);
  const index = state.centres.length ? nearest(place, state.centres) : 0;
  state.cursor = null;
  if (state.centres[index] && squaredDistance(place, state.centres[index]) < reach ** 2) {
    pause();
    finishMove();
    state.held = index;
  } else {
    addPoint(place);
    lastSpray = place;
  }
  try {
    canvas.setPointerCapture(event.pointerId);
  } catch {
    // The pointer is already gone; a click needs no capture.
  }
  draw();
});

canvas.addEventListener("pointermove", (event) => {
  const place = stage.locate(event);
  if (state.held !== null) dragCentre(place);
  else if (lastSpray && squaredDistance(place, lastSpray) > 0.028 ** 2) {
    addPoint({ x: normal(place.x, 0.012), y: normal(place.y, 0.012) });
    lastSpray = place;
  }
});

function dragCentre({ x, y }) {
  const centre = { x: Math.min(WIDTH - 0.02, Math.max(0.02, x)), y: Math.min(0.98, Math.max(0.02, y)) };
  state.centres[state.held] = centre;
  state.trails[state.held] = [{ ...centre }];
  if (state.history.length) assign(state.points, state.centres);
  draw();
}

for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  canvas.addEventListener(end, () => {
    lastSpray = null;
    if (state.held === null) return;
    const number = state.held + 1;
    state.held = null;
    if (state.history.length) state.next = "move";
    edited(`Moved centre ${number}. Run again from here.`);
  });
}

canvas.addEventListener("keydown", (event) => {
  const reach = event.shiftKey ? 0.1 : 0.03;
  const moves = { ArrowLeft: [-reach, 0], ArrowRight: [reach, 0], ArrowUp: [0, -reach], ArrowDown: [0, reach] };
  const cursor = state.cursor ?? { x: WIDTH / 2, y: 0.5 };
  if (moves[event.key]) {
    cursor.x = Math.min(WIDTH - 0.03, Math.max(0.03, cursor.x + moves[event.key][0]));
    cursor.y = Math.min(0.97, Math.max(0.03, cursor.y + moves[event.key][1]));
  } else if (event.key === "Enter") addPoint(cursor);
  else if (event.key === "Delete" || event.key === "Backspace") removeNearest(cursor);
  else return;
  event.preventDefault();
  state.cursor = cursor;
  draw();
});

canvas.addEventListener("blur", () => {
  state.cursor = null;
  draw();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const slider = element("k");
  const actions = {
    r: toggleRun,
    s: step,
    n: () => startAgain(),
    "+": () => slider.stepUp(),
    "=": () => slider.stepUp(),
    "-": () => slider.stepDown(),
  };
  const action = actions[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  const before = slider.value;
  action();
  if (slider.value !== before) clustersChanged();
});

function clustersChanged() {
  element("k-shown").textContent = clusters();
  startAgain();
}

element("run").addEventListener("click", toggleRun);
element("step").addEventListener("click", () => {
  pause();
  step();
});
element("restart").addEventListener("click", () => startAgain());
element("k").addEventListener("input", clustersChanged);
document.querySelectorAll('input[name="points"]').forEach((input) => input.addEventListener("change", newPoints));
document.querySelectorAll('input[name="start"]').forEach((input) => input.addEventListener("change", () => startAgain()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
new ResizeObserver(() => draw()).observe(canvas);
newPoints();
