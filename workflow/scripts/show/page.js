"use strict";

const drawn = new Set(); // names of plots
const hidden = new Set(); // variants that the reader has switched off
const plotOf = (name) => document.getElementById(`plot-${name}`);
const NARROW = 640; // pixels: below, lines are not labelled

let PLOTS = {}; // data and layout by name

// The plotting library and the plots travel deflated, as base 85: four bytes in five characters of Python's b85encode.
async function unpack(id) {
  const text = document.getElementById(id).textContent;
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
  const padding = (5 - (text.length % 5)) % 5;
  const padded = text + "~".repeat(padding);
  const bytes = new DataView(new ArrayBuffer((padded.length / 5) * 4));
  const values = new Uint8Array(128);
  [...alphabet].forEach((sign, value) => { values[sign.charCodeAt(0)] = value; });
  for (let start = 0; start < padded.length; start += 5) {
    let word = 0;
    for (let place = start; place < start + 5; place += 1) word = word * 85 + values[padded.charCodeAt(place)];
    bytes.setUint32((start / 5) * 4, word);
  }
  const packed = new Blob([bytes.buffer.slice(0, bytes.byteLength - padding)]);
  return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

async function load() {
  const library = document.createElement("script");
  library.textContent = await unpack("plotly");
  document.head.append(library);
  PLOTS = JSON.parse(await unpack("plots"));
}

// Plots take the colours of the page, which follow the reader's scheme, and those of paper when printed.
function themed(layout) {
  const style = getComputedStyle(document.documentElement);
  const [text, muted, rule, page] = ["--text", "--muted", "--rule", "--page"].map((name) => style.getPropertyValue(name).trim());
  const result = { "font.color": text, "hoverlabel.bgcolor": page, "hoverlabel.font.color": text };
  for (const axis of Object.keys(layout).filter((name) => /^[xy]axis/.test(name))) {
    result[`${axis}.gridcolor`] = rule;
    result[`${axis}.linecolor`] = rule;
    result[`${axis}.tickfont.color`] = muted;
  }
  return result;
}

function shown(trace, labelled) {
  return !hidden.has(trace.meta?.variant) && (trace.meta?.role !== "label" || labelled);
}

// Colours, labels where there is room for them, and the variants that the reader wants to see.
function update(name) {
  const plot = plotOf(name);
  if (!plot.offsetParent) return undefined;
  const labelled = plot.clientWidth >= NARROW;
  const longest = Math.max(0, ...PLOTS[name].data.filter((trace) => trace.meta?.role === "label").map((trace) => trace.text[0].length));
  const margin = labelled && longest ? 7 * longest + 8 : 16;
  const visible = plot.data.map((trace) => shown(trace, labelled));
  return Plotly.update(plot, { visible }, { ...themed(plot.layout), "margin.r": margin });
}

async function draw(name) {
  const plot = plotOf(name);
  if (!plot.offsetParent || drawn.has(name)) return;
  drawn.add(name);
  const { data, layout } = PLOTS[name];
  await Plotly.newPlot(plot, data, layout, { responsive: true, displayModeBar: false });
  await update(name);
}

async function drawAll() {
  for (const name of Object.keys(PLOTS)) await draw(name);
}

const updateAll = () => drawn.forEach((name) => update(name));

function toggle(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", on);
  const name = button.dataset.toggle;
  if (on) hidden.delete(name);
  else hidden.add(name);
  for (const row of document.querySelectorAll("[data-variant]")) row.hidden = hidden.has(row.dataset.variant);
  updateAll();
}

// Only what belongs to the chosen protocol and batch size; plots are drawn when they are first seen.
async function choose(layer) {
  for (const one of document.querySelectorAll("[data-layer]")) one.hidden = one.dataset.layer !== layer;
  await drawAll();
  updateAll();
}

// Missing values stay at the end, whichever way the column is sorted.
function compare(one, other, direction) {
  if (one === "" || other === "") return (one === "") - (other === "");
  const numbers = [Number(one), Number(other)];
  const order = numbers.some(Number.isNaN) ? one.localeCompare(other) : numbers[0] - numbers[1];
  return direction * order;
}

function sort(header) {
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = header.closest("table").tBodies[0];
  const value = (row) => row.cells[header.cellIndex].dataset.value;
  body.append(...[...body.rows].sort((a, b) => compare(value(a), value(b), ascending ? 1 : -1)));
}

async function start() {
  for (const header of document.querySelectorAll(".sortable thead th")) {
    header.querySelector("button").addEventListener("click", () => sort(header));
  }
  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", () => toggle(button));
  }
  await load();
  const select = document.getElementById("layer");
  select?.addEventListener("change", () => choose(select.value));
  await choose(select?.value ?? document.querySelector("[data-layer]")?.dataset.layer);
  for (const query of ["(prefers-color-scheme: dark)", "print", `(min-width: ${NARROW + 40}px)`]) {
    matchMedia(query).addEventListener("change", updateAll);
  }
  document.documentElement.dataset.drawn = "true";
}

start();
