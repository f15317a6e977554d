"use strict";

// Draws a pressed plant from its name alone. The genus decides how it is built, so that two plants of one genus look
// related; the second name decides the rest, and some of its syllables mean what they say: alb- is white, repens creeps.

/** Numbers that depend on the text and nothing else. */
function chanceFrom(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.charCodeAt(0), 16777619);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    between: (low, high) => low + next() * (high - low),
    pick: (choices) => choices[Math.floor(next() * choices.length)],
  };
}

const COLOUR_WORDS = [
  [/alb|niv|candi|lact|leuc|argent/, [48, 30, 90]],
  [/lute|flav|aure|sulph|citri|xanth|chrys/, [46, 82, 58]],
  [/rub|cocc|sangui|cinnab|phoen|igne/, [6, 68, 50]],
  [/rose|carne|incarn|puni/, [344, 62, 68]],
  [/purpur|atrop/, [310, 38, 45]],
  [/viol|lilac|iono/, [268, 42, 60]],
  [/caeru|azur|cyan|coel/, [212, 58, 58]],
  [/auranti|croc|ferru|fulv/, [26, 78, 55]],
  [/virid|viren/, [88, 40, 52]],
  [/nigr|atra|fusc/, [300, 18, 26]],
];

function traitsOf(genus, epithet) {
  const kind = chanceFrom(genus);
  const own = chanceFrom(genus + " " + epithet);
  const says = (pattern) => pattern.test(epithet);
  const colour = COLOUR_WORDS.find(([pattern]) => says(pattern));
  return {
    own,
    leaf: says(/angusti|linear|fili|tenui/) ? "narrow" : says(/cord|rotund|orbic/) ? "heart" : says(/pinn|fissu|multifi|dissec/) ? "feather"
      : kind.pick(["lance", "lance", "egg", "egg", "narrow", "heart", "feather", "lobed"]),
    opposite: kind.between(0, 1) < 0.45,
    flowers: kind.pick(["single", "spike", "umbel", "bells", "spray", "berries"]),
    petals: kind.pick([4, 5, 5, 5, 6, 8]),
    size: says(/nan|parv|minu|minor|min|pusil|pumil|exig|humil/) ? 0.72 : says(/gigan|magn|maj|maxi|grand|macr|altis|excel/) ? 1.15 : 1,
    creeps: says(/rep|prostr|procumb|humif|decumb|serp/),
    hairy: says(/hirs|villo|pilos|lanat|toment|hisp|setos/),
    spotted: says(/macul|punct|gutt|pict|varieg/),
    green: [kind.between(72, 140), kind.between(22, 40), kind.between(34, 46)],
    flower: colour ? colour[1] : [own.pick([4, 28, 46, 50, 212, 268, 310, 344]), own.between(40, 72), own.between(55, 72)],
  };
}

const shade = ([hue, strength, light], change = 0) =>
  `hsl(${hue.toFixed(0)} ${strength.toFixed(0)}% ${Math.max(8, Math.min(94, light + change)).toFixed(0)}%)`;
const number = (value) => value.toFixed(1);

