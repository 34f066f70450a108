/* The page of plait diff: a tree with two costs in each node, and the tables of verdicts. */
"use strict";
const $ = id => document.getElementById(id);
const SIDES = ["base", "new"], FIGURES = ["own", "total"], ROW = 19, FONT = "12px ui-monospace, monospace";
const TOLD = new Set(["slower", "faster", "added", "removed"]);
const state = { widths: "both", search: "", told: false, table: "functions", sort: "difference", chosen: -1, zoom: 0, focus: 0 };
let diff, tree, matches = null, boxes = [], glyph = 0;

async function inflate(id) {
  const text = atob($(id).textContent.trim()), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
const count = value => Math.round(value).toLocaleString("en");
function amount(weight) {
  if (diff.unit !== "ns") return count(weight);
  if (weight >= 1e9) return (weight / 1e9).toFixed(2) + " s";
  return weight >= 1e6 ? (weight / 1e6).toFixed(1) + " ms" : (weight / 1e3).toFixed(0) + " µs";
}
const share = value => (100 * value).toFixed(value && value < 0.001 ? 2 : 1) + " %";
const signed = value => value === null ? "new" : value <= -1 ? "gone" : Math.abs(value) >= 10 ? `${(value + 1).toFixed(0)}×`
  : `${value >= 0 ? "+" : "−"}${(100 * Math.abs(value)).toFixed(Math.abs(value) >= 1 ? 0 : 1)} %`;
/* JSON has no infinity: a change that is null with samples in the new side only is a new row. */
const changeOf = figure => figure.base.samples || figure.new.samples ? signed(figure.change) : "";
const value = (figure, side) => !figure[side].samples ? "" : diff.absolute ? amount(figure[side].weight) : share(figure[side].share);
const functionOf = row => row.name === undefined ? diff.functions.rows[row.function] : row;
const base = path => path.replace(/.*\/(?!__)/, "");
function place(row) {
  const owner = functionOf(row);
  if (owner.kind !== "python") return owner.place ? `[${owner.place}]` : "";
  if (row === owner) return base(owner.place);
  return `${base(owner.place)}:${row.lines[1] ?? row.lines[0]}`;
}
const isTold = row => FIGURES.some(figure => TOLD.has(row[figure].verdict));
const rowsOf = () => diff[state.table].rows;

/* Nodes with both sides' own and total cost, per recording; the base's scaled to what did not change. */
function buildTree() {
  const nodes = diff.nodes, size = nodes.length + 1;
  const made = { parent: new Uint32Array(size), function: new Int32Array(size).fill(-1), depth: new Uint32Array(size),
                 own: [new Float64Array(size), new Float64Array(size)], total: [new Float64Array(size), new Float64Array(size)],
                 children: Array.from({ length: size }, () => []) };
  nodes.forEach(([parent, index, ...own], i) => {
    made.parent[i + 1] = parent;
    made.function[i + 1] = index;
    made.depth[i + 1] = made.depth[parent] + 1;
    made.children[parent].push(i + 1);
    own.forEach((weight, side) => { made.own[side][i + 1] = made.total[side][i + 1] = weight; });
  });
  for (let i = size - 1; i > 0; i--)
    for (let side = 0; side < 2; side++) made.total[side][made.parent[i]] += made.total[side][i];
  return made;
}

/* The width of a node: shares, or amounts with --absolute. */
function width(node) {
  const of = side => diff.absolute ? tree.total[side][node] : tree.total[side][node] / (tree.total[side][0] || 1);
  return state.widths === "both" ? (of(0) + of(1)) / 2 : of(state.widths === "new" ? 1 : 0);
}
function sortChildren() {
  for (const list of tree.children) list.sort((a, b) => width(b) - width(a) || a - b);
}

/* What the base's cost is to be multiplied by for comparison. */
function scaleOf() {
  if (diff.absolute) return 1;
  const row = diff.functions.rows.find(one => one.own.base.weight > 0 && one.own.new.weight > 0 && one.own.change !== null);
  return row ? row.own.new.weight / row.own.base.weight / (1 + row.own.change) : 1;
}

/* How a node changed, -1 (gone) to 1 (new), and whether it is told from noise: its function is, and its own samples agree. */
function changeOfNode(node) {
  const a = tree.total[0][node] * tree.scale, b = tree.total[1][node], most = Math.max(a, b);
  if (!most) return { change: 0, told: false };
  const weight = [0, 1].map(side => diff[SIDES[side]].weight / diff[SIDES[side]].samples); /* of all recordings' samples */
  const noise = Math.sqrt(a * tree.scale * weight[0] + b * weight[1]);
  const row = diff.functions.rows[tree.function[node]];
  return { change: (b - a) / most, told: Boolean(row) && isTold(row) && Math.abs(b - a) > 2 * noise };
}

const mix = (from, to, part) => `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * part)).join(",")})`;
const PALETTE = { light: { calm: [212, 216, 221], slower: [213, 94, 0], faster: [0, 114, 178] },
                  dark: { calm: [75, 83, 92], slower: [255, 138, 61], faster: [86, 180, 233] } };
/* Grey, to orange for slower and blue for faster; half of the way at most for what may be noise. */
function colourOf({ change, told }) {
  const colours = PALETTE[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
  const strength = Math.min(1, Math.abs(change) / 0.5);
  return mix(colours.calm, change > 0 ? colours.slower : colours.faster, told ? 0.45 + 0.55 * strength : 0.3 * strength);
}

function prepare(canvas, height) {
  const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth;
  canvas.style.height = height + "px";
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

function layOut(wide) {
  const trail = [], stack = [];
  boxes = [];
  for (let node = state.zoom; node > 0; node = tree.parent[node]) trail.unshift(node);
  trail.forEach((node, row) => boxes.push({ node, row, x: 0, w: wide }));
  const whole = width(state.zoom) || 1;
  const visit = (node, x, row) => {
    for (const child of tree.children[node]) {
      const w = width(child) / whole * wide;
      if (w < 0.4) break; /* children come in falling order */
      stack.push({ node: child, row, x, w });
      x += w;
    }
  };
  visit(state.zoom, 0, trail.length);
  while (stack.length) {
    const box = stack.pop();
    boxes.push(box);
    visit(box.node, box.x, box.row + 1);
  }
  return boxes.reduce((most, box) => Math.max(most, box.row + 1), 1);
}

function draw() {
  const canvas = $("flame"), rows = layOut(canvas.clientWidth), context = prepare(canvas, rows * ROW + 2);
  const style = getComputedStyle(document.documentElement), dark = document.documentElement.dataset.theme === "dark";
  context.font = FONT;
  context.textBaseline = "middle";
  glyph = glyph || context.measureText("m").width;
  for (const box of boxes) {
    const row = diff.functions.rows[tree.function[box.node]], change = changeOfNode(box.node), y = box.row * ROW;
    const hit = matches && matches.has(tree.function[box.node]), dim = (matches && !hit) || (state.told && !change.told);
    context.globalAlpha = dim ? 0.3 : 1;
    context.fillStyle = colourOf(change);
    context.fillRect(box.x, y, Math.max(box.w - 0.6, 0.4), ROW - 1);
    if (hit) { context.fillStyle = style.getPropertyValue("--mark"); context.fillRect(box.x, y + ROW - 4, Math.max(box.w - 0.6, 0.8), 3); }
    if (box.w > 3 * glyph) {
      const mark = change.told ? (change.change > 0 ? "▲ " : "▼ ") : "";
      const text = mark + row.name + (row.kind === "python" ? ` (${base(row.place)})` : ""), room = Math.floor((box.w - 6) / glyph);
      const strong = change.told && (dark || Math.abs(change.change) > 0.12);
      context.globalAlpha = dim ? 0.6 : 1;
      context.fillStyle = dim ? style.getPropertyValue("--text") : strong && dark ? "#101214" : strong ? "#ffffff" : style.getPropertyValue("--text");
      context.fillText(text.length <= room ? text : text.slice(0, Math.max(room - 1, 1)) + "…", box.x + 3, y + ROW / 2);
    }
    if (box.node === state.focus) {
      context.globalAlpha = 1;
      context.strokeStyle = style.getPropertyValue("--text");
      context.lineWidth = 2;
      context.strokeRect(box.x + 1, y + 1, Math.max(box.w - 2, 1), ROW - 3);
    }
  }
  context.globalAlpha = 1;
}

function figures(node) {
  const of = (costs, side) => [amount(costs[side][node]), share(costs[side][node] / (tree.total[side][0] || 1))];
  return { total: SIDES.map((_, side) => of(tree.total, side)), own: SIDES.map((_, side) => of(tree.own, side)) };
}
const wording = { small: "too small to be tested", undecided: "may be noise", slower: "slower", faster: "faster", added: "new", removed: "gone" };

function showTip(event, node) {
  const tip = $("tip"), row = diff.functions.rows[tree.function[node]], costs = figures(node);
  const a = tree.total[0][node] * tree.scale, b = tree.total[1][node], table = element("table");
  SIDES.forEach((side, i) => {
    const line = element("tr");
    for (const text of [side, ...costs.total[i], `own ${costs.own[i][1]}`]) line.append(element("td", text));
    table.append(line);
  });
  const verdict = FIGURES.map(figure => `${figure} ${wording[row[figure].verdict]}`).join(", ");
  tip.replaceChildren(element("b", row.name), element("div", place(row)), table,
    element("div", `here ${signed(a ? b / a - 1 : null)}`), element("div", `function: ${verdict}`));
  tip.hidden = false;
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)) + "px";
  tip.style.top = (event.clientY + 18 + tip.offsetHeight > innerHeight ? Math.max(4, event.clientY - tip.offsetHeight - 10) : event.clientY + 18) + "px";
}

function showPath() {
  $("path").replaceChildren();
  if (!state.zoom) {
    const whole = diff.whole;
    $("path").textContent = `${diff.event}: base ${amount(whole.base.weight)}, new ${amount(whole.new.weight)}` +
      (diff.absolute ? `, ${signed(whole.change)} (${wording[whole.verdict]})` : ` (widths are shares of each side)`);
    return;
  }
  const out = element("button", "all", { type: "button" }), costs = figures(state.zoom).total;
  out.onclick = () => zoomTo(0);
  $("path").append(out, `› ${diff.functions.rows[tree.function[state.zoom]].name}   base ${costs[0].join(", ")}   new ${costs[1].join(", ")}`);
}
function zoomTo(node) {
  state.zoom = state.focus = node;
  showPath();
  draw();
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
  diff.functions.rows.forEach((row, i) => { if (test(`${row.name} ${row.place}`)) matches.add(i); });
  const inside = new Uint8Array(tree.parent.length), sums = [0, 0];
  for (let i = 1; i < inside.length; i++) {
    inside[i] = inside[tree.parent[i]] || matches.has(tree.function[i]) ? 1 : 0;
    if (inside[i]) for (let side = 0; side < 2; side++) sums[side] += tree.own[side][i];
  }
  $("matches").textContent = SIDES.map((side, i) => `${side} ${share(sums[i] / (tree.total[i][0] || 1))}`).join(", ");
}

/* What a row's largest difference is, that of a figure that is told from noise first. */
function difference(row) {
  const of = figure => Math.abs(diff.absolute ? row[figure].new.weight - row[figure].base.weight : row[figure].new.share - row[figure].base.share);
  const told = FIGURES.filter(figure => TOLD.has(row[figure].verdict));
  return told.length ? 1e30 + Math.max(...told.map(of)) * 1e30 : Math.max(...FIGURES.map(of));
}
const sorters = {
  difference, "own base": row => row.own.base.share, "own new": row => row.own.new.share, "total base": row => row.total.base.share,
  "total new": row => row.total.new.share, "own change": row => row.own.new.samples + row.own.base.samples ? row.own.change ?? 1e9 : -2,
  "total change": row => row.total.change ?? 1e9,
};

function changeCell(figure) {
  const told = TOLD.has(figure.verdict), text = changeOf(figure), cell = element("td", undefined, { class: "change" + (told ? "" : " noise") });
  if (told) cell.append(element("b", `${text} *`, { class: figure.verdict === "slower" || figure.verdict === "added" ? "slower" : "faster" }));
  else cell.textContent = text ? `${text}  ` : "";
  cell.title = wording[figure.verdict] + (figure.detectable !== null ? `; a change would have been found from ${share(figure.detectable)} on` : "");
  return cell;
}

function showTable() {
  const columns = [["own base", "Own base"], ["own new", "new"], ["own change", "change"], ["total base", "Total base"], ["total new", "new"],
                   ["total change", "change"], ["difference", state.table === "lines" ? "Python line" : "Function"]];
  const rows = rowsOf().filter(row => row.total.base.samples + row.total.new.samples && (!matches || matches.has(row.function ?? diff.functions.rows.indexOf(row))) &&
    (!state.told || isTold(row))).sort((a, b) => sorters[state.sort](b) - sorters[state.sort](a));
  const table = element("table"), head = element("tr"), body = element("tbody"), top = element("thead");
  columns.forEach(([name, title], i) => {
    const cell = element("th", title, { class: i < 6 ? "n" : "", ...(name === state.sort ? { "aria-sort": "descending" } : {}) });
    if (i === 6) cell.title = "sort: what is told from noise first, by its size";
    cell.onclick = () => { state.sort = name; showTable(); };
    head.append(cell);
  });
  for (const row of rows.slice(0, 500)) {
    const line = element("tr"), name = element("td", undefined, { class: "name" });
    for (const figure of FIGURES) {
      for (const side of SIDES) line.append(element("td", value(row[figure], side), { class: "n", style: `--share:${100 * row[figure][side].share}%` }));
      line.append(changeCell(row[figure]));
    }
    name.append(functionOf(row).name, " ", element("small", place(row)));
    if (row.text) name.append(element("div", row.text));
    line.append(name);
    line.onclick = () => choose(row);
    if (row === state.chosen) line.className = "chosen";
    body.append(line);
  }
  top.append(head);
  table.append(top, body);
  const scroll = element("div", undefined, { class: "scroll" });
  scroll.append(table);
  $("table").replaceChildren(scroll);
  if (!rows.length) $("table").append(element("p", state.told ? "Nothing is told from noise." : "No rows.", { class: "hint" }));
  if (rows.length > 500) $("table").append(element("p", `${rows.length - 500} more rows: search for a name.`, { class: "hint" }));
  for (const tab of ["functions", "lines"]) $("tab-" + tab).setAttribute("aria-selected", String(tab === state.table));
}

function choose(row) {
  const owner = functionOf(row), table = element("table"), list = element("dl"), head = element("tr");
  state.chosen = row;
  for (const text of ["", "own", "total"]) head.append(element("th", text));
  table.append(head);
  const put = (title, texts) => {
    const line = element("tr");
    line.append(element("td", title), ...texts.map(text => element("td", text)));
    table.append(line);
  };
  for (const side of SIDES) {
    put(side, FIGURES.map(figure => `${amount(row[figure][side].weight)}, ${share(row[figure][side].share)}`));
    put(`${side}, samples`, FIGURES.map(figure => count(row[figure][side].samples)));
  }
  put("change", FIGURES.map(figure => changeOf(row[figure])));
  put("95 % interval", FIGURES.map(figure => row[figure].low === null ? "" : `${signed(row[figure].low)} to ${signed(row[figure].high)}`));
  put("verdict", FIGURES.map(figure => wording[row[figure].verdict]));
  put("found from", FIGURES.map(figure => row[figure].detectable === null ? "" : share(row[figure].detectable)));
  const facts = owner.kind === "python" ? [["file", owner.place], ["line", (row.lines || []).map((line, i) => `${SIDES[i]} ${line ?? "none"}`).join(", ")]]
                                        : [["module", owner.place]];
  if (row.text) facts.push(["text", row.text]);
  if (row.guessed) facts.push(["matched", "by its distance from the definition"]);
  for (const [name, text] of facts) list.append(element("dt", name), element("dd", text));
  $("detail").replaceChildren(element("h2", owner.name), list, table);
  showTable();
}

function showHeader() {
  document.title = `plait diff: ${diff.new.recordings[0].recording.command}`;
  for (const side of SIDES) {
    const of = diff[side], first = of.recordings[0], cell = element("dd");
    cell.append(element("b", first.recording.command), " ",
      element("span", `  ${first.path}${of.recordings.length > 1 ? ` and ${of.recordings.length - 1} more` : ""}   ${(first.recording.started || "").replace("T", " ").slice(0, 16)}   ` +
        `${count(of.samples)} samples   ${amount(of.weight)}${of.recordings.length > 1 ? " a recording" : ""}`));
    $("sides").append(element("dt", side), cell);
  }
  const told = verdicts => diff.functions.rows.filter(row => FIGURES.some(figure => verdicts.includes(row[figure].verdict))).length;
  const [slower, faster] = [told(["slower", "added"]), told(["faster", "removed"])];
  $("verdict").append(element("span", `▲ ${slower} slower or new`, { class: "slower" }), "\u2003", element("span", `▼ ${faster} faster or gone`, { class: "faster" }),
    `   told from noise, of ${diff.functions.rows.filter(row => FIGURES.some(figure => row[figure].verdict !== "small")).length} functions that were tested`);
  if (diff.gate) {
    const failures = diff.gate.failures.length, unsure = diff.gate.unsure ? ` (in ${diff.gate.unsure} of ${diff.gate.judged} functions a break may not be noticed)` : "";
    $("verdict").append(element("div", (failures ? `${failures} limit${failures > 1 ? "s" : ""} broken` : "No limit is broken") + unsure, { class: failures ? "slower" : "" }));
  }
  const notes = [`Changes are in proportion to ${diff.absolute ? "nothing: amounts are compared" : diff.reference > 0.9995 ? "all samples" : `the ${share(diff.reference)} of the new side that did not change`}.`,
    `If nothing had changed, anything would be told from noise in at most ${share(diff.error_rate)} of comparisons.`, ...diff.notes];
  $("about").querySelector("summary").textContent = `How far the sides can be compared (${diff.notes.length} notes)`;
  for (const note of notes) $("notes").append(element("li", note));
}

function showLegend() {
  const item = element("span", undefined, { class: "gradient" }), scale = element("canvas");
  item.append("▼ faster", scale, "slower ▲   told from noise");
  const pale = element("span");
  for (const change of [-1, 1]) pale.append(element("u", "", { style: `background:${colourOf({ change, told: false })}` }));
  pale.append("pale: may be noise");
  $("legend").replaceChildren(item, pale);
  const context = prepare(scale, 14);
  for (let x = 0; x < 220; x++) {
    const change = (x - 110) / 220;
    context.fillStyle = colourOf({ change, told: Math.abs(change) > 0.02 });
    context.fillRect(x, 0, 1, 14);
  }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  if (tree) { draw(); showLegend(); }
}

/* The node that an arrow key leads to. */
function neighbour(key) {
  const node = state.focus || state.zoom;
  if (key === "ArrowDown") return tree.children[node][0] || node;
  if (key === "ArrowUp") return tree.parent[node] || node;
  const row = tree.children[tree.parent[node]], at = row.indexOf(node);
  return row[at + (key === "ArrowRight" ? 1 : -1)] || node;
}
const chooseNode = node => choose(diff.functions.rows[tree.function[node]]);

function listenFlame() {
  const canvas = $("flame");
  const under = event => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, row = Math.floor((event.clientY - box.top) / ROW);
    return boxes.find(one => one.row === row && x >= one.x && x < one.x + Math.max(one.w, 1));
  };
  canvas.onmousemove = event => {
    const box = under(event);
    if (box) showTip(event, box.node);
    else $("tip").hidden = true;
  };
  canvas.onmouseleave = () => { $("tip").hidden = true; };
  canvas.onclick = event => {
    const box = under(event);
    if (!box) return;
    chooseNode(box.node);
    zoomTo(box.node);
  };
  canvas.onkeydown = event => {
    if (event.key.startsWith("Arrow")) {
      state.focus = neighbour(event.key);
      if (state.focus) chooseNode(state.focus);
      draw();
    } else if (event.key === "Enter") zoomTo(state.focus);
    else if (event.key === "Backspace") zoomTo(tree.parent[state.zoom]);
    else return;
    event.preventDefault();
  };
}

