// A log that grows.
"use strict";

const log = document.getElementById("log");
const empty = document.getElementById("log-empty");
const none = document.getElementById("log-none");
const search = document.getElementById("log-search");
const follow = document.getElementById("follow");
const said = document.getElementById("log-state");
const MOST = 5000;

document.getElementById("follow-label").hidden = false;

function matches(line) {
  const wanted = search.value.trim().toLowerCase();
  return !wanted || line.lastChild.textContent.toLowerCase().includes(wanted);
}

function lineOf(said) {
  const line = logLine(said);
  line.hidden = !matches(line);
  return line;
}

function tell() {
  const seen = log.querySelector(":scope > :not([hidden])");
  log.hidden = !seen;
  empty.hidden = log.childElementCount > 0;
  none.hidden = Boolean(seen) || !empty.hidden;
}

function add(lines) {
  log.append(...lines.map(lineOf));
  while (log.childElementCount > MOST) log.firstElementChild.remove();
  tell();
  if (follow.checked) log.scrollTop = log.scrollHeight;
}

const source = new EventSource(log.dataset.source);
source.addEventListener("begin", (event) => {
  log.replaceChildren();
  said.textContent = "";
  add(JSON.parse(event.data));
});
source.addEventListener("message", (event) => add(JSON.parse(event.data)));
source.addEventListener("error", () => (said.textContent = "Not connected. Trying again."));

search.addEventListener("input", () => {
  for (const line of log.children) line.hidden = !matches(line);
  tell();
});
search.form.addEventListener("submit", (event) => event.preventDefault());
log.addEventListener("scroll", () => {
  follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
});
follow.addEventListener("change", () => {
  if (follow.checked) log.scrollTop = log.scrollHeight;
});

async function look() {
  const answer = document.hidden ? null : await fetch(log.dataset.stage).catch(() => null);
  if (answer?.ok) {
    const now = await answer.json();
    const stage = document.getElementById("stage");
    // What is wrong, and the way on, are the server's to write.
    if (stage.textContent !== now.short) return location.reload();
  }
  setTimeout(look, 2000);
}
setTimeout(look, 1000);
