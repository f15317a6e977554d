// Dropping a folder: its files, each under its path, sent with how far they are.
"use strict";

const form = document.getElementById("new");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const folder = document.getElementById("folder");
const chosen = document.getElementById("chosen");
const progress = document.getElementById("progress");
let files = [];

document.getElementById("folder-line").hidden = false;

function take(found) {
  files = found;
  const shown = found.slice(0, 12).map(({ path }) => {
    const item = document.createElement("li");
    item.textContent = path;
    return item;
  });
  if (found.length > shown.length) {
    const item = document.createElement("li");
    item.textContent = `and ${found.length - shown.length} more`;
    shown.push(item);
  }
  chosen.replaceChildren(...shown);
  if (found.length) form.querySelector("[name=how][value=files]").checked = true;
  const name = form.elements.name;
  const top = found[0]?.path.split("/");
  if (!name.value && top?.length > 1) {
    name.value = top[0].replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");
  }
}

async function walk(entry, path, found) {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    found.push({ path: path + entry.name, file });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const below of some) await walk(below, `${path}${entry.name}/`, found);
  }
}

for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const items = [...event.dataTransfer.items];
  const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  if (entries.length) for (const entry of entries) await walk(entry, "", found);
  else for (const file of event.dataTransfer.files) found.push({ path: file.name, file });
  take(found);
});
for (const picker of [input, folder]) {
  picker.addEventListener("change", () => {
    take([...picker.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
  });
}

form.addEventListener("submit", (event) => {
  if (form.elements.how.value !== "files" || !files.length) return;
  event.preventDefault();
  const button = document.getElementById("publish");
  const data = new FormData(form);
  data.delete("files");
  for (const { path, file } of files) data.append("files", file, path);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "document";
  request.upload.onprogress = (step) => {
    progress.hidden = false;
    if (step.lengthComputable) progress.value = step.loaded / step.total;
  };
  const say = (text) => {
    button.disabled = false;
    progress.hidden = true;
    const problem = document.createElement("p");
    problem.className = "problem";
    problem.textContent = text;
    const place = document.getElementById("problem");
    place.replaceChildren(problem);
    place.scrollIntoView({ block: "center" });
  };
  request.onerror = () => say("The connection broke during the upload. Nothing was published. Your files are still selected: send them again.");
  request.onload = () => {
    if (request.status === 200) return (location.href = request.responseURL);
    const problems = [...(request.response?.querySelectorAll(".problem, main .lead") ?? [])];
    say(problems.map((problem) => problem.textContent).join(" ") || "The server did not accept the files.");
  };
  button.disabled = true;
  request.send(data);
});