/** A leaf along +x from the origin, `length` long; placed by a transform. */
function leafShape(kind, length, own) {
  const w = length * { lance: 0.2, egg: 0.36, narrow: 0.075, heart: 0.46, lobed: 0.42, feather: 0.3 }[kind];
  const l = length;
  if (kind === "heart") {
    return `M0 0C${-l * 0.12} ${-w * 0.6} ${l * 0.1} ${-w * 1.25} ${l * 0.42} ${-w * 0.95}C${l * 0.75} ${-w * 0.6} ${l * 0.9} ${-w * 0.15} ${l} 0C${l * 0.9} ${w * 0.15} ${l * 0.75} ${w * 0.6} ${l * 0.42} ${w * 0.95}C${l * 0.1} ${w * 1.25} ${-l * 0.12} ${w * 0.6} 0 0Z`;
  }
  if (kind === "feather" || kind === "lobed") {
    const lobes = kind === "feather" ? 6 : 3;
    const side = (sign) => Array.from({ length: lobes }, (_, index) => {
      const order = sign < 0 ? index : lobes - 1 - index;
      const [from, to] = [(order + 0.1) / (lobes + 0.6), (order + 1) / (lobes + 0.6)];
      const reach = w * sign * Math.sin(Math.PI * (0.22 + 0.66 * (order + 0.5) / lobes)) * own.between(0.85, 1.1);
      const [first, second] = sign < 0 ? [from, to] : [to, from];
      return `L${number(l * first)} ${number(sign * w * 0.12)}Q${number(l * (from + (to - from) * 0.9))} ${number(reach)} ${number(l * (from + (to - from) * 1.25))} ${number(reach * 0.92)}Q${number(l * (to + 0.02))} ${number(reach * 0.4)} ${number(l * second)} ${number(sign * w * 0.12)}`;
    }).join("");
    return `M0 0${side(-1)}L${number(l)} 0${side(1)}Z`;
  }
  const widest = kind === "egg" ? 0.35 : 0.45;
  return `M0 0C${l * widest * 0.4} ${-w} ${l * (widest + 0.3)} ${-w} ${l} 0C${l * (widest + 0.3)} ${w} ${l * widest * 0.4} ${w} 0 0Z`;
}

function leaf(x, y, degrees, length, traits) {
  const { own, green } = traits;
  const tone = [green[0] + own.between(-7, 7), green[1], green[2] + own.between(-5, 6)];
  const hairs = traits.hairy ? Array.from({ length: 7 }, (_, index) => {
    const at = (length * (index + 1.5)) / 9;
    return `<path d="M${number(at)} ${number(-length * 0.1)}l2-6M${number(at)} ${number(length * 0.1)}l2 6" stroke="${shade(tone, 18)}" stroke-width=".6"/>`;
  }).join("") : "";
  const spots = traits.spotted ? Array.from({ length: 4 }, () =>
    `<circle cx="${number(length * own.between(0.25, 0.75))}" cy="${number(length * own.between(-0.07, 0.07))}" r="${number(own.between(0.9, 1.9))}" fill="${shade(tone, 26)}"/>`).join("") : "";
  return `<g transform="translate(${number(x)} ${number(y)}) rotate(${number(degrees)})"><path d="${leafShape(traits.leaf, length, own)}" fill="${shade(tone)}" fill-opacity=".9" stroke="${shade(tone, -14)}" stroke-width=".8" stroke-linejoin="round"/><path d="M0 0H${number(length * 0.88)}" stroke="${shade(tone, -12)}" stroke-width=".7"/>${hairs}${spots}</g>`;
}

function blossom(x, y, radius, traits) {
  const { own, flower, petals } = traits;
  const turn = own.between(0, 90);
  const wide = radius * Math.min(0.62, 2.1 / petals);
  const petal = Array.from({ length: petals }, (_, index) =>
    `<ellipse cx="${number(radius * 0.62)}" rx="${number(radius * 0.5)}" ry="${number(wide)}" transform="rotate(${number(turn + (index * 360) / petals + own.between(-5, 5))})" fill="${shade(flower, own.between(-4, 5))}" fill-opacity=".92" stroke="${shade(flower, -20)}" stroke-width=".6"/>`).join("");
  const heart = flower[0] > 35 && flower[0] < 60 ? [24, 60, 40] : [46, 80, 56];
  return `<g transform="translate(${number(x)} ${number(y)})">${petal}<circle r="${number(radius * 0.24)}" fill="${shade(heart)}" stroke="${shade(heart, -18)}" stroke-width=".6"/></g>`;
}

