/* What the reader does, and what the document shows. */
"use strict";
const $ = id => document.getElementById(id);
const state = { event: 0, threads: null, from: 0, to: 0, inverted: false, functions: false, machinery: false,
                search: "", table: "functions", sort: "self", chosen: -1 };
const TRUST = {
  complete: "every native frame from the innermost to the thread's start and every Python frame, in place",
  gap: "native frames are missing at a marked place", truncated: "outer frames are missing",
  unmerged: "Python frames are missing or not in place", unresolved: "a frame has no name; says nothing about the stack being right",
  derived: "a frame was passed by a rule decoded from its code", checked: "Python frames were read after the sample, and checked against it",
  no_stack: "no frame at all", lost: "taken by the kernel but never received" };
let data, flame, costs, whole, matches = null, bars, tables = {};

function percent(part, of = whole) {
  const share = of ? 100 * part / of : 0;
  return share > 0 && share < 0.005 ? "<0.01 %" : share.toFixed(share && share < 0.1 ? 2 : 1) + " %";
}
function amount(weight) {
  if (data.meta.recording.events[state.event].unit !== "ns") return Math.round(weight).toLocaleString("en");
  if (weight >= 1e9) return (weight / 1e9).toFixed(2) + " s";
  return weight >= 1e6 ? (weight / 1e6).toFixed(1) + " ms" : (weight / 1e3).toFixed(0) + " µs";
}
function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
const place = label => label.kind === KIND.python ? `${label.file}:${label.line}` : label.module || "";

function showHeader() {
  const recording = data.meta.recording, trust = data.meta.trust;
  document.title = `plait: ${recording.command}`;
  $("command").textContent = recording.command;
  $("facts").textContent = `${recording.host}   ${recording.started.replace("T", " ").slice(0, 19)} UTC   ` +
    `${recording.seconds.toFixed(1)} s on ${recording.cpus} CPUs   engine ${recording.engine}`;
  const share = trust.samples ? trust.complete / trust.samples : 0;
  if (!trust.samples) $("trust").append("No samples were taken: the program did not run for long enough, or nothing of the event happened in it.");
  else $("trust").append(`${trust.samples.toLocaleString("en")} samples: `,
    element("b", `complete ${share === 1 ? "100" : Math.min(100 * share, 99.99).toFixed(2)} %`,
            { class: share > 0.99 ? "good" : "warn", title: TRUST.complete }));
  for (const word of ["gap", "truncated", "unmerged", "unresolved", "derived", "checked", "no_stack", "lost"]) {
    if (!trust[word] && (!trust.samples || ["derived", "checked", "no_stack"].includes(word))) continue;
    const bad = trust[word] && !["unresolved", "derived", "checked"].includes(word);
    const all = trust.samples + (word === "lost" ? trust.lost : 0);
    $("trust").append("   ", element(bad ? "b" : "span",
      `${word.replace("_", " ")} ${trust[word].toLocaleString("en")}` + (trust[word] ? ` (${percent(trust[word], all)})` : ""),
      { class: bad ? "warn" : "", title: TRUST[word] }));
  }
  for (const note of data.meta.recording.notes) $("notes").append(element("li", note));
}

