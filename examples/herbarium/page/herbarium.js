"use strict";

const element = (id) => document.getElementById(id);
const form = element("wish");

// ---- Asking ------------------------------------------------------------------------------------------------------

let latest = 0;

async function find() {
  const mine = ++latest;
  const wish = new URLSearchParams(new FormData(form));
  wish.set("count", "6");
  try {
    const answer = await fetch(`write?${wish}`);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const { plants, memory } = await answer.json();
    if (mine !== latest) return;
    element("sheets").replaceChildren(...plants.map((plant, place) => sheet(plant, place, memory)));
    element("status").textContent = "";
  } catch (error) {
    if (mine === latest) element("status").textContent = `The model did not answer (${error.message}). Try again.`;
  }
}

function showSettings() {
  element("temperature-shown").textContent = Number(element("temperature").value).toFixed(1);
  const memory = Number(element("memory").value);
  element("memory-shown").textContent = memory === 0 ? "none" : memory === 1 ? "1 letter" : `${memory} letters`;
}

// ---- A sheet -----------------------------------------------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("--")) made.style.setProperty(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const percent = (share) => (share >= 0.0995 ? `${Math.round(share * 100)}` : `${(share * 100).toFixed(share < 0.01 ? 1 : 0)}`);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function sheet({ genus, epithet }, place, memory) {
  const whole = `${capital(genus.text)} ${epithet.text}`;
  const name = make("h2", { class: "name", "aria-label": whole }, ...spelt(genus, true), " ", ...spelt(epithet, false));
  const known = genus.known && epithet.known ? "two known words" : genus.known ? "known genus" : epithet.known ? "known epithet" : "";
  const chance = [...genus.letters, ...epithet.letters].filter(({ given }) => !given).reduce((product, { share }) => product * share, 1);
  const card = make("article", { class: "sheet", "aria-label": whole, "--place": place });
  card.innerHTML = drawPlant(genus.text, epithet.text);
  if (known) card.append(make("p", { class: "known", title: "The model has read this word and repeats it" }, known));
  card.append(make("div", { class: "label" },
    name,
    make("p", { class: "note" },
      make("span", {}, `memory: ${memory === 1 ? "1 letter" : memory ? `${memory} letters` : "none"}`),
      make("span", { title: "How likely the model was to write exactly this" }, `odds: ${oddsOf(chance)}`)),
    make("details", {}, make("summary", {}, "How it was written"), letterTable([...genus.letters, null, ...epithet.letters]))));
  return card;
}

/** One in how many such names would be this one. */
function oddsOf(chance) {
  const odds = 1 / chance;
  if (odds < 1000) return `1 in ${Math.max(1, Math.round(odds))}`;
  const names = [["thousand", 1e3], ["million", 1e6], ["billion", 1e9], ["trillion", 1e12], ["quadrillion", 1e15]];
  const [word, size] = names.filter(([, size]) => odds >= size).pop();
  return odds >= 1e18 ? "next to impossible" : `1 in ${Math.round(odds / size)} ${word}`;
}

function spelt({ letters }, first) {
  return letters.filter(({ letter }) => letter !== ".").map(({ letter, share, given }, index) => {
    const surprise = given ? 0 : Math.min(1, -Math.log2(Math.max(share, 1e-6)) / 6);
    return make("span", { class: given ? "given" : "", "aria-hidden": "true", "--surprise-share": surprise.toFixed(2) },
      first && index === 0 ? letter.toUpperCase() : letter);
  });
}

/** What was considered for every place, the likeliest first; the full stop ends the word. */
function letterTable(letters) {
  const columns = letters.map((step) => {
    if (!step) return make("span", { class: "gap" });
    const rows = step.considered.map(([letter, share]) =>
      make("li", { class: letter === step.letter ? "taken" : "", "--share": share }, make("span", {}, letter), make("span", {}, percent(share))));
    return make("ol", { "aria-label": `${step.letter}: ${percent(step.share)} percent` }, make("b", {}, step.letter), ...rows);
  });
  return make("div", { class: "letters", tabindex: "0", role: "group", "aria-label": "Letters considered, in percent" }, ...columns);
}

// ---- Beginning ---------------------------------------------------------------------------------------------------

let pause = 0;
form.addEventListener("input", () => {
  showSettings();
  clearTimeout(pause);
  pause = setTimeout(find, 200);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(pause);
  find();
});
showSettings();
find();