function bell(x, y, size, degrees, traits) {
  const { flower } = traits;
  const s = size;
  return `<g transform="translate(${number(x)} ${number(y)}) rotate(${number(degrees)})"><path d="M0 0C${-s * 0.6} ${s * 0.15} ${-s * 0.5} ${s * 0.9} ${-s * 0.75} ${s * 1.25}L${-s * 0.25} ${s * 1.08}L0 ${s * 1.32}L${s * 0.25} ${s * 1.08}L${s * 0.75} ${s * 1.25}C${s * 0.5} ${s * 0.9} ${s * 0.6} ${s * 0.15} 0 0Z" fill="${shade(flower)}" fill-opacity=".92" stroke="${shade(flower, -20)}" stroke-width=".7" stroke-linejoin="round"/></g>`;
}

/** A stem as a curve that can be asked for places along it. */
function stem(from, to, bow) {
  const middle = [(from[0] + to[0]) / 2 + bow, (from[1] + to[1]) / 2];
  return {
    path: `M${from.map(number).join(" ")}Q${middle.map(number).join(" ")} ${to.map(number).join(" ")}`,
    at(t) {
      const mix = (axis) => (1 - t) ** 2 * from[axis] + 2 * (1 - t) * t * middle[axis] + t ** 2 * to[axis];
      const slope = (axis) => 2 * (1 - t) * (middle[axis] - from[axis]) + 2 * t * (to[axis] - middle[axis]);
      return { x: mix(0), y: mix(1), degrees: (Math.atan2(slope(1), slope(0)) * 180) / Math.PI };
    },
  };
}

function drawLeaves(along, traits, pairs, length) {
  const { own, opposite } = traits;
  const drawn = [];
  for (let index = 0; index < pairs; index++) {
    const t = 0.1 + (index / pairs) * 0.68;
    const { x, y, degrees } = along.at(t);
    const size = length * (1.05 - 0.5 * t) * own.between(0.85, 1.12);
    const angle = own.between(44, 62);
    if (opposite || index % 2) drawn.push(leaf(x, y, degrees + angle, size, traits));
    if (opposite || index % 2 === 0) drawn.push(leaf(x, y, degrees - angle, size, traits));
  }
  return drawn.join("");
}

function drawFlowers(along, traits, size) {
  const { own } = traits;
  const tip = along.at(1);
  const stalk = (x1, y1, x2, y2) => `<path d="M${number(x1)} ${number(y1)}Q${number((x1 + x2) / 2)} ${number(y2 + (y1 - y2) * 0.2)} ${number(x2)} ${number(y2)}" fill="none" stroke="${shade(traits.green, -6)}" stroke-width="1.1"/>`;
  const up = (x, y, reach, degrees) => {
    const turned = ((tip.degrees + degrees) * Math.PI) / 180;
    return [x + reach * Math.cos(turned), y + reach * Math.sin(turned)];
  };
  switch (traits.flowers) {
    case "single":
      return blossom(tip.x, tip.y, 21 * size, traits);
    case "spike":
      return Array.from({ length: 11 }, (_, index) => {
        const place = along.at(1 - index * 0.033);
        const side = (index % 2 ? 1 : -1) * (1.5 + index * 0.55) * size;
        return blossom(place.x + side, place.y, (3.4 + index * 0.38) * size, traits);
      }).reverse().join("");
    case "bells":
      return Array.from({ length: 5 }, (_, index) => {
        const place = along.at(0.98 - index * 0.075);
        const sign = index % 2 ? 1 : -1;
        const [x, y] = [place.x + sign * (9 + index * 2) * size, place.y + 3];
        return stalk(place.x, place.y, x, y) + bell(x, y, (8 + index * 0.9) * size, sign * -10, traits);
      }).join("");
    case "berries":
      return Array.from({ length: 9 }, (_, index) => {
        const place = along.at(0.99 - index * 0.04);
        const [x, y] = up(place.x, place.y, own.between(9, 16) * size, index % 2 ? 58 : -58);
        return stalk(place.x, place.y, x, y) + `<circle cx="${number(x)}" cy="${number(y)}" r="${number(4.4 * size)}" fill="${shade(traits.flower, -8)}" stroke="${shade(traits.flower, -26)}" stroke-width=".7"/><circle cx="${number(x - 1.3)}" cy="${number(y - 1.4)}" r="1.1" fill="#fff" fill-opacity=".55"/>`;
      }).join("");
    default: {
      const umbel = traits.flowers === "umbel";
      const count = umbel ? 9 : 7;
      const rays = Array.from({ length: count }, (_, index) => {
        const degrees = -62 + (index * 124) / (count - 1);
        const from = umbel ? tip : along.at(0.8 + (index % 4) * 0.06);
        const [x, y] = up(from.x, from.y, (umbel ? 32 : own.between(20, 34)) * size, degrees);
        return [stalk(from.x, from.y, x, y), blossom(x, y, (umbel ? 6.2 : 8.5) * size, traits)];
      });
      return rays.map(([ray]) => ray).join("") + rays.map(([, flower]) => flower).join("");
    }
  }
}