function fillControls() {
  data.meta.recording.events.forEach((event, index) => {
    if (!data.entries || data.meta.lanes.some(lane => lane.event === index)) $("event").append(element("option", event.name, { value: index }));
  });
  const threads = data.meta.recording.threads, processes = data.meta.recording.processes;
  const cost = new Map();
  for (let i = 0; i < data.entries; i++) {
    const lane = data.meta.lanes[data.lane[i]];
    if (lane.event === state.event) cost.set(lane.thread, (cost.get(lane.thread) || 0) + data.weight[i]);
  }
  $("thread").append(element("option", "all", { value: "" }));
  processes.forEach((process, index) => {
    const own = threads.map((_, i) => i).filter(i => threads[i].process === index && cost.has(i));
    if (!own.length) return;
    own.sort((a, b) => cost.get(b) - cost.get(a));
    const group = element("optgroup", undefined, { label: `${process.name} ${process.pid}` });
    if (own.length > 1) group.append(element("option", `all of ${process.name} ${process.pid}`, { value: own.join() }));
    for (const i of own) group.append(element("option", `${threads[i].name} ${threads[i].tid} (${amount(cost.get(i))})`, { value: i }));
    $("thread").append(group);
  });
  for (const [name, text] of [["python", "Python"], ["native", "native code"], ["libc", "C library"], ["kernel", "kernel"], ["marker", "not known"]]) {
    const item = element("span");
    item.append(element("i", "", { style: `background:${COLOURS[name]}` }), text);
    $("legend").append(item);
  }
}

function findMatches() {
  matches = null;
  $("matches").textContent = "";
  if (!state.search) return;
  let test;
  try {
    const regex = new RegExp(state.search, "i");
    test = text => regex.test(text);
  } catch (_) {
    const plain = state.search.toLowerCase();
    test = text => text.toLowerCase().includes(plain);
  }
  matches = new Set();
  data.meta.labels.forEach((label, index) => {
    if (test(`${label.name} ${place(label)}`)) matches.add(index);
  });
  /* What of the whole runs in or below a match: each stack once. */
  const found = Uint8Array.from(data.meta.labels, (_, index) => matches.has(index) ? 1 : 0);
  let sum = 0;
  for (let i = 1; i < data.count; found[data.label[i]] ? i = data.end[i] : i++)
    if (found[data.label[i]]) sum += costs.total[i];
  $("matches").textContent = `${percent(sum)} (${amount(sum)})`;
}

function showPath() {
  $("path").replaceChildren();
  if (!flame.zoom) {
    $("path").textContent = `${amount(whole)} of ${data.meta.recording.events[state.event].name}${whole ? ": click a frame to zoom in" : ""}`;
    return;
  }
  const label = data.meta.labels[flame.tree.label[flame.zoom]];
  const out = element("button", "all", { type: "button" });
  out.onclick = () => zoomTo(0);
  $("path").append(out, `› ${frameText(label)}   ${amount(flame.tree.total[flame.zoom])}, ${percent(flame.tree.total[flame.zoom])}`);
}

const redraw = () => flame.draw(matches);
function zoomTo(node) {
  flame.zoom = node;
  flame.focus = node;
  showPath();
  redraw();
  flame.reveal();
}

/* Rows of a table under the present choice; computed when asked for. */
const rowsOf = table => tables[table] ||= buildTable(data, costs, table === "lines");

