"use strict";

const canvas = document.getElementById("drawing");
const message = document.getElementById("status");
const rows = new Map([...document.querySelectorAll("[data-variant]")].map((row) => [row.dataset.variant, row]));
const pen = canvas.getContext("2d");
let drawn = false;
let stroke = null; // the pointer that draws
let asked = new AbortController();
let questions = 0;

// Paper is part of the image: what is transparent would be for the model to interpret.
function clear() {
  asked.abort();
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  drawn = false;
  rows.forEach((row) => show(row, ["–", "–", "–"]));
  say("Nothing is drawn yet.");
}

function say(text) {
  message.textContent = text;
}

function show(row, texts) {
  while (row.cells.length > 1) row.deleteCell(1);
  for (const text of texts) row.insertCell().textContent = text;
}

function showError(row, text) {
  show(row, [text]);
  row.cells[1].colSpan = 3;
  row.cells[1].className = "error";
}

function position(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
}

function begin(event) {
  if (!event.isPrimary || event.button !== 0) return;
  stroke = event.pointerId;
  canvas.setPointerCapture(event.pointerId);
  pen.fillStyle = pen.strokeStyle = "#1b1f24";
  pen.lineWidth = canvas.width / 13;
  pen.lineCap = pen.lineJoin = "round";
  // A tap is a dot; a line of no length would be nothing.
  pen.beginPath();
  pen.arc(...position(event), pen.lineWidth / 2, 0, 2 * Math.PI);
  pen.fill();
  pen.beginPath();
  pen.moveTo(...position(event));
  drawn = true;
}

function go(event) {
  if (event.pointerId !== stroke) return;
  const passed = event.getCoalescedEvents();
  for (const one of passed.length ? passed : [event]) pen.lineTo(...position(one));
  pen.stroke();
}

function end(event) {
  if (event.pointerId !== stroke) return;
  stroke = null;
  ask();
}

function summary(answers) {
  const given = answers.filter((one) => !("error" in one));
  const labels = new Set(given.map((one) => one.label));
  const missing = answers.length - given.length;
  const rest = missing ? ` Without an answer: ${missing}.` : "";
  if (labels.size === 0) return "No variant has an answer.";
  if (labels.size === 1) return `${given.length} of ${answers.length} variants answer ${given[0].label}.${rest}`;
  return `The variants disagree: ${[...labels].join(", ")}.${rest}`;
}

function showAnswer(answer) {
  const row = rows.get(answer.variant);
  if ("error" in answer) showError(row, answer.error);
  else show(row, [answer.label, `${(answer.probability * 100).toFixed(1)} %`, `${answer.milliseconds.toFixed(1)} ms`]);
}

// A newer question takes the place of one that has not been answered yet.
async function ask() {
  if (!drawn) return say("Nothing is drawn yet.");
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const question = ++questions;
  const image = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  try {
    const response = await fetch("ask", { method: "POST", body: image, signal });
    if (!response.ok) throw new Error(await response.text());
    const answers = await response.json();
    answers.forEach(showAnswer);
    say(summary(answers));
    document.documentElement.dataset.answered = question;
  } catch (error) {
    if (signal.aborted) return;
    say(error instanceof TypeError ? "The demo has been stopped." : error.message);
  }
}

canvas.addEventListener("pointerdown", begin);
canvas.addEventListener("pointermove", go);
canvas.addEventListener("lostpointercapture", end);
document.getElementById("clear").addEventListener("click", clear);
document.getElementById("ask").addEventListener("click", ask);
clear();
