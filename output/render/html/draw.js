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

class Flame {
  constructor(canvas) { this.canvas = canvas; this.zoom = 0; this.focus = 0; this.boxes = []; this.glyph = 0; }
  setTree(tree, labels) {
    this.tree = tree; this.labels = labels; this.zoom = 0; this.focus = 0;
  }
  /* The nodes from the outermost to the zoomed one, and what is below it. */
  draw(matches, dimmed) {
    const tree = this.tree, trail = [];
    for (let node = this.zoom; node > 0; node = tree.parent[node]) trail.unshift(node);
    let deepest = trail.length;
    const stack = [], boxes = [];
    const width = this.canvas.clientWidth, whole = tree.total[this.zoom] || 1;
    trail.forEach((node, row) => boxes.push({ node, row, x: 0, w: width }));
    const visit = (node, x, row) => {
      for (const child of tree.children[node]) {
        const w = tree.total[child] / whole * width;
        if (w < 0.4) break; /* children come in falling order */
        stack.push({ node: child, row, x, w });
        x += w;
      }
    };
    visit(this.zoom, 0, trail.length);
    while (stack.length) {
      const box = stack.pop();
      boxes.push(box);
      if (box.row + 1 > deepest) deepest = box.row + 1;
      visit(box.node, box.x, box.row + 1);
    }
    const { context } = prepare(this.canvas, Math.max(1, deepest) * ROW + 2);
    const style = getComputedStyle(document.documentElement);
    const back = style.getPropertyValue("--back"), mark = style.getPropertyValue("--mark");
    context.font = FONT;
    context.textBaseline = "middle";
    this.glyph = this.glyph || context.measureText("m").width;
    this.drawn = 0;
    for (const box of boxes) {
      const label = this.labels[tree.label[box.node]], y = box.row * ROW;
      const hit = matches && matches.has(tree.label[box.node]);
      context.globalAlpha = dimmed && !hit ? 0.3 : box.row < trail.length - 1 ? 0.6 : 1;
      context.fillStyle = colourOf(label);
      context.fillRect(box.x, y, Math.max(box.w - 0.6, 0.4), ROW - 1);
      if (hit) { context.fillStyle = mark; context.fillRect(box.x, y + ROW - 4, Math.max(box.w - 0.6, 0.8), 3); }
      if (box.w > 3 * this.glyph) {
        const room = Math.floor((box.w - 6) / this.glyph), text = frameText(label);
        context.globalAlpha = dimmed && !hit ? 0.6 : 1;
        context.fillStyle = dimmed && !hit ? style.getPropertyValue("--text") : "#101214";
        context.fillText(text.length <= room ? text : text.slice(0, Math.max(room - 1, 1)) + "…", box.x + 3, y + ROW / 2);
      }
      if (box.node === this.focus) {
        context.globalAlpha = 1;
        context.strokeStyle = style.getPropertyValue("--text");
        context.lineWidth = 2;
        context.strokeRect(box.x + 1, y + 1, Math.max(box.w - 2, 1), ROW - 3);
      }
      this.drawn++;
    }
    context.globalAlpha = 1;
    if (!boxes.length) {
      context.fillStyle = style.getPropertyValue("--text");
      context.fillText("No samples in this selection.", 4, ROW / 2);
    }
    this.boxes = boxes;
  }
  at(x, y) {
    const row = Math.floor(y / ROW);
    return this.boxes.find(box => box.row === row && x >= box.x && x < box.x + Math.max(box.w, 1));
  }
  /* The node that an arrow key leads to. */
  neighbour(key) {
    const tree = this.tree, node = this.focus || this.zoom;
    if (key === "ArrowDown") return tree.children[node][0] || node;
    if (key === "ArrowUp") return tree.parent[node] > 0 ? tree.parent[node] : node;
    const row = tree.children[Math.max(tree.parent[node], 0)], at = row.indexOf(node);
    return row[at + (key === "ArrowRight" ? 1 : -1)] || node;
  }
}

function drawTimeline(canvas, costs, range, dark) {
  const { context, width, height } = prepare(canvas, 56);
  const highest = Math.max(...costs, 1e-9);
  const step = width / costs.length;
  context.fillStyle = dark ? "#7cb8f5" : "#0b57a4";
  for (let i = 0; i < costs.length; i++) {
    context.globalAlpha = i >= range.from && i < range.to ? 1 : 0.3;
    const tall = costs[i] / highest * (height - 4);
    context.fillRect(i * step, height - tall, Math.max(step - (step > 3 ? 0.5 : 0), 0.5), tall);
  }
  context.globalAlpha = 1;
}