function showTable() {
  const lines = state.table === "lines", labels = data.meta.labels;
  const found = matches && new Set([...matches].map(label => lines ? label : labels[label].function));
  const rows = rowsOf(state.table).filter(row => !found || found.has(row.label));
  const by = { self: row => -row.self, total: row => -row.total, name: row => labels[row.label].name }[state.sort];
  rows.sort((a, b) => (by(a) > by(b)) - (by(a) < by(b)));
  const table = element("table", undefined, { class: "costs" }), head = element("tr"), body = element("tbody");
  for (const [name, title] of [["self", "Own"], ["total", "Total"], ["name", lines ? "Line" : "Function"]]) {
    const cell = element("th", undefined, name === "name" ? { scope: "col" } : { class: "n", scope: "col" }), button = element("button", title, { type: "button" });
    if (name === state.sort) cell.setAttribute("aria-sort", name === "name" ? "ascending" : "descending");
    button.onclick = () => { state.sort = name; showTable(); };
    cell.append(button);
    head.append(cell);
  }
  for (const row of rows.slice(0, 500)) {
    const label = labels[row.label], line = element("tr", undefined, { tabindex: body.rows.length ? -1 : 0 }), name = element("td", undefined, { class: "name" });
    for (const value of [row.self, row.total])
      line.append(element("td", percent(value), { class: "n", title: amount(value), style: `--share:${whole ? 100 * value / whole : 0}%` }));
    name.append(element("span", "", { class: "swatch", style: `background:${colourOf(label)}` }), label.name, " ",
                element("small", label.kind === KIND.python ? place(label).replace(/.*\//, "") : label.package || place(label)));
    line.append(name);
    line.onclick = () => {
      chooseRow(row, lines);
      for (const other of body.rows) { other.classList.toggle("chosen", other === line); other.tabIndex = other === line ? 0 : -1; }
    };
    line.onkeydown = event => {
      const next = { ArrowDown: line.nextSibling, ArrowUp: line.previousSibling, Enter: line }[event.key];
      if (!next) return;
      event.preventDefault();
      next.focus();
      next.click();
    };
    if (row.label === state.chosen) line.className = "chosen";
    body.append(line);
  }
  const top = element("thead");
  top.append(head);
  table.append(top, body);
  const scroll = element("div", undefined, { class: "scroll" });
  scroll.append(table);
  $("table").replaceChildren(scroll);
  if (!rows.length) $("table").append(element("p", matches ? "Nothing here matches the search." : "No samples in this selection.", { class: "hint" }));
  if (rows.length > 500) $("table").append(element("p", `${rows.length - 500} more rows: search for a name.`, { class: "hint" }));
  for (const tab of ["functions", "lines"]) $("tab-" + tab).setAttribute("aria-selected", String(tab === state.table));
}

function showSource(label) {
  const source = data.meta.sources[label.file];
  if (!source || !source.lines.some(([number]) => number === label.line))
    return element("p", "The source of this line is not in this page: the file was not there when it was made, or other lines cost more.", { class: "hint" });
  const byLine = costByLine(data, rowsOf("lines"), label.file), box = element("div", undefined, { class: "scroll", tabindex: 0 });
  const table = element("table", undefined, { class: "code" }), body = element("tbody"), head = element("tr");
  for (const [title, kind] of [["Own", "n"], ["Total", "n"], ["Line", "n"], ["Source", "text"]])
    head.append(element("th", title, { class: kind, scope: "col" }));
  table.append(element("thead"));
  table.tHead.append(head);
  let before = 0, hot = null;
  for (const [number, text] of source.lines) {
    if (before && number > before + 1) {
      const gap = element("tr");
      gap.append(element("td", "⋯", { colspan: 4, class: "hint" }));
      body.append(gap);
    }
    before = number;
    const cost = byLine.get(number), row = element("tr", undefined, number === label.line ? { class: "hot" } : {});
    for (const value of cost ? [cost.self, cost.total] : [0, 0])
      row.append(element("td", value ? percent(value) : "", { class: "n", style: `--share:${whole ? 100 * value / whole : 0}%` }));
    row.append(element("td", number, { class: "line" }), element("td", text, { class: "text" }));
    if (number === label.line) hot = row;
    body.append(row);
  }
  table.append(body);
  box.append(table);
  const all = element("div");
  if (source.changed) all.append(element("p", "The file has changed since the recording: lines may not fit.", { class: "hint" }));
  all.append(box);
  if (hot) requestAnimationFrame(() => { box.scrollTop = hot.offsetTop - box.clientHeight / 2; });
  return all;
}

/* Shows a label with a cost; `what` says of what the cost is. */
function choose(index, cost, what) {
  const label = data.meta.labels[index], list = element("dl");
  state.chosen = index;
  const facts = [["total", `${amount(cost.total)}, ${percent(cost.total)}`], ["samples", cost.samples.toLocaleString("en")]];
  if (cost.self !== undefined) facts.unshift(["own", `${amount(cost.self)}, ${percent(cost.self)}`]);
  if (label.kind === KIND.python) facts.push(["file", place(label)]);
  if (label.module) facts.push(["module", label.module]);
  if (label.kind !== KIND.python && label.file) facts.push(["source", label.file + (label.line > 0 ? ":" + label.line : "")]);
  for (const [name, value] of facts) list.append(element("dt", name), element("dd", value));
  $("detail").replaceChildren(element("h2", label.name), element("p", what, { class: "hint" }), list);
  if (label.kind === KIND.python) $("detail").append(showSource(label));
}

function chooseNode(node) {
  const tree = flame.tree;
  choose(tree.label[node], { self: state.inverted ? undefined : tree.self[node], total: tree.total[node], samples: tree.samples[node] },
         state.inverted ? "when called by this way" : "at this place of the graph");
}

function chooseRow(row, line) {
  choose(row.label, row, line ? "this line, wherever it is called from" : "this function, wherever it is called from");
}

/* What was chosen, with its cost under another choice: by its row, as the graph is a new one. */
function chooseAgain() {
  if (state.chosen < 0) return;
  for (const table of [state.table, "lines", "functions"]) {
    const row = rowsOf(table).find(row => row.label === state.chosen);
    if (row) return chooseRow(row, table === "lines");
  }
  $("detail").replaceChildren(element("h2", data.meta.labels[state.chosen].name),
                              element("p", "No samples of it in this selection.", { class: "hint" }));
}

function showTip(event, node) {
  const tip = $("tip"), tree = flame.tree, label = data.meta.labels[tree.label[node]];
  tip.replaceChildren(element("b", label.name), element("div", place(label)),
    element("div", `${amount(tree.total[node])}, ${percent(tree.total[node])} of all` +
      (flame.zoom ? `, ${percent(tree.total[node], tree.total[flame.zoom])} of the zoomed frame` : "")),
    element("div", (state.inverted ? "" : `own ${amount(tree.self[node])}, ${percent(tree.self[node])}   `) +
      `${tree.samples[node].toLocaleString("en")} samples`));
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = (event.clientY + 18 + tip.offsetHeight > innerHeight ? Math.max(4, event.clientY - tip.offsetHeight - 10) : event.clientY + 18) + "px";
}

function drawRange() {
  const recording = data.meta.recording, seconds = bucket => (bucket * data.bucketNs / 1e9).toFixed(2);
  drawTimeline($("timeline"), bars, state, data.buckets * data.bucketNs / 1e9);
  const busy = whole && recording.events[state.event].unit === "ns" ?
    `, at most ${(bars.reduce((a, b) => Math.max(a, b), 0) / data.bucketNs).toFixed(1)} CPUs busy at a time` : "";
  $("range").textContent = state.from > 0 || state.to < data.buckets ?
    `${seconds(state.from)} s to ${seconds(state.to)} s: ${percent(whole, bars.reduce((a, b) => a + b, 0))} of all   (Esc shows all)` :
    `0 to ${recording.seconds.toFixed(2)} s${busy}${data.entries ? ": drag to choose a part" : ""}`;
}

/* After a change of what is selected. */
function update() {
  costs = nodeCosts(data, state);
  tables = {};
  whole = costs.total[0];
  flame.setTree(new Tree(data, costs, state), data.meta.labels);
  bars = costByBucket(data, state);
  findMatches();
  showPath();
  redraw();
  drawRange();
}
function change() {
  update();
  showTable();
  chooseAgain();
}

function reset() {
  Object.assign(state, { from: 0, to: data.buckets, search: "" });
  $("search").value = "";
  change();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  if (flame) { redraw(); drawRange(); }
}

function listenFlame() {
  const canvas = $("flame");
  const under = event => {
    const box = canvas.getBoundingClientRect();
    return flame.at(event.clientX - box.left, event.clientY - box.top);
  };
  canvas.onmousemove = event => {
    const box = under(event);
    if (box) showTip(event, box.node);
    else $("tip").hidden = true;
  };
  flame.box.onscroll = () => { $("tip").hidden = true; flame.paint(); };
  new ResizeObserver(() => flame.paint()).observe(flame.box);
  canvas.onmouseleave = () => { $("tip").hidden = true; };
  canvas.onclick = event => {
    const box = under(event);
    if (!box) return;
    chooseNode(box.node);
    zoomTo(box.node);
  };
  canvas.onkeydown = event => {
    if (event.key.startsWith("Arrow")) {
      flame.focus = flame.neighbour(event.key);
      if (flame.focus) chooseNode(flame.focus);
      if (flame.boxes.some(box => box.node === flame.focus)) {
        flame.reveal();
        flame.paint();
      } else zoomTo(flame.focus); /* too narrow to be seen */
    } else if (event.key === "Enter") zoomTo(flame.focus);
    else if (event.key === "Backspace") zoomTo(Math.max(flame.tree.parent[flame.zoom], 0));
    else return;
    event.preventDefault();
  };
}

function listenTimeline() {
  const canvas = $("timeline");
  let start = null;
  const bucket = event => {
    const box = canvas.getBoundingClientRect();
    return Math.max(0, Math.min(data.buckets, (event.clientX - box.left) / box.width * data.buckets));
  };
  const range = (a, b) => { state.from = Math.floor(Math.min(a, b)); state.to = Math.max(Math.ceil(Math.max(a, b)), state.from + 1); };
  canvas.onpointerdown = event => { start = bucket(event); canvas.setPointerCapture(event.pointerId); };
  canvas.onpointermove = event => { if (start !== null) { range(start, bucket(event)); drawRange(); } };
  canvas.onpointerup = event => {
    if (start === null) return;
    range(start, bucket(event));
    if (Math.abs(bucket(event) - start) < data.buckets / 300) { state.from = 0; state.to = data.buckets; }
    start = null;
    change();
  };
  canvas.onkeydown = event => {
    if (!event.key.startsWith("Arrow")) return;
    const wide = state.to - state.from, by = Math.max(1, Math.round(data.buckets / 50));
    if (event.shiftKey) state.to = Math.min(data.buckets, Math.max(state.from + 1, state.to + (event.key === "ArrowRight" ? by : -by)));
    else {
      state.from = Math.max(0, Math.min(data.buckets - wide, state.from + (event.key === "ArrowRight" ? by : -by)));
      state.to = state.from + wide;
    }
    event.preventDefault();
    change();
  };
}

function listen() {
  $("event").onchange = event => { state.event = Number(event.target.value); change(); };
  $("thread").onchange = event => {
    state.threads = event.target.value === "" ? null : new Set(event.target.value.split(",").map(Number));
    change();
  };
  for (const name of ["inverted", "functions", "machinery"])
    $(name).onchange = event => { state[name] = event.target.checked; change(); };
  $("search").oninput = event => { state.search = event.target.value; findMatches(); redraw(); showTable(); };
  $("reset").onclick = reset;
  $("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  for (const tab of ["functions", "lines"]) $("tab-" + tab).onclick = () => { state.table = tab; showTable(); };
  document.onkeydown = event => {
    const typing = document.activeElement === $("search");
    if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    if (event.key === "Escape") { reset(); $("search").blur(); }
  };
  listenFlame();
  listenTimeline();
  let waiting = 0;
  window.onresize = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => { redraw(); drawRange(); }); };
}

async function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old: it cannot decompress the data of this page");
  data = await loadData();
  state.to = data.buckets;
  state.event = data.meta.lanes.length ? Math.min(...data.meta.lanes.map(lane => lane.event)) : 0;
  flame = new Flame($("flame"));
  showHeader();
  fillControls();
  update();
  performance.mark("plait-drawn");
  await new Promise(requestAnimationFrame); /* the graph is seen before the table is made */
  showTable();
  listen();
  performance.mark("plait-complete");
  document.body.dataset.ready = "yes";
}
start().catch(error => { $("error").hidden = false; $("error").textContent = `This page cannot be shown: ${error.message}`; document.body.dataset.ready = "failed"; });
