/* The host of the canvas in a file without a server: it has a picture for each level of open scopes. */
const report = JSON.parse(document.getElementById("report-data").textContent);
const host = document.getElementById("report-canvas");
const note = document.getElementById("report-selection");
let level = 0;
let done = 0;

function show() {
  mountCanvas({ data: { ...report.levels[level], done }, parentElement: host, setStateValue, setTriggerValue });
}

function setStateValue(name, value) {
  if (name !== "selected") return;
  const last = value.names.at(-1);
  note.textContent = last === undefined ? "" : `${last.replace(/\/$/, "")}: ${report.fates[last] ?? "not changed itself"}`;
}

function setTriggerValue(name, value) {
  const last = value.acts.at(-1);
  done = last.n;
  if (last.do === "first") level = 0;
  else if (last.do === "expand" || last.do === "deeper") level = Math.min(level + 1, report.levels.length - 1);
  else if (last.do === "collapse" || last.do === "shallower") level = Math.max(level - 1, 0);
  show();
}

if (host && report.levels.length) show();
