"use strict";

const GOOD = new Set(["synced", "committed", "Pass", "completed", "triggered", "accepted", "installed", "taken", "ordered", "merged", "settled"]);
const BAD = new Set(["invalid", "conflict", "degraded", "Fail", "Error", "error", "expired", "needs_attention", "refused"]);
const REFRESH_MS = 3000;

let turns = 0;

const byId = (id) => document.getElementById(id);
const make = (tag, fields, ...children) => {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
};

class Refused extends Error {}

async function read(path, said, more = {}) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem("token")}`, ...(said && { "Content-Type": "application/json" }), ...more };
  const asked = said ? { method: "POST", headers, body: JSON.stringify(said) } : { headers };
  const answer = await fetch(`/api${path}`, asked).catch(() => { throw new Error("the server does not answer"); });
  const body = await answer.json().catch(() => ({ detail: `the server answered ${answer.status}` }));
  if (answer.status === 401) throw new Refused("this is not the owner's token");
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

function say(id, text, kind = "") {
  const line = byId(id);
  if (line.textContent !== text) line.textContent = text;
  line.className = kind;
}

const tone = (word) => (GOOD.has(word) ? "good" : BAD.has(word) ? "bad" : "wait");
const cell = (...content) => make("td", {}, ...content.map((part) => part ?? "–"));
const short = (text) => Object.assign(cell(text), { className: "short" });
const word = (text) => (text ? make("td", { className: `short ${tone(text)}` }, text) : cell(null));
const when = (text) => cell(make("time", { dateTime: text, title: text }, new Date(text).toLocaleString()));
const place = (problem) => (problem.line ? `line ${problem.line}, column ${problem.column ?? 1}: ${problem.message}` : problem.message);

// What did not change stays in place, so that nobody loses the focus, a selection or an opened row.
function fill(id, page, cells) {
  const body = byId(id), shown = JSON.stringify(page), columns = body.parentElement.tHead.rows[0].cells.length;
  if (body.dataset.shown === shown) return;
  body.dataset.shown = shown;
  const open = new Set([...body.querySelectorAll("tr:has(details[open])")].map((row) => row.dataset.id));
  const rows = page.items.map((item) => make("tr", {}, ...cells(item, open.has(item.id))));
  rows.forEach((row, at) => { row.dataset.id = page.items[at].id; });
  body.replaceChildren(...(rows.length ? rows : [make("tr", {}, make("td", { colSpan: columns }, "nothing yet"))]));
  say(`${id}-more`, page.next ? `There are more: these are ${rows.length}. litmus-gitops lists them all.` : "", "quiet");
}

function experiment(e, open) {
  const problem = e.problem ? place(e.problem) : e.pull ? `waits for pull request #${e.pull}` : null;
  return [cell(e.id), short(e.kind || null), cell(e.path), word(e.state), schedule(e), trend(e, open), cell(problem)];
}

const pathOf = (e) => `/projects/${encodeURIComponent(byId("project").value)}/experiments/${encodeURIComponent(e.id)}`;

// A trend is asked for once somebody looks at it: there may be hundreds of experiments.
function trend(e, open) {
  const told = make("div", { className: "quiet" }, "…"), more = make("details", { open }, make("summary", {}, "show"), told);
  more.addEventListener("toggle", async () => {
    if (more.open) told.textContent = await read(`${pathOf(e)}/trend`).then(fares, (error) => error.message);
  });
  return cell(more);
}

function fares(t) {
  const parts = [`${t.measured} measured of the newest ${t.runs}`];
  if (t.measured) parts.push(`${t.pass_rate.toFixed(1)} % passed, mean score ${t.mean_score.toFixed(2)}`, `trend ${t.direction}`);
  if (t.median_seconds !== null) parts.push(`verdict within ${t.median_seconds.toFixed(1)} s for half, ${t.p95_seconds.toFixed(1)} s for 95 %`);
  return parts.join(" · ");
}

// What a schedule waits for is told with the command that gives it, where that is a person's word: here a button does.
function schedule(e) {
  if (!e.schedule) return cell(null);
  const more = [make("span", { className: tone(e.schedule) }, e.schedule)];
  const [why, command] = (e.schedule_reason ?? "").split(": litmus-gitops ");
  if (why) more.push(make("div", { className: "quiet" }, why));
  if (command?.includes(" --accept")) more.push(make("button", { type: "button", onclick: () => accept(e) }, `Accept ${e.name}`));
  return cell(...more);
}

async function accept(e) {
  if (!confirm(`Have ${e.path}, as git holds it now, installed on its clusters? It starts chaos by its schedule.`)) return;
  const seen = { "If-Match": `"${e.blob}"` };
  await read(`${pathOf(e)}/schedule`, { accept: true }, seen).catch((error) => alert(`${e.path}: ${error.message}`));
  show();
}

