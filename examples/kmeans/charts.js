"use strict";

// Two small charts of 240 by 84, drawn as SVG.
const CHART = { left: 6, right: 234, top: 6, bottom: 68 };

const across = (share) => CHART.left + share * (CHART.right - CHART.left);
const up = (share) => CHART.bottom - share * (CHART.bottom - CHART.top);
const line = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
const axis = `<path class="axis" d="M${CHART.left} ${CHART.bottom}H${CHART.right}"/>`;

function drawHistory(svg, history) {
  const most = Math.max(...history, 1e-9);
  const steps = Math.max(12, history.length - 1);
  const points = history.map((inertia, index) => [across(index / steps), up(inertia / most)]);
  const last = points[points.length - 1];
  svg.innerHTML = axis
    + (last ? `<path class="curve" d="${line(points)}"/><circle class="dot" r="3.5" cx="${last[0]}" cy="${last[1]}"/>` : "")
    + `<text x="${across(0.5)}" y="81">steps</text>`;
  svg.setAttribute("aria-label", history.length
    ? `Inertia after each step: from ${history[0].toFixed(2)} to ${history[history.length - 1].toFixed(2)}`
    : "Inertia after each step: none yet");
}

/** `best` holds the lowest inertia known for 1, 2, 3 … clusters. */
function drawElbow(svg, best, clusters, inertia) {
  const most = Math.max(...best, 1e-9);
  const place = (index, value) => [across(0.03 + (index / 9) * 0.94), up(Math.min(1, value / most))];
  const points = best.map((value, index) => place(index, value));
  const labels = Array.from({ length: 10 }, (_, index) =>
    `<text class="${index + 1 === clusters ? "here" : ""}" x="${place(index, 0)[0]}" y="81">${index + 1}</text>`);
  const [x, y] = place(clusters - 1, inertia ?? 0);
  svg.innerHTML = axis + labels.join("")
    + (points.length ? `<path class="curve" d="${line(points)}"/>` : "")
    + points.map(([cx, cy]) => `<circle class="dot" r="2.6" cx="${cx}" cy="${cy}"/>`).join("")
    + (inertia === null ? "" : `<circle class="ring" r="5.5" cx="${x}" cy="${y}"/>`);
  svg.setAttribute("aria-label", best.length
    ? `Best inertia found: ${best.map((value, index) => `${index + 1} clusters ${value.toFixed(2)}`).join(", ")}`
    : "Best inertia found for each number of clusters: no points");
}
