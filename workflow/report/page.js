"use strict";

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

function recolour() {
  for (const name of Object.keys(PLOTS)) {
    const plot = document.getElementById(name);
    Plotly.relayout(plot, themed(plot.layout));
  }
}

async function draw() {
  for (const [name, figure] of Object.entries(PLOTS)) {
    await Plotly.newPlot(name, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  }
  recolour();
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", recolour);
  }
  document.documentElement.dataset.drawn = "true";
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

for (const header of document.querySelectorAll(".sortable thead th")) {
  header.querySelector("button").addEventListener("click", () => sort(header));
}
draw();
