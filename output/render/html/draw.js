/* The two canvases: time line and flame graph. */
"use strict";
/* Okabe and Ito's colours, which people with any kind of colour blindness can tell apart. */
const COLOURS = { python: "#e69f00", native: "#56b4e9", libc: "#009e73", kernel: "#cc79a7", marker: "#b8bcc2" };
const ROW = 19, FONT = "12px ui-monospace, monospace";

function colourOf(label) {
  if (label.kind === KIND.python) return COLOURS.python;
  if (label.kind === KIND.kernel) return COLOURS.kernel;
  if (label.kind === KIND.native) return label.libc ? COLOURS.libc : COLOURS.native;
  return COLOURS.marker;
}

function frameText(label) {
  if (label.kind !== KIND.python) return label.unknown && label.module ? `[${label.package || label.module}]` : label.name;
  return `${label.name} (${label.file.replace(/.*\//, "")}:${label.line})`;
}

/* Gives the canvas the pixels that the screen has, and a context in CSS pixels. */
function prepare(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

/* Draws the part of the graph that can be seen: the canvas stays in view while `space`, as high as the whole graph,
   scrolls in `box`. */
class Flame {
  constructor(canvas) {
    this.canvas = canvas; this.space = canvas.parentElement; this.box = this.space.parentElement;
    this.zoom = 0; this.focus = 0; this.rows = []; this.boxes = [];
  }
  setTree(tree, labels) {
    this.tree = tree; this.labels = labels; this.zoom = 0; this.focus = 0; this.box.scrollTop = 0;
  }
  /* Boxes of the nodes from the outermost to the zoomed one, and of what is below it; too narrow ones are left out. */
  layOut() {
    const tree = this.tree, width = this.space.clientWidth, scale = width / (tree.total[this.zoom] || 1);
    this.rows = [];
    for (let node = this.zoom; node > 0; node = tree.parent[node]) this.rows.unshift([{ node, row: 0, x: 0, w: width }]);
    this.rows.forEach((row, index) => { row[0].row = index; });
    this.trail = this.rows.length;
    const open = [{ node: this.zoom, row: this.trail - 1, x: 0 }];
    while (open.length) {
      const above = open.pop(), row = above.row + 1;
      let x = above.x;
      for (const node of tree.childrenOf(above.node)) {
        const w = tree.total[node] * scale;
        if (w < 0.4) break; /* they come in falling order */
        const box = { node, row, x, w };
        (this.rows[row] ||= []).push(box);
        open.push(box);
        x += w;
      }
    }
    this.boxes = this.rows.flat();
  }
  draw(matches) {
    this.layOut();
    this.matches = matches;
    this.space.style.height = Math.max(1, this.rows.length) * ROW + 2 + "px";
    this.paint();
  }
  paint() {
    const { context, height } = prepare(this.canvas, Math.min(this.box.clientHeight, this.space.clientHeight));
    const style = getComputedStyle(document.documentElement), first = Math.floor(this.box.scrollTop / ROW);
    const colours = { text: style.getPropertyValue("--text"), mark: style.getPropertyValue("--mark") };
    context.font = FONT;
    context.textBaseline = "middle";
    this.glyph ||= context.measureText("m").width;
    context.translate(0, -this.box.scrollTop);
    for (const row of this.rows.slice(first, first + Math.ceil(height / ROW) + 1))
      for (const box of row) this.paintBox(context, box, colours);
    if (!this.boxes.length) {
      context.fillStyle = colours.text;
      context.fillText("No samples in this selection.", 4, ROW / 2);
    }
  }
  paintBox(context, box, colours) {
    const index = this.tree.label[box.node], label = this.labels[index], y = box.row * ROW;
    const hit = this.matches && this.matches.has(index), dimmed = this.matches && !hit;
    const wide = Math.max(box.w - (box.w > 3 ? 0.8 : 0), 0.4);
    context.globalAlpha = dimmed ? 0.3 : box.row < this.trail - 1 ? 0.6 : 1;
    context.fillStyle = colourOf(label);
    context.fillRect(box.x, y, wide, ROW - 1);
    if (hit) { context.fillStyle = colours.mark; context.fillRect(box.x, y + ROW - 4, Math.max(wide, 0.8), 3); }
    const text = frameText(label), room = Math.floor((box.w - 6) / this.glyph);
    if (room >= Math.min(text.length, 5)) {
      context.globalAlpha = dimmed ? 0.6 : 1;
      context.fillStyle = dimmed ? colours.text : "#101214";
      context.fillText(text.length <= room ? text : text.slice(0, room - 1) + "…", box.x + 3, y + ROW / 2);
    }
    if (box.node === this.focus) {
      context.globalAlpha = 1;
      context.strokeStyle = colours.text;
      context.lineWidth = 2;
      context.strokeRect(box.x + 1, y + 1, Math.max(box.w - 2, 1), ROW - 3);
    }
    context.globalAlpha = 1;
  }
  /* The box at a place of the canvas. */
  at(x, y) {
    const row = this.rows[Math.floor((y + this.box.scrollTop) / ROW)] || [];
    return row.find(box => x >= box.x && x < box.x + Math.max(box.w, 1));
  }
  /* Scrolls until the focus can be seen. */
  reveal() {
    const top = (this.tree.depth[this.focus] - 1) * ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    if (top + 2 * ROW > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + 2 * ROW - this.box.clientHeight;
  }
  /* The node that an arrow key leads to. */
  neighbour(key) {
    const tree = this.tree, node = this.focus || this.zoom;
    if (key === "ArrowDown") return tree.childrenOf(node)[0] || node;
    if (key === "ArrowUp") return tree.parent[node] > 0 ? tree.parent[node] : node;
    const row = tree.childrenOf(Math.max(tree.parent[node], 0)), at = row.indexOf(node);
    return row[at + (key === "ArrowRight" ? 1 : -1)] || node;
  }
}

/* A step of 1, 2 or 5 times a power of ten, of which some `count` fit into `length`. */
function niceStep(length, count) {
  const rough = length / count, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= rough);
}

function drawTimeline(canvas, costs, range, seconds) {
  const { context, width, height } = prepare(canvas, 72), bars = height - 17;
  const style = getComputedStyle(document.documentElement);
  const highest = costs.reduce((a, b) => Math.max(a, b), 1e-9), step = width / costs.length;
  context.fillStyle = style.getPropertyValue("--accent");
  for (let i = 0; i < costs.length; i++) {
    context.globalAlpha = i >= range.from && i < range.to ? 1 : 0.3;
    const tall = costs[i] / highest * (bars - 4);
    context.fillRect(i * step, bars - tall, Math.max(step - (step > 3 ? 0.5 : 0), 0.5), tall);
  }
  context.globalAlpha = 1;
  context.fillStyle = style.getPropertyValue("--dim");
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "alphabetic";
  const tick = niceStep(seconds, Math.max(2, width / 110)), digits = Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
  for (let time = 0; time <= seconds; time += tick) {
    const x = time / seconds * width, text = time.toFixed(digits) + " s";
    context.fillRect(Math.min(x, width - 1), bars, 1, 4);
    if (x + context.measureText(text).width + 4 < width) context.fillText(text, x + 3, height - 4);
  }
  if (range.from > 0 || range.to < costs.length) {
    context.fillStyle = style.getPropertyValue("--mark");
    for (const edge of [range.from, range.to]) context.fillRect(Math.min(edge * step, width - 2), 0, 2, bars);
  }
}
