// On every page: copying, forms that are sent once, the parts that renew themselves, and how a line of a log looks.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
});

// A page from the browser's own store can be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.pop[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.pop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// A line of a log as the server sends it: its moment, and its pieces with their classes and texts.
function logLine({ m, p }) {
  const line = document.createElement("div");
  line.className = "log-line";
  const time = document.createElement("time");
  time.dateTime = m;
  time.textContent = m.slice(11, 19);
  const text = document.createElement("span");
  for (const { c, t } of p) {
    if (!c) {
      text.append(t);
      continue;
    }
    const piece = document.createElement("span");
    piece.className = c;
    piece.textContent = t;
    text.append(piece);
  }
  line.append(time, text);
  return line;
}

const live = document.querySelector("[data-refresh]");
if (live) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(live.dataset.from).catch(() => null);
    // Whoever is signed out meanwhile is sent to another page.
    if (!answer || !answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    live.replaceChildren(...fresh.body.childNodes);
  }, Number(live.dataset.refresh) * 1000);
}
