"use strict";

// Painting the plane: territories, trails, points, centres, cursor.
const COLOURS = ["#e0523a", "#2f7fc1", "#5c9a34", "#d9932a", "#8b62c4", "#139a8a", "#d04c92", "#687a9c", "#a06b35", "#4fb0dc"];

class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.paint = canvas.getContext("2d");
  }

  /** Pixels of the canvas per unit of the plane. */
  get scale() {
    return this.canvas.width / WIDTH;
  }

  fit() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    this.ratio = ratio;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }

  /** From a pointer event to the plane. */
  locate(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * WIDTH, y: (event.clientY - box.top) / box.height };
  }

  draw({ points, centres, trails, cursor, held }) {
    this.fit();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { paint, canvas } = this;
    paint.clearRect(0, 0, canvas.width, canvas.height);
    this.drawGrid(colour("--grid"));
    const assigned = points.some((point) => point.cluster !== undefined);
    if (assigned) this.drawTerritories(centres);
    this.drawTrails(trails);
    this.drawPoints(points, colour("--soft"), colour("--sheet"));
    centres.forEach((centre, index) => this.drawCentre(centre, index, colour("--sheet"), colour("--ink"), index === held));
    if (cursor) this.drawCursor(cursor, colour("--ink"));
  }

  at({ x, y }) {
    return [x * this.scale, y * this.scale];
  }

  drawGrid(colour) {
    const { paint, canvas, scale } = this;
    paint.strokeStyle = colour;
    paint.lineWidth = this.ratio;
    paint.beginPath();
    for (let place = 0.05; place < WIDTH; place += 0.05) {
      paint.moveTo(Math.round(place * scale) + 0.5, 0);
      paint.lineTo(Math.round(place * scale) + 0.5, canvas.height);
      if (place >= 1) continue;
      paint.moveTo(0, Math.round(place * scale) + 0.5);
      paint.lineTo(canvas.width, Math.round(place * scale) + 0.5);
    }
    paint.stroke();
  }

  /** The plane, cut to what lies nearer to each centre than to any other. */
  drawTerritories(centres) {
    const { paint } = this;
    centres.forEach((centre, index) => {
      let corners = [{ x: 0, y: 0 }, { x: WIDTH, y: 0 }, { x: WIDTH, y: 1 }, { x: 0, y: 1 }];
      for (const other of centres) {
        if (other !== centre) corners = nearerPart(corners, centre, other);
      }
      if (corners.length < 3) return;
      paint.beginPath();
      corners.forEach((corner) => paint.lineTo(...this.at(corner)));
      paint.closePath();
      paint.fillStyle = COLOURS[index] + "24";
      paint.strokeStyle = COLOURS[index] + "55";
      paint.lineWidth = this.ratio;
      paint.fill();
      paint.stroke();
    });
  }

  drawTrails(trails) {
    const { paint } = this;
    paint.lineCap = paint.lineJoin = "round";
    trails.forEach((trail, index) => {
      paint.strokeStyle = paint.fillStyle = COLOURS[index];
      paint.globalAlpha = 0.75;
      paint.lineWidth = 2 * this.ratio;
      paint.beginPath();
      trail.forEach((place) => paint.lineTo(...this.at(place)));
      paint.stroke();
      for (const place of trail.slice(0, -1)) {
        paint.beginPath();
        paint.arc(...this.at(place), 3 * this.ratio, 0, 7);
        paint.fill();
      }
      paint.globalAlpha = 1;
    });
  }

  drawPoints(points, unassigned, rim) {
    const { paint } = this;
    const radius = Math.max(3.4, Math.min(5, this.canvas.clientWidth / 130)) * this.ratio;
    paint.lineWidth = 1.2 * this.ratio;
    paint.strokeStyle = rim;
    for (const point of points) {
      paint.fillStyle = point.cluster === undefined ? unassigned : COLOURS[point.cluster];
      paint.beginPath();
      paint.arc(...this.at(point), radius, 0, 7);
      paint.fill();
      paint.stroke();
    }
  }

  drawCentre(centre, index, rim, ink, held) {
    const { paint, ratio } = this;
    const [x, y] = this.at(centre);
    paint.beginPath();
    paint.arc(x, y, (held ? 15 : 12) * ratio, 0, 7);
    paint.fillStyle = COLOURS[index];
    paint.fill();
    paint.lineWidth = 3 * ratio;
    paint.strokeStyle = rim;
    paint.stroke();
    paint.beginPath();
    paint.arc(x, y, (held ? 17 : 14) * ratio, 0, 7);
    paint.lineWidth = 1.5 * ratio;
    paint.strokeStyle = ink;
    paint.stroke();
    paint.fillStyle = "#fff";
    paint.font = `700 ${12 * ratio}px system-ui, sans-serif`;
    paint.textAlign = "center";
    paint.textBaseline = "middle";
    paint.fillText(index + 1, x, y + 0.5 * ratio);
  }

  drawCursor(cursor, ink) {
    const { paint, ratio } = this;
    const [x, y] = this.at(cursor);
    const arm = 12 * ratio;
    paint.strokeStyle = ink;
    paint.lineWidth = 2 * ratio;
    paint.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      paint.moveTo(x + (dx * arm) / 3, y + (dy * arm) / 3);
      paint.lineTo(x + dx * arm, y + dy * arm);
    }
    paint.stroke();
  }
}

/** Cuts a convex shape at the line half-way between two centres and keeps the first one's side. */
function nearerPart(corners, centre, other) {
  const side = (corner) => squaredDistance(corner, other) - squaredDistance(corner, centre);
  return corners.flatMap((corner, index) => {
    const next = corners[(index + 1) % corners.length];
    const [here, there] = [side(corner), side(next)];
    const kept = here >= 0 ? [corner] : [];
    if (here >= 0 === there >= 0) return kept;
    const share = here / (here - there);
    return [...kept, { x: corner.x + (next.x - corner.x) * share, y: corner.y + (next.y - corner.y) * share }];
  });
}
