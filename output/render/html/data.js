/* The data of the page, and what is computed from them: nothing here touches the document. */
"use strict";
const KIND = { python: 0, native: 1, kernel: 2, marker: 3, process: 4, thread: 5 };

async function inflate(id) {
  const text = atob(document.getElementById(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Varints {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  next() {
    let value = 0, scale = 1, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  }
}

/* nodes: parent and label by number, parents first, 0 is the root. entries: columns lane, node, bucket, samples, weight. */
async function loadData() {
  const meta = JSON.parse(new TextDecoder().decode(await inflate("plait-meta")));
  const input = new Varints(await inflate("plait-data"));
  const count = input.next();
  const data = { meta, count, parent: new Uint32Array(count), label: new Uint32Array(count), depth: 0 };
  for (let i = 1; i < count; i++) {
    data.parent[i] = i - input.next();
    data.label[i] = input.next();
  }
  data.buckets = input.next();
  data.bucketNs = input.next();
  const entries = input.next();
  data.entries = entries;
  for (const column of ["lane", "node", "bucket", "samples"]) data[column] = new Uint32Array(entries);
  data.weight = new Float64Array(entries);
  let at = 0;
  meta.lanes.forEach((lane, index) => {
    const period = meta.recording.events[lane.event].period;
    let node = 0;
    for (let nodes = input.next(); nodes > 0; nodes--) {
      node += input.next();
      let bucket = 0;
      for (let cells = input.next(); cells > 0; cells--, at++) {
        bucket += input.next();
        const word = input.next();
        data.lane[at] = index;
        data.node[at] = node;
        data.bucket[at] = bucket;
        data.samples[at] = Math.floor(word / 2);
        data.weight[at] = word % 2 ? input.next() : data.samples[at] * period;
      }
    }
  });
  return data;
}

/* The own cost of every node under a choice: { event, threads (set or null), from, to (buckets, to exclusive) }. */
function selfCosts(data, choice) {
  const weight = new Float64Array(data.count), samples = new Float64Array(data.count);
  const wanted = data.meta.lanes.map(lane => lane.event === choice.event &&
    (!choice.threads || choice.threads.has(lane.thread)));
  for (let i = 0; i < data.entries; i++) {
    if (!wanted[data.lane[i]] || data.bucket[i] < choice.from || data.bucket[i] >= choice.to) continue;
    weight[data.node[i]] += data.weight[i];
    samples[data.node[i]] += data.samples[i];
  }
  return { weight, samples };
}

/* Cost by bucket, whatever the range. */
function costByBucket(data, choice) {
  const result = new Float64Array(data.buckets);
  const wanted = data.meta.lanes.map(lane => lane.event === choice.event &&
    (!choice.threads || choice.threads.has(lane.thread)));
  for (let i = 0; i < data.entries; i++)
    if (wanted[data.lane[i]]) result[data.bucket[i]] += data.weight[i];
  return result;
}

/* A tree to show: nodes with label, parent, self, total, samples; children in falling order. */
class Tree {
  constructor() {
    this.label = [-1]; this.parent = [-1]; this.self = [0]; this.total = [0]; this.samples = [0];
    this.known = new Map();
  }
  child(parent, label) {
    const key = parent * 4194304 + label;
    let node = this.known.get(key);
    if (node === undefined) {
      node = this.label.length;
      this.known.set(key, node);
      this.label.push(label); this.parent.push(parent); this.self.push(0); this.total.push(0); this.samples.push(0);
    }
    return node;
  }
  add(node, weight, samples) { this.self[node] += weight; this.total[node] += weight; this.samples[node] += samples; }
  finish() {
    const count = this.label.length;
    this.children = Array.from({ length: count }, () => []);
    this.depth = new Uint32Array(count);
    for (let i = count - 1; i > 0; i--) {
      this.total[this.parent[i]] += this.total[i];
      this.samples[this.parent[i]] += this.samples[i];
    }
    this.deepest = 0;
    for (let i = 1; i < count; i++) {
      this.children[this.parent[i]].push(i);
      this.depth[i] = this.depth[this.parent[i]] + 1;
      if (this.depth[i] > this.deepest) this.deepest = this.depth[i];
    }
    for (const list of this.children) list.sort((a, b) => this.total[b] - this.total[a]);
    this.known = null;
    return this;
  }
}

/* options: inverted, functions (lines of a function together), machinery (show the interpreter's own frames). */
function buildTree(data, costs, options) {
  const labels = data.meta.labels, tree = new Tree();
  const key = label => options.functions ? labels[label].function : label;
  const folded = label => !options.machinery && labels[label].machinery;
  if (!options.inverted) {
    const place = new Uint32Array(data.count), alive = new Uint8Array(data.count);
    for (let i = data.count - 1; i > 0; i--) {
      if (costs.weight[i] || costs.samples[i]) alive[i] = 1;
      if (alive[i]) alive[data.parent[i]] = 1;
    }
    for (let i = 1; i < data.count; i++) {
      if (!alive[i]) continue;
      const above = place[data.parent[i]], label = data.label[i];
      place[i] = folded(label) ? above : tree.child(above, key(label));
      if (costs.samples[i]) /* time spent in machinery itself is shown there */
        tree.add(folded(label) ? tree.child(above, key(label)) : place[i], costs.weight[i], costs.samples[i]);
    }
    return tree.finish();
  }
  for (let i = 1; i < data.count; i++) {
    if (!costs.samples[i]) continue;
    let at = tree.child(0, key(data.label[i]));
    for (let up = data.parent[i]; up; up = data.parent[up])
      if (!folded(data.label[up])) at = tree.child(at, key(data.label[up]));
    tree.add(at, costs.weight[i], costs.samples[i]);
  }
  return tree.finish();
}

/* Rows { label, self, total, samples } by function or by Python line: a stack counts once in a total. */
function buildTable(data, costs, lines) {
  const labels = data.meta.labels, rows = new Map();
  const row = label => {
    if (!rows.has(label)) rows.set(label, { label, self: 0, total: 0, samples: 0 });
    return rows.get(label);
  };
  const key = node => lines ? (labels[data.label[node]].kind === KIND.python ? data.label[node] : -1)
                            : labels[data.label[node]].function;
  const total = Float64Array.from(costs.weight), count = Float64Array.from(costs.samples);
  for (let i = data.count - 1; i > 0; i--) {
    total[data.parent[i]] += total[i];
    count[data.parent[i]] += count[i];
  }
  const line = new Int32Array(data.count).fill(-1);
  for (let i = 1; i < data.count; i++) {
    const own = key(i);
    line[i] = own >= 0 ? own : lines ? line[data.parent[i]] : -1;
    if (!count[i]) continue;
    if (costs.samples[i] && line[i] >= 0) row(line[i]).self += costs.weight[i];
    if (own < 0) continue;
    let up = data.parent[i];
    while (up && key(up) !== own) up = data.parent[up];
    if (!up) {
      row(own).total += total[i];
      row(own).samples += count[i];
    }
  }
  return [...rows.values()].sort((a, b) => b.self - a.self || b.total - a.total);
}

/* Cost of each line of a Python file: Map from line to { self, total }. */
function costByLine(data, costs, file) {
  const result = new Map();
  for (const row of buildTable(data, costs, true)) {
    const label = data.meta.labels[row.label];
    if (label.file !== file) continue;
    const known = result.get(label.line) || { self: 0, total: 0 };
    known.self += row.self;
    known.total += row.total;
    result.set(label.line, known);
  }
  return result;
}
