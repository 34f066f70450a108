/* The data of the page, and what is computed from them: nothing here touches the document. */
"use strict";
const KIND = { python: 0, native: 1, kernel: 2, marker: 3, process: 4, thread: 5 };

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const plain = atob(text), bytes = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i++) bytes[i] = plain.charCodeAt(i);
  return bytes;
}

async function inflate(id) {
  const stream = new Blob([fromBase64(document.getElementById(id).textContent)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Varints {
  constructor(bytes) { this.bytes = bytes; this.at = 0; }
  next() {
    const first = this.bytes[this.at++];
    if (first < 128) return first;
    let value = first - 128, scale = 128, byte;
    do {
      byte = this.bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  }
  /* That many numbers below 2^32. */
  column(count) {
    const result = new Uint32Array(count), bytes = this.bytes;
    let at = this.at;
    for (let i = 0; i < count; i++) {
      let byte = bytes[at++], value = byte & 127;
      for (let shift = 7; byte & 128; shift += 7) {
        byte = bytes[at++];
        value |= (byte & 127) << shift;
      }
      result[i] = value;
    }
    this.at = at;
    return result;
  }
}

/* The nodes in depth-first order, 0 is the root: parent, label, and `end`, the first that is not below it. */
function readTree(input, data) {
  const first = new Uint32Array(data.meta.labels.length + 1); /* by label + 1, 0 for the root: where its successors are */
  const successors = [];
  for (let left = input.next(); left > 0; left--) {
    first[input.next()] = successors.length;
    for (const label of input.column(input.next())) successors.push(label);
  }
  const ups = input.column(input.next()), places = input.column(ups.length), count = data.count = ups.length + 1;
  const parent = data.parent = new Uint32Array(count), end = data.end = new Uint32Array(count), label = data.label = new Uint32Array(count);
  const next = Uint32Array.from(successors);
  for (let i = 1; i < count; i++) {
    let node = i - 1;
    for (let up = ups[i - 1]; up > 0; up--) { end[node] = i; node = parent[node]; }
    parent[i] = node;
    label[i] = next[(node ? first[label[node] + 1] : first[0]) + places[i - 1]];
  }
  for (let node = count - 1; ; node = parent[node]) {
    end[node] = count;
    if (!node) break;
  }
}

/* Columns of all cells: lane, node, bucket, samples, weight. */
function readCells(input, data) {
  data.buckets = input.next();
  data.bucketNs = input.next();
  const entries = data.entries = input.next(), lanes = data.meta.lanes;
  const lane = data.lane = new Uint32Array(entries), node = data.node = new Uint32Array(entries);
  const inLane = input.column(lanes.length), runs = inLane.reduce((a, b) => a + b, 0);
  const nodes = input.column(runs), lengths = input.column(runs), bucket = data.bucket = input.column(entries);
  for (let i = 0, run = 0, at = 0; i < lanes.length; i++) {
    for (let left = inLane[i], number = 0; left > 0; left--, run++) {
      number += nodes[run];
      for (let j = 0, time = 0; j <= lengths[run]; j++, at++) {
        lane[at] = i;
        node[at] = number;
        bucket[at] = time += bucket[at];
      }
    }
  }
  const samples = data.samples = input.column(entries), weight = data.weight = new Float64Array(entries);
  const periods = lanes.map(lane => data.meta.recording.events[lane.event].period);
  for (let i = 0; i < entries; i++) {
    const odd = samples[i] & 1;
    samples[i] >>>= 1;
    weight[i] = odd ? input.next() : samples[i] * periods[lane[i]];
  }
}

async function loadData() {
  const parts = [inflate("plait-meta"), inflate("plait-data")];
  const data = { meta: JSON.parse(new TextDecoder().decode(await parts[0])) };
  const input = new Varints(await parts[1]), labels = data.meta.labels;
  readTree(input, data);
  readCells(input, data);
  data.functions = Uint32Array.from(labels, label => label.function);
  data.lines = Int32Array.from(labels, (label, index) => label.kind === KIND.python ? index : -1);
  data.folded = Uint8Array.from(labels, label => label.machinery ? 1 : 0);
  return data;
}

function wantedLanes(data, choice) {
  return data.meta.lanes.map(lane => lane.event === choice.event && (!choice.threads || choice.threads.has(lane.thread)));
}

/* The cost of every node, own and with what is below it, under a choice: { event, threads (set or null), from, to
   (buckets, to exclusive) }. */
function nodeCosts(data, choice) {
  const count = data.count, wanted = wantedLanes(data, choice);
  const weight = new Float64Array(count), samples = new Uint32Array(count);
  for (let i = 0; i < data.entries; i++) {
    if (!wanted[data.lane[i]] || data.bucket[i] < choice.from || data.bucket[i] >= choice.to) continue;
    weight[data.node[i]] += data.weight[i];
    samples[data.node[i]] += data.samples[i];
  }
  const total = weight.slice(), totalSamples = samples.slice(), parent = data.parent;
  for (let i = count - 1; i > 0; i--) {
    total[parent[i]] += total[i];
    totalSamples[parent[i]] += totalSamples[i];
  }
  return { weight, samples, total, totalSamples };
}

/* Cost by bucket, whatever the range. */
function costByBucket(data, choice) {
  const result = new Float64Array(data.buckets), wanted = wantedLanes(data, choice);
  for (let i = 0; i < data.entries; i++)
    if (wanted[data.lane[i]]) result[data.bucket[i]] += data.weight[i];
  return result;
}

/* A tree to show. It grows as it is looked at: childrenOf() makes the nodes of one level, in falling order of cost. A node
   stands for nodes of the data with the same label and the same callers: its members. options: inverted, functions
   (lines of a function together), machinery (show the interpreter's own frames). */
class Tree {
  constructor(data, costs, options) {
    Object.assign(this, { data, costs, options });
    this.key = options.functions ? data.functions : Uint32Array.from(data.functions, (_, index) => index);
    this.folded = options.machinery ? new Uint8Array(data.folded.length) : data.folded;
    this.label = [-1]; this.parent = [-1]; this.depth = [0]; this.self = [costs.weight[0]];
    this.total = [costs.total[0]]; this.samples = [costs.totalSamples[0]];
    this.members = [[0]];
    this.leaves = [null]; /* inverted: where the stack of each member ends */
    this.children = [null];
  }
  childrenOf(node) {
    if (!this.children[node]) {
      const found = this.options.inverted ? (node ? this.callers(node) : this.ends()) : this.callees(node);
      const made = [...found].sort((a, b) => b[1].total - a[1].total || b[1].samples - a[1].samples).map(([label, child]) => {
        this.label.push(label); this.parent.push(node); this.depth.push(this.depth[node] + 1);
        this.self.push(child.self); this.total.push(child.total); this.samples.push(child.samples);
        this.members.push(child.members); this.leaves.push(child.leaves); this.children.push(null);
        return this.label.length - 1;
      });
      this.children[node] = made;
      this.members[node] = this.leaves[node] = null;
    }
    return this.children[node];
  }
  static child(found, label) {
    let child = found.get(label);
    if (!child) found.set(label, child = { self: 0, total: 0, samples: 0, members: [], leaves: [] });
    return child;
  }
  callees(node) {
    const { data, costs, key, folded } = this, found = new Map(), open = this.members[node].slice();
    while (open.length) {
      const member = open.pop();
      for (let i = member + 1; i < data.end[member]; i = data.end[i]) {
        if (!costs.totalSamples[i]) continue;
        const label = data.label[i], child = !folded[label] || costs.samples[i] ? Tree.child(found, key[label]) : null;
        if (folded[label]) {
          open.push(i);
          if (!child) continue;
          child.total += costs.weight[i]; /* time spent in machinery itself is shown there */
          child.samples += costs.samples[i];
        } else {
          child.members.push(i);
          child.total += costs.total[i];
          child.samples += costs.totalSamples[i];
        }
        child.self += costs.weight[i];
      }
    }
    return found;
  }
  ends() {
    const { data, costs, key } = this, found = new Map();
    for (let i = 1; i < data.count; i++)
      if (costs.samples[i]) this.addCaller(Tree.child(found, key[data.label[i]]), i, i);
    return found;
  }
  callers(node) {
    const { data, key, folded } = this, found = new Map(), members = this.members[node], leaves = this.leaves[node];
    for (let i = 0; i < members.length; i++) {
      let up = data.parent[members[i]];
      while (up && folded[data.label[up]]) up = data.parent[up];
      if (up) this.addCaller(Tree.child(found, key[data.label[up]]), up, leaves[i]);
    }
    return found;
  }
  addCaller(child, member, leaf) {
    child.members.push(member);
    child.leaves.push(leaf);
    child.total += this.costs.weight[leaf];
    child.samples += this.costs.samples[leaf];
  }
}

/* Rows { label, self, total, samples } by function or by Python line: a stack counts once in a total. A line's own cost is
   that of samples whose innermost Python frame it is. */
function buildTable(data, costs, lines) {
  const count = data.count, parent = data.parent, byLabel = lines ? data.lines : data.functions, labels = byLabel.length;
  const self = new Float64Array(labels), total = new Float64Array(labels), samples = new Float64Array(labels);
  const open = new Uint32Array(labels), nearest = new Int32Array(count).fill(-1);
  let top = 0;
  for (let i = 1; i < count; i++) {
    for (; top !== parent[i]; top = parent[top]) if (byLabel[data.label[top]] >= 0) open[byLabel[data.label[top]]]--;
    top = i;
    const own = byLabel[data.label[i]];
    nearest[i] = own >= 0 ? own : nearest[parent[i]];
    if (nearest[i] >= 0) self[nearest[i]] += costs.weight[i];
    if (own < 0 || open[own]++) continue;
    total[own] += costs.total[i];
    samples[own] += costs.totalSamples[i];
  }
  const rows = [];
  for (let label = 0; label < labels; label++)
    if (samples[label]) rows.push({ label, self: self[label], total: total[label], samples: samples[label] });
  return rows.sort((a, b) => b.self - a.self || b.total - a.total);
}

/* Cost of each line of a Python file, of the rows by line: Map from line to { self, total }. */
function costByLine(data, rows, file) {
  const result = new Map();
  for (const row of rows) {
    const label = data.meta.labels[row.label];
    if (label.file !== file) continue;
    const known = result.get(label.line) || { self: 0, total: 0 };
    known.self += row.self;
    known.total += row.total;
    result.set(label.line, known);
  }
  return result;
}