function drawRoots([x, y], traits) {
  const { own, green } = traits;
  return Array.from({ length: 7 }, () => {
    const side = own.between(-26, 26);
    return `<path d="M${number(x)} ${number(y)}q${number(side * 0.2)} ${number(own.between(4, 10))} ${number(side)} ${number(own.between(11, 21))}" fill="none" stroke="${shade([32, 24, 48])}" stroke-width="${number(own.between(0.6, 1.3))}" stroke-linecap="round"/>`;
  }).join("") + `<ellipse cx="${number(x)}" cy="${number(y)}" rx="3" ry="2" fill="${shade([green[0] - 40, 24, 40])}"/>`;
}

function drawTape(place, own) {
  return `<rect class="tape" x="-13" y="-3.6" width="26" height="7.2" transform="translate(${number(place.x)} ${number(place.y)}) rotate(${number(place.degrees + 90 + own.between(-16, 16))})"/>`;
}

/** The SVG of a pressed plant. */
function drawPlant(genus, epithet) {
  const traits = traitsOf(genus, epithet);
  const { own, size, creeps } = traits;
  const foot = creeps ? [44, 196] : [120 + own.between(-10, 10), 220];
  const tip = creeps ? [190, 100 + own.between(-14, 14)] : [120 + own.between(-20, 20), 220 - 158 * Math.min(1, size)];
  const main = stem(foot, tip, own.between(-26, 26) + (creeps ? 30 : 0));
  const stems = [main];
  if (own.between(0, 1) < 0.7 && !creeps) {
    const from = main.at(own.between(0.25, 0.45));
    const sign = own.pick([-1, 1]);
    stems.push(stem([from.x, from.y], [from.x + sign * own.between(46, 60), from.y - own.between(60, 84) * size], sign * 12));
  }
  const pairs = { narrow: 8, feather: 4, heart: 4 }[traits.leaf] ?? 6;
  const length = { narrow: 58, feather: 60, heart: 38, egg: 40, lobed: 46, lance: 50 }[traits.leaf] * Math.min(size, 1.05);
  const parts = stems.map((each, index) => {
    const smaller = index ? 0.62 : 1;
    return `<path d="${each.path}" fill="none" stroke="${shade(traits.green, -8)}" stroke-width="${index ? 1.6 : 2.4}" stroke-linecap="round"/>`
      + drawLeaves(each, traits, index ? Math.ceil(pairs / 2) : pairs, length * smaller)
      + drawFlowers(each, traits, size * (index ? 0.72 : 1));
  });
  return `<svg class="plant" viewBox="18 12 204 238" aria-hidden="true">${drawRoots(foot, traits)}${parts.reverse().join("")}${drawTape(main.at(0.06), own)}${drawTape(main.at(0.6), own)}</svg>`;
}