function reset() {
  state.search = $("search").value = "";
  findMatches();
  zoomTo(0);
  showTable();
}

function listen() {
  $("widths").onchange = event => { state.widths = event.target.value; sortChildren(); draw(); };
  $("search").oninput = event => { state.search = event.target.value; findMatches(); draw(); showTable(); };
  $("told").onchange = event => { state.told = event.target.checked; draw(); showTable(); };
  $("reset").onclick = reset;
  $("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  for (const tab of ["functions", "lines"]) $("tab-" + tab).onclick = () => { state.table = tab; showTable(); };
  document.onkeydown = event => {
    const typing = document.activeElement === $("search");
    if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    if (event.key === "Escape") { reset(); $("search").blur(); }
  };
  listenFlame();
  let waiting = 0;
  window.onresize = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); };
}

async function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old: it cannot decompress the data of this page");
  diff = JSON.parse(await inflate("plait-diff"));
  tree = buildTree();
  tree.scale = scaleOf();
  sortChildren();
  showHeader();
  showPath();
  showLegend();
  listen();
  draw();
  showTable();
  document.body.dataset.ready = "yes";
}
start().catch(error => { $("error").hidden = false; $("error").textContent = `This page cannot be shown: ${error.message}`; document.body.dataset.ready = "failed"; });
