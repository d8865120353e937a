// Charts of the last five minutes, drawn by uPlot (vendor/uplot). The caption tells the newest values, or those under the pointer.

import { h, setText } from "./dom.js";
import { bytes, count, percent } from "./format.js";
import { live } from "./live.js";

const WindowSeconds = 300;
const Height = 150;
const LogarithmMin = 0.1;
// Between two lines of the grid: powers of two for bytes, whole numbers for what is counted.
const steps = new Map([
  [bytes, Array.from({ length: 50 }, (_, power) => 2 ** power)],
  [count, Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((first) => first * 10 ** power)).flat()],
]);
const charts = new Set();

/** A chart of some of live.series: {title, series: [{name, label, colour}], format, max}. It draws itself while it is seen. */
export function createChart({ title, series, format, max = null, isFilled = false, isLogarithmic = false }) {
  const values = series.map(() => h("span", { class: format === count || format === percent ? "chart-value" : "chart-value wide" }, "–"));
  const legend = h("div", { class: "legend" }, series.map((one, index) =>
    h("span", { class: "legend-item" }, h("span", { class: `swatch ${one.colour}` }), one.label, " ", values[index])));
  const place = h("div", { class: "chart-place" });
  const empty = h("p", { class: "chart-empty" }, "No values yet");
  const figure = h("figure", { class: "chart card", role: "group", "aria-label": title },
    h("figcaption", null, h("h2", null, title), legend), h("div", { class: "chart-frame", "aria-hidden": "true" }, place, empty));
  const chart = { plot: null, index: null };

  const show = () => {
    const at = chart.index ?? live.times.length - 1;
    series.forEach((one, index) => setText(values[index], format(live.series[one.name][at] ?? undefined)));
  };
  chart.draw = () => {
    if (!figure.isConnected || place.clientWidth === 0) return;
    empty.hidden = series.some((one) => live.series[one.name].some((value) => value !== null));
    // A logarithmic scale has no place for zero.
    const raise = (value) => value === null ? null : Math.max(value, LogarithmMin);
    const all = series.map((one) => live.series[one.name]);
    const data = [live.times, ...(isLogarithmic ? all.map((values) => values.map(raise)) : all)];
    if (chart.plot) chart.plot.setData(data);
    else chart.plot = new window.uPlot(optionsOf({ series, format, max, isFilled, isLogarithmic, place, chart, show }), data, place);
    show();
  };
  chart.redraw = () => {
    chart.plot?.destroy();
    chart.plot = null;
    chart.draw();
  };
  new ResizeObserver(() => {
    if (chart.plot && place.clientWidth > 0) chart.plot.setSize({ width: place.clientWidth, height: Height });
    else chart.draw();
  }).observe(place);
  charts.add(chart);
  return figure;
}

export function drawCharts() {
  for (const chart of charts) chart.draw();
}

/** After a change of the theme: colours are read anew. */
export function redrawCharts() {
  for (const chart of charts) chart.redraw();
}

// Whole decades, at least two of them: the scale does not move with each value.
function decades(_, lowest, highest) {
  const first = Math.floor(Math.log10(Math.max(LogarithmMin, lowest ?? 1)));
  return [10 ** first, 10 ** Math.max(first + 2, Math.ceil(Math.log10(Math.max(LogarithmMin, highest ?? 1))))];
}

function powersOfTen(_, __, first, last) {
  const powers = [];
  for (let power = first; power <= last * 1.001; power *= 10) powers.push(power);
  return powers;
}

// A colour of the style sheet as a canvas takes it: of the two of light and dark the one that holds.
function colourOf(name, place) {
  const probe = h("span");
  probe.style.color = `var(--${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function optionsOf({ series, format, max, isFilled, isLogarithmic, place, chart, show }) {
  const colour = (name) => colourOf(name, place);
  const grid = { stroke: colour("grid"), width: 1 };
  const axis = { stroke: colour("text-muted"), font: "11px system-ui, sans-serif", grid, ticks: { show: false } };
  const twoDigits = (value) => String(value).padStart(2, "0");
  return {
    width: place.clientWidth,
    height: Height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "varve" }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [Date.now() / 1_000 - WindowSeconds, Date.now() / 1_000] },
      y: isLogarithmic ? { distr: 3, range: decades } : { range: (_, __, highest) => [0, max ?? Math.max(1, (highest ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, size: 24, space: 70, incrs: [60, 120, 300], values: (plot, times) => times.map((time) => {
        // At the very left it would stand below the other axis's zero.
        if (time < plot.scales.x.min + 12) return "";
        const date = new Date(time * 1_000);
        return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
      }) },
      { ...axis, size: 62, space: 32, values: (_, ticks) => ticks.map(format), ...(isLogarithmic ? { splits: powersOfTen } : {}),
        ...(steps.has(format) ? { incrs: steps.get(format) } : {}) },
    ],
    series: [{}, ...series.map((one, index) => ({
      stroke: colour(one.colour),
      width: 1.6,
      dash: one.isDashed ? [5, 4] : undefined,
      fill: isFilled && index === 0 ? colour(`${one.colour}-soft`) : undefined,
      points: { show: false },
      spanGaps: false,
    }))],
    hooks: {
      setCursor: [(plot) => {
        chart.index = plot.cursor.idx ?? null;
        show();
      }],
    },
  };
}
