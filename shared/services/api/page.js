"use strict";

const byId = (id) => document.getElementById(id);
const GOOD = new Set(["synced", "Pass", "completed", "triggered", "accepted", "installed"]);
const BAD = new Set(["invalid", "conflict", "degraded", "Fail", "Error", "error", "expired", "needs_attention", "refused"]);
const REFRESH_MS = 3000;

class Refused extends Error {}

async function read(path) {
  const answer = await fetch(`/api${path}`, { headers: { Authorization: `Bearer ${sessionStorage.getItem("token")}` } });
  const body = await answer.json();
  if (answer.status === 401) throw new Refused(body.detail);
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

const cell = (text, kind = "") => Object.assign(document.createElement("td"), { textContent: text ?? "–", className: kind });
const tone = (word) => (GOOD.has(word) ? "good" : BAD.has(word) ? "bad" : "wait");
const word = (text) => cell(text, text ? tone(text) : "");

function fill(table, titles, rows) {
  const head = document.createElement("tr");
  for (const title of titles) head.append(Object.assign(document.createElement("th"), { textContent: title, scope: "col" }));
  const lines = rows.map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells);
    return line;
  });
  if (!rows.length) lines.push(Object.assign(document.createElement("tr"), { innerHTML: `<td colspan="${titles.length}">nothing yet</td>` }));
  table.replaceChildren(head, ...lines);
}

const place = (problem) => (problem.line ? `${problem.line}:${problem.column ?? 1} ${problem.message}` : problem.message);
const when = (text) => cell(new Date(text).toLocaleString(), "quiet");

function showExperiments(items) {
  fill(byId("experiments"), ["Experiment", "Kind", "File", "State", "Problem"], items.map((e) => [
    cell(e.id), cell(e.kind), cell(e.path), word(e.state), cell(e.problem ? place(e.problem) : ""),
  ]));
}

function showRuns(items) {
  fill(byId("runs"), ["When", "Experiment", "Cluster", "State", "Verdict", "Score", "Cause", "Message"], items.map((r) => [
    when(r.updated_at), cell(r.experiment), cell(r.cluster), word(r.state), word(r.verdict),
    cell(r.score), cell(r.cause), cell(r.message),
  ]));
}

function showEvents(items) {
  fill(byId("events"), ["When", "Kind", "Subject", "Verdict", "Reason"], items.map((e) => [
    when(e.at), cell(e.kind), cell(e.subject), word(e.verdict), cell(e.reason),
  ]));
}

async function showProjects() {
  const select = byId("project"), chosen = select.value;
  const { items } = await read("/projects?limit=500");
  const options = items.map((p) => new Option(p.name, p.id, false, p.id === chosen));
  if (options.length !== select.options.length) select.replaceChildren(...options);
  return select.value;
}

async function refresh() {
  const project = await showProjects();
  byId("content").hidden = !project;
  if (!project) return void (byId("sync").textContent = "no project yet: create one with litmus-gitops project create");
  const base = `/projects/${encodeURIComponent(project)}`, kind = byId("kind").value;
  const [sync, experiments, runs, events] = await Promise.all([
    read(`${base}/sync`), read(`${base}/experiments?limit=500`), read(`${base}/runs`),
    read(`${base}/events${kind ? `?kind=${kind}` : ""}`),
  ]);
  byId("sync").textContent = `${sync.state}${sync.commit ? ` at ${sync.commit.slice(0, 10)}` : ""}${sync.problem ? `: ${sync.problem}` : ""}`;
  byId("sync").className = tone(sync.state);
  showExperiments(experiments.items);
  showRuns(runs.items);
  showEvents(events.items);
}

async function turn() {
  const known = Boolean(sessionStorage.getItem("token"));
  byId("login").hidden = known;
  byId("forget").hidden = !known;
  if (!known) return void (byId("content").hidden = true);
  try {
    await refresh();
    byId("refused").textContent = "";
  } catch (error) {
    if (error instanceof Refused) sessionStorage.removeItem("token");
    byId("refused").textContent = byId("sync").textContent = error.message;
  }
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value.trim());
  byId("token").value = "";
  turn();
});
byId("forget").addEventListener("click", () => { sessionStorage.removeItem("token"); turn(); });
byId("project").addEventListener("change", turn);
byId("kind").addEventListener("change", turn);
setInterval(() => { if (!document.hidden) turn(); }, REFRESH_MS);
turn();
