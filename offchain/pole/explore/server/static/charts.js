"use strict";

// A chart shows the numbers of a table on its page; without this file the table is there alone. A chart is made
// when it is first seen, one a frame.

const WEI = 1e18;
const HEIGHT = 220;
const HALF_DAY = 43200;
const plots = new Map();
const waiting = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The number of a cell: seconds of a time, ether of an amount in wei, or what it says; null for a dash.
function number(cell) {
  const time = cell.querySelector("time");
  if (time) return Date.parse(time.dateTime) / 1000;
  const amount = cell.querySelector("data");
  if (amount) return Number(amount.value) / WEI;
  const value = Number.parseFloat(cell.textContent);
  return Number.isFinite(value) ? value : null;
}

// The columns of a table by their headings, the first one before them, in ascending order of that.
function columns(table, headings) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const wanted = [0, ...headings.map((heading) => names.indexOf(heading))];
  const rows = [...table.tBodies[0].rows].map((row) => wanted.map((at) => number(row.cells[at])));
  rows.sort((one, other) => one[0] - other[0]);
  return wanted.map((_, at) => rows.map((row) => row[at]));
}

function series(figure, headings) {
  const isBars = figure.dataset.kind === "bars";
  return headings.map((label, at) => {
    const stroke = colour(`--series-${at + 1}`);
    if (!isBars) return { label, stroke, width: 2, spanGaps: true };
    const align = headings.length === 1 ? 0 : at === 0 ? -1 : 1;
    const paths = uPlot.paths.bars({ size: [headings.length === 1 ? 0.7 : 0.35, 40], align });
    return { label, stroke, fill: stroke, width: 0, paths, points: { show: false } };
  });
}

function mount(figure) {
  const table = document.getElementById(figure.dataset.table);
  if (!figure.isConnected || !table || plots.has(figure)) return;
  const headings = figure.dataset.columns.split("|");
  const data = columns(table, headings);
  const isTime = table.querySelector("tbody td:first-child time") !== null;
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line") },
    ticks: { stroke: colour("--line") },
  };
  const around = isTime ? HALF_DAY : 0;
  const place = figure.querySelector(".plot");
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      x: { time: isTime, range: (_, low, high) => [low - around, Math.max(high, low + 1) + around] },
    },
    axes: [axis, { ...axis, size: 70 }],
    series: [{ label: table.tHead.rows[0].cells[0].textContent }, ...series(figure, headings)],
  };
  plots.set(figure, new uPlot(options, data, place));
}

function unmount() {
  for (const plot of plots.values()) plot.destroy();
  plots.clear();
}

function mountNext() {
  const figure = waiting.shift();
  if (figure) mount(figure);
  if (waiting.length) requestAnimationFrame(mountNext);
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    if (waiting.push(target) === 1) requestAnimationFrame(mountNext);
  }
});

function watch() {
  unmount();
  seen.disconnect();
  waiting.length = 0;
  for (const figure of document.querySelectorAll("figure.chart")) {
    figure.hidden = false;
    seen.observe(figure);
  }
}

watch();
new MutationObserver(watch).observe(document.querySelector("main"), { childList: true });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", watch);
addEventListener("resize", () => {
  for (const [figure, plot] of plots) plot.setSize({ width: figure.clientWidth, height: HEIGHT });
});