function conflict(c, open) {
  const more = make("details", { open }, make("summary", {}, c.reason));
  for (const side of ["base", "git", "portal"]) {
    more.append(make("h3", {}, side), make("pre", {}, c[side] ? c[side].text ?? "this text is not kept" : "there is no file"));
  }
  return [when(c.at), cell(c.id), cell(c.path), cell(c.author), cell(more)];
}

function run(r) {
  const score = r.score === null ? null : r.score.toFixed(2);
  return [
    when(r.updated_at), cell(r.experiment), cell(r.cluster), word(r.state), word(r.verdict),
    short(score), short(r.cause), cell(r.message || null),
  ];
}

function event(e, open) {
  const more = make("details", { open }, make("summary", {}, e.reason || "details"));
  more.append(make("pre", {}, JSON.stringify({ detail: e.detail, links: e.links, id: e.id }, null, 2)));
  return [when(e.at), short(e.kind), cell(e.subject), word(e.verdict), cell(more)];
}

// A status on a commit leads here, to #project or #project/run.
const linked = () => location.hash.slice(1).split("/").map(decodeURIComponent);

async function showLinked(project, base) {
  const [named, id] = linked();
  const found = named === project && id ? await read(`${base}/runs/${encodeURIComponent(id)}`).catch(() => null) : null;
  byId("run-part").hidden = !found;
  if (found) fill("run", { items: [found], next: null }, (r) => [...run(r), cell(make("pre", {}, JSON.stringify(r, null, 2)))]);
}

// A list of what is rare, each with all its sides; one that was settled meanwhile is left out.
async function readWhole(path) {
  const page = await read(`${path}?limit=20`);
  const items = await Promise.all(page.items.map((item) => read(`${path}/${item.id}`).catch(() => null)));
  return { ...page, items: items.filter(Boolean) };
}

async function showProjects() {
  const select = byId("project"), { items } = await read("/projects?limit=500");
  const names = JSON.stringify(items.map((p) => [p.id, p.name]));
  if (select.dataset.names !== names) {
    const chosen = select.value || linked()[0];
    select.dataset.names = names;
    select.replaceChildren(...items.map((p) => new Option(`${p.name} (${p.id})`, p.id, false, p.id === chosen)));
  }
  return items.find((p) => p.id === select.value);
}

function standing(project, sync, gitops) {
  const parts = [`${sync.state}${sync.commit ? ` at ${sync.commit.slice(0, 10)}` : ""}${sync.problem ? `: ${sync.problem}` : ""}`];
  if (gitops) parts.push(gitops.mode === "enforce" ? "enforces: chaos starts" : "observes: nothing starts");
  if (project.freeze) parts.push(`frozen, so nothing starts${project.freeze.reason ? `: ${project.freeze.reason}` : ""}`);
  return parts.join(" · ");
}

async function refresh(turn) {
  const project = await showProjects();
  if (!project) throw new Error("there is no project yet: create one with `litmus-gitops project create`");
  const base = `/projects/${encodeURIComponent(project.id)}`, kind = byId("kind").value;
  const [sync, gitops, experiments, conflicts, runs, events] = await Promise.all([
    read(`${base}/sync`), project.gitops ? read(`${base}/gitops`) : null, read(`${base}/experiments?limit=500`),
    readWhole(`${base}/conflicts`),
    read(`${base}/runs`), read(`${base}/events${kind ? `?kind=${kind}` : ""}`),
  ]);
  if (turn !== turns) return;
  say("standing", standing(project, sync, gitops), tone(sync.state));
  await showLinked(project.id, base);
  fill("experiments", experiments, experiment);
  byId("conflicts-part").hidden = !conflicts.items.length;
  fill("conflicts", conflicts, conflict);
  fill("runs", runs, run);
  fill("events", events, event);
  byId("content").hidden = false;
}

function hide() {
  byId("content").hidden = true;
  for (const id of ["run", "experiments", "conflicts", "runs", "events"]) {
    byId(id).replaceChildren();
    delete byId(id).dataset.shown;
  }
}

function showLogin() {
  const known = Boolean(sessionStorage.getItem("token"));
  byId("login").hidden = known;
  byId("owner").hidden = !known;
  if (!known) hide();
  return known;
}

async function show() {
  const turn = ++turns;
  if (!showLogin()) return;
  try {
    await refresh(turn);
    if (turn === turns) say("trouble", "", "bad");
  } catch (error) {
    if (turn !== turns) return;
    if (error instanceof Refused) sessionStorage.removeItem("token");
    say("trouble", error.message, "bad");
    showLogin();
  }
}

async function keepShowing() {
  if (!document.hidden) await show();
  setTimeout(keepShowing, REFRESH_MS);
}

byId("login").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  sessionStorage.setItem("token", byId("token").value.trim());
  byId("token").value = "";
  say("trouble", "", "bad");
  show();
});
byId("forget").addEventListener("click", () => { sessionStorage.removeItem("token"); say("trouble", "", "bad"); show(); });
byId("project").addEventListener("change", () => { hide(); show(); });
byId("kind").addEventListener("change", show);
addEventListener("hashchange", () => { byId("project").value = linked()[0]; hide(); show(); });
keepShowing();
