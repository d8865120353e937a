// Charts of load and of the engine, and the engine's levels.

import { createChart } from "./charts.js";
import { h, setShare, setText, span, sync } from "./dom.js";
import { bytes, count, milliseconds, percent, rate } from "./format.js";
import { live } from "./live.js";
import { card, empty } from "./parts.js";

export function createChartsView() {
  const levels = createLevels();
  live.addEventListener("stats", () => levels.update(live.stats.store));
  return {
    element: h("div", { class: "view-grid" },
      h("div", { class: "two charts" },
        createChart({ title: "Throughput", isFilled: true, format: (value) => `${rate(value)}/s`,
          series: [{ name: "per_second", label: "calls", colour: "series-1" }] }),
        createChart({ title: "Latency", isLogarithmic: true, format: milliseconds,
          series: [{ name: "p50_ms", label: "p50", colour: "series-1" }, { name: "p99_ms", label: "p99", colour: "series-2" }] }),
        createChart({ title: "Calls in the pool", isFilled: true, format: count,
          series: [{ name: "in_flight", label: "in flight", colour: "series-1" },
            { name: "queued", label: "queued", colour: "series-2" }] }),
        createChart({ title: "Write pressure", isFilled: true, max: 1, format: percent,
          series: [{ name: "write_pressure", label: "of a stall", colour: "series-3" }] }),
        createChart({ title: "Engine memory", isFilled: true, format: bytes,
          series: [{ name: "memory_bytes", label: "in use", colour: "series-4" },
            { name: "memory_budget_bytes", label: "budget", colour: "series-2", isDashed: true }] }),
        levels.element)),
  };
}

function createLevels() {
  const list = h("ul", { class: "plain-list levels" });
  const total = span("muted");
  const none = empty("No values yet.");
  const create = () => {
    const parts = { name: span("strong"), fill: span("bar-fill series-fill"), text: span("number muted") };
    const item = h("li", { class: "level" }, parts.name, h("span", { class: "bar thick", "aria-hidden": "true" }, parts.fill), parts.text);
    item.parts = parts;
    return item;
  };
  return {
    element: card("Engine levels", total, list, none),
    update(store) {
      const levels = store?.levels ?? [];
      const all = levels.reduce((sum, level) => sum + level.bytes, 0);
      const largest = Math.max(1, ...levels.map((level) => level.bytes));
      none.hidden = levels.length > 0;
      setText(none, store === null ? "The store is another process's: it tells of its levels there." : "The store has no tables yet.");
      setText(total, levels.length > 0 ? `${bytes(all)} in ${count(levels.reduce((sum, level) => sum + level.tables, 0))} tables` : "");
      sync(list, levels, (level) => level.level, create, ({ parts }, level) => {
        setText(parts.name, `L${level.level}`);
        setShare(parts.fill, level.bytes / largest);
        setText(parts.text, `${bytes(level.bytes)}, ${count(level.tables)} ${level.tables === 1 ? "table" : "tables"}`);
      });
    },
  };
}
