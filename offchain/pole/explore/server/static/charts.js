"use strict";

// A chart shows the numbers of a table on its page; without this file the table is there alone. A chart is made
// when it is first seen, one a frame.

const WEI_OF_UNITS = [
  ["ether", 1e18],
  ["gwei", 1e9],
  ["wei", 1],
];
const HEIGHT = 220;
const DAY = 86400;
const DAYS = [1, 2, 7, 14, 28, 56, 91, 182, 364].map((days) => days * DAY);
const plots = new Map();
const waiting = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The number of a cell: seconds of a time, wei of an amount, or what it says; null for a dash.
function number(cell) {
  const time = cell.querySelector("time");
  if (time) return Date.parse(time.dateTime) / 1000;
  const amount = cell.querySelector("data");
  if (amount) return Number(amount.value);
  const value = Number.parseFloat(cell.textContent);
  return Number.isFinite(value) ? value : null;
}

// The columns of a table by their headings, the first one before them, in ascending order of that; and whether the
// others are amounts.
function columns(table, headings) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const wanted = [0, ...headings.map((heading) => names.indexOf(heading))];
  const cells = [...table.tBodies[0].rows].map((row) => wanted.map((at) => row.cells[at]));
  const rows = cells.map((row) => row.map(number)).sort((one, other) => one[0] - other[0]);
  const areAmounts = cells.some((row) => row.slice(1).some((cell) => cell.querySelector("data")));
  return {
    data: wanted.map((_, at) => rows.map((row) => row[at])),
    areAmounts,
  };
}

// The unit that suits the largest of some amounts, and its wei.
function unitOf(values) {
  const largest = values.flat().reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  return WEI_OF_UNITS.find(([, wei]) => largest >= wei / 1000) ?? WEI_OF_UNITS[0];
}

function written(value) {
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(6)));
}

function isoDate(seconds) {
  return seconds === null || seconds === undefined
    ? "–"
    : new Date(seconds * 1000).toISOString().slice(0, 10);
}

function fromZero(_, low, high) {
  return [Math.min(0, low * 1.05), Math.max(0, high * 1.05) || 1];
}

// uPlot gives a single time an axis of years: it has its own day, or the step to the next number.
function reach(places, low, high, around) {
  const end = places.length === 1 ? low : high;
  return [low - around, Math.max(end, low + 1) + around];
}

function series(figure, headings) {
  const isBars = figure.dataset.kind === "bars";
  return headings.map((label, at) => {
    const stroke = colour(`--series-${at + 1}`);
    const value = (_, shown) => written(shown);
    if (!isBars) return { label, value, stroke, width: 2, spanGaps: true };
    const align = headings.length === 1 ? 0 : at === 0 ? -1 : 1;
    const paths = uPlot.paths.bars({
      size: [headings.length === 1 ? 0.7 : 0.35, 40],
      align,
    });
    return {
      label,
      value,
      stroke,
      fill: stroke,
      width: 0,
      paths,
      points: { show: false },
    };
  });
}

function mount(figure) {
  const table = document.getElementById(figure.dataset.table);
  if (!figure.isConnected || !table || plots.has(figure)) return;
  const headings = figure.dataset.columns.split("|");
  const { data, areAmounts } = columns(table, headings);
  const [name, wei] = areAmounts ? unitOf(data.slice(1)) : ["", 1];
  figure.querySelector(".unit").textContent = name && `, in ${name}`;
  const shown = data.map((values, at) => (at ? values.map((value) => value && value / wei) : values));
  const isTime = table.querySelector("tbody td:first-child time") !== null;
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line") },
    ticks: { stroke: colour("--line") },
  };
  const days = {
    space: 90,
    incrs: DAYS,
    values: (_, splits) => splits.map(isoDate),
  };
  const numbers = { size: 80, values: (_, splits) => splits.map(written) };
  const place = figure.querySelector(".plot");
  const options = {
    width: place.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      // A bar's length is its number, so its axis begins at zero.
      ...(figure.dataset.kind === "bars" ? { y: { range: fromZero } } : {}),
      x: {
        time: isTime,
        range: (plot, low, high) => reach(plot.data[0], low, high, isTime ? DAY / 2 : 0),
      },
    },
    axes: [
      { ...axis, ...(isTime ? days : {}) },
      { ...axis, ...numbers },
    ],
    series: [
      {
        label: table.tHead.rows[0].cells[0].textContent,
        value: (_, at) => (isTime ? isoDate(at) : written(at)),
      },
      ...series(figure, headings),
    ],
  };
  plots.set(figure, new uPlot(options, shown, place));
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
new MutationObserver(watch).observe(document.querySelector("main"), {
  childList: true,
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", watch);
addEventListener("resize", () => {
  for (const [figure, plot] of plots) plot.setSize({ width: figure.clientWidth, height: HEIGHT });
});
