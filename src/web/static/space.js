// A Space's own page: hands on the part of the address after the #, and keeps the stage and the end of the log true.
"use strict";

const frame = document.getElementById("app");
const place = frame ?? document.getElementById("waiting");

if (frame && location.hash) frame.src = frame.getAttribute("src") + location.hash;
addEventListener("hashchange", () => {
  if (frame) frame.src = frame.getAttribute("src").split("#")[0] + location.hash;
});

const lines = document.getElementById("lines");
let shown = "";
if (lines) lines.scrollTop = lines.scrollHeight;

async function look() {
  if (!document.hidden) {
    const answer = await fetch(place.dataset.stage).catch(() => null);
    if (answer?.ok) {
      const now = await answer.json();
      if (String(now.shows) !== place.dataset.shows) return location.reload();
      const stage = document.getElementById("stage");
      // Where there is no demo, what is wrong and the way on are the server's to write.
      if (!frame && stage.textContent !== now.short) return location.reload();
      stage.className = `stage ${now.mood}`;
      if (stage.textContent !== now.short) stage.textContent = now.short;
      const long = document.getElementById("long");
      if (long) long.textContent = now.long;
      const said = JSON.stringify(now.lines);
      // What is read or marked stays as it is while nothing new was said.
      if (lines && said !== shown) {
        const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
        lines.replaceChildren(...now.lines.map(logLine));
        lines.hidden = now.lines.length === 0;
        if (!shown || atEnd) lines.scrollTop = lines.scrollHeight;
        shown = said;
      }
      const notice = document.getElementById("notice");
      if (notice) {
        notice.hidden = !now.error;
        notice.querySelector("summary").textContent = now.problem;
        notice.querySelector("bdi").textContent = now.error ?? "";
      }
    }
  }
  setTimeout(look, 3000);
}
setTimeout(look, 1500);
