"use strict";

// The algorithm and the points it is shown: no drawing here. The plane is WIDTH by 1.
const WIDTH = 1.25;

const squaredDistance = (a, b) => (a.x - b.x) ** 2 + (a.y - b.y) ** 2;

function nearest(point, centres) {
  let best = 0;
  for (let index = 1; index < centres.length; index++) {
    if (squaredDistance(point, centres[index]) < squaredDistance(point, centres[best])) best = index;
  }
  return best;
}

/** Gives every point its nearest centre; says how many changed theirs. */
function assign(points, centres) {
  let changed = 0;
  for (const point of points) {
    const cluster = nearest(point, centres);
    if (cluster !== point.cluster) changed++;
    point.cluster = cluster;
  }
  return changed;
}

/** The middle of each cluster; a centre without points stays where it is. */
function means(points, centres) {
  const sums = centres.map(() => ({ x: 0, y: 0, count: 0 }));
  for (const { x, y, cluster } of points) {
    sums[cluster].x += x;
    sums[cluster].y += y;
    sums[cluster].count++;
  }
  return sums.map(({ x, y, count }, index) => (count ? { x: x / count, y: y / count } : { ...centres[index] }));
}

const inertiaOf = (points, centres) =>
  points.reduce((sum, point) => sum + squaredDistance(point, centres[point.cluster]), 0);

// ---- Where centres start -----------------------------------------------------------------------------------------

const anywhere = () => ({ x: (0.08 + Math.random() * 0.84) * WIDTH, y: 0.08 + Math.random() * 0.84 });
const copyOf = ({ x, y }) => ({ x, y });

const STARTS = {
  random: (points, count) => Array.from({ length: count }, anywhere),

  huddled(points, count) {
    const middle = anywhere();
    return Array.from({ length: count }, () => ({ x: normal(middle.x, 0.03), y: normal(middle.y, 0.03) }));
  },

  /** k-means++: each next centre is one of the points, the likelier the farther from the centres so far. */
  spread(points, count) {
    if (points.length === 0) return STARTS.random(points, count);
    const centres = [copyOf(points[Math.floor(Math.random() * points.length)])];
    while (centres.length < count) {
      const weights = points.map((point) => squaredDistance(point, centres[nearest(point, centres)]));
      let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => (left -= weight) <= 0);
      centres.push(copyOf(points[Math.max(0, index)]));
    }
    return centres;
  },
};

/** The lowest inertia of a few whole runs. */
function bestInertia(points, count, runs = 6) {
  const copies = points.map(copyOf);
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    let centres = STARTS.spread(copies, count);
    for (let round = 0; round < 40 && assign(copies, centres) > 0; round++) centres = means(copies, centres);
    assign(copies, centres);
    best = Math.min(best, inertiaOf(copies, centres));
  }
  return best;
}

// ---- Points ------------------------------------------------------------------------------------------------------

function normal(mean, deviation) {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  return mean + deviation * radius * Math.cos(2 * Math.PI * Math.random());
}

const inside = ({ x, y }) => x > 0.015 && x < WIDTH - 0.015 && y > 0.015 && y < 0.985;

function sample(count, draw) {
  const points = [];
  for (let tries = 0; points.length < count && tries < count * 20; tries++) {
    const point = draw(points.length);
    if (inside(point)) points.push(point);
  }
  return points;
}

/** Middles that keep their distance from each other. */
function apart(count, distance) {
  const middles = [];
  for (let tries = 0; middles.length < count && tries < 400; tries++) {
    const middle = { x: (0.14 + Math.random() * 0.72) * WIDTH, y: 0.14 + Math.random() * 0.72 };
    if (middles.every((other) => squaredDistance(middle, other) > distance ** 2)) middles.push(middle);
  }
  return middles;
}

const POINTS = {
  blobs() {
    const middles = apart(4 + Math.floor(Math.random() * 2), 0.32).map((middle) => ({ ...middle, spread: 0.045 + Math.random() * 0.03 }));
    return sample(260, (index) => {
      const { x, y, spread } = middles[index % middles.length];
      return { x: normal(x, spread), y: normal(y, spread) };
    });
  },
  stretched() {
    const lean = (Math.random() - 0.5) * 0.5;
    return sample(240, (index) => {
      const along = normal(0, 0.2);
      return { x: WIDTH / 2 + along, y: 0.22 + (index % 3) * 0.28 + along * lean + normal(0, 0.022) };
    });
  },
  moons: () =>
    sample(240, (index) => {
      const angle = Math.random() * Math.PI;
      const upper = index % 2 === 0;
      return {
        x: (upper ? 0.5 : 0.75) + 0.27 * Math.cos(angle) + normal(0, 0.022),
        y: (upper ? 0.58 : 0.44) + (upper ? -0.3 : 0.3) * Math.sin(angle) + normal(0, 0.022),
      };
    }),
  rings: () =>
    sample(260, (index) => {
      const angle = Math.random() * 2 * Math.PI;
      const radius = normal(index % 3 ? 0.38 : 0.13, 0.018);
      return { x: WIDTH / 2 + radius * Math.cos(angle), y: 0.5 + radius * Math.sin(angle) };
    }),
  even: () => sample(300, () => ({ x: Math.random() * WIDTH, y: Math.random() })),
  none: () => [],
};
