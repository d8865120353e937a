// The gateway at a glance: state, load, workers, breakers.

import { createChart } from "./charts.js";
import { h, setAttribute, setShare, setText, span, sync } from "./dom.js";
import { bytes, count, duration, milliseconds, rate } from "./format.js";
import { live } from "./live.js";
import { card, empty, labelled, pill, setPill, table, tableRow } from "./parts.js";
import { createRunningList } from "./running.js";

export function createOverview() {
  const tiles = createTiles();
  const workers = createWorkers();
  const breakers = createBreakers();
  const running = createRunningList({ limit: 6, isShort: true });
  const element = h("div", { class: "view-grid" },
    tiles.element,
    h("div", { class: "two" },
      createChart({ title: "Throughput", isFilled: true, format: (value) => `${rate(value)}/s`,
        series: [{ name: "per_second", label: "calls", colour: "series-1" }] }),
      createChart({ title: "Latency", isLogarithmic: true, format: milliseconds,
        series: [{ name: "p50_ms", label: "p50", colour: "series-1" }, { name: "p99_ms", label: "p99", colour: "series-2" }] })),
    workers.element,
    h("div", { class: "two uneven" },
      card("Running now", h("a", { href: "#/calls" }, "All calls"), running.element),
      breakers.element));
  const update = () => {
    tiles.update();
    if (!live.stats) return;
    workers.update(live.stats);
    breakers.update(live.stats);
  };
  live.addEventListener("stats", update);
  live.addEventListener("health", update);
  live.addEventListener("connection", update);
  return { element };
}

function createTiles() {
  const tile = (label) => {
    const value = h("dd", { class: "tile-value" }, "–"), note = h("dd", { class: "tile-note" }, "\u00a0");
    return { value, note, element: h("div", { class: "tile" }, h("dt", null, label), value, note) };
  };
  const [state, through, latency] = ["State", "Calls", "Latency p50"].map(tile);
  const [errors, load, queue] = ["Errors", "In flight", "Queue"].map(tile);
  const stateBadge = pill("–", "muted");
  state.value.replaceChildren(stateBadge);
  const show = ({ value, note }, text, noteText) => {
    setText(value, text);
    setText(note, noteText || "\u00a0");
  };
  return {
    element: h("dl", { class: "tiles" }, [state, through, latency, errors, load, queue].map((one) => one.element)),
    update() {
      const { stats } = live;
      const { word, tone } = stateOf();
      setPill(stateBadge, word, tone);
      setText(state.note, live.reasons.join(", ") || (stats ? `up ${duration(stats.uptime_seconds)}` : "\u00a0"));
      if (!stats) return;
      const { calls = {}, pool = {}, workers = [] } = stats;
      const inFlight = workers.reduce((sum, worker) => sum + (worker.in_flight ?? 0), 0);
      const errorShare = calls.total > 0 ? calls.errors / calls.total : 0;
      show(load, count(inFlight), `${workers.length} workers, ${pool.min}–${pool.max}`);
      show(queue, count(pool.queued), `of ${count(pool.queue_limit)}`);
      show(through, `${rate(calls.per_second)}/s`, `${count(calls.total)} in all`);
      show(latency, milliseconds(calls.p50_ms), `p99 ${milliseconds(calls.p99_ms)}`);
      show(errors, count(calls.errors), `${(errorShare * 100).toFixed(errorShare > 0 && errorShare < 0.01 ? 2 : 1)} % of calls`);
    },
  };
}

/** The gateway's state in one word, worst first. */
export function stateOf() {
  if (live.connection === "lost") return { word: "Offline", tone: "bad" };
  if (!live.health) return { word: live.connection === "open" ? "Connected" : "Connecting", tone: "muted" };
  if (live.health.draining) return { word: "Draining", tone: "warn" };
  if (live.health.status === "down") return { word: "Down", tone: "bad" };
  if (live.reasons.length > 0) return { word: "Not ready", tone: "warn" };
  return live.health.status === "degraded" ? { word: "Degraded", tone: "warn" } : { word: "Ready", tone: "good" };
}

function createWorkers() {
  const { element, body } = table("Workers", [
    { label: "Worker" }, { label: "State" }, { label: "Load", class: "wide" },
    ...["Served", "Errors", "p50", "p99", "Restarts", "Memory"].map((label) => ({ label, class: "number" })),
  ]);
  const none = empty("There is no worker.");
  const summary = span("muted");
  none.hidden = true;
  const create = () => {
    const number = () => h("td", { class: "number" });
    const fill = span("bar-fill");
    const parts = { name: span("strong"), pid: span("muted pid"), state: pill("–"), load: span("load-text"), fill,
      failure: h("div", { class: "failure data" }), numbers: Array.from({ length: 6 }, number) };
    const row = tableRow(h("tr", { class: "worker" },
      h("th", { scope: "row" }, parts.name, " ", parts.pid),
      h("td", null, parts.state, parts.failure),
      h("td", { class: "wide" }, span("load", h("span", { class: "bar", "aria-hidden": "true" }, fill), parts.load)),
      ["served", "errors", "p50", "p99", "restarts", "memory"].map((label, index) => labelled(label, parts.numbers[index]))));
    row.parts = parts;
    return row;
  };
  return {
    element: card("Workers", summary, element, none),
    update({ workers = [], pool = {} }) {
      // Where the gateway does not say how much a worker takes, the bars compare the workers with each other.
      const concurrency = pool.worker_concurrency ?? Math.max(8, ...workers.map((worker) => worker.in_flight ?? 0));
      none.hidden = workers.length > 0;
      const ready = workers.filter((worker) => worker.state === "ready").length;
      setText(summary, `${ready} of ${workers.length} ready, ${pool.min} to ${pool.max} allowed`);
      sync(body, workers, (worker) => worker.slot, create, (row, worker) => {
        const { parts } = row;
        setText(parts.name, `#${worker.slot}`);
        setText(parts.pid, worker.pid ? `pid ${worker.pid}` : "");
        setPill(parts.state, worker.state);
        setText(parts.failure, worker.last_failure ?? "");
        setShare(parts.fill, worker.in_flight / concurrency);
        setAttribute(parts.fill, "data-tone", pool.worker_concurrency && worker.in_flight >= concurrency ? "warn" : null);
        setText(parts.load, pool.worker_concurrency ? `${worker.in_flight ?? 0}/${concurrency}` : count(worker.in_flight ?? 0));
        const texts = [count(worker.served), count(worker.errors), milliseconds(worker.p50_ms), milliseconds(worker.p99_ms),
          count(worker.restarts), worker.memory_bytes > 0 ? bytes(worker.memory_bytes) : "–"];
        texts.forEach((text, index) => setText(parts.numbers[index], text));
        setAttribute(parts.numbers[1], "data-tone", worker.errors > 0 ? "bad" : null);
        setAttribute(parts.numbers[4], "data-tone", worker.restarts > 0 ? "warn" : null);
      });
    },
  };
}

function createBreakers() {
  const list = h("ul", { class: "plain-list" });
  const none = empty("No tool has failed lately: every breaker is closed.");
  const create = () => {
    const name = span("data strong"), state = pill("–"), failures = span("muted");
    const item = h("li", { class: "breaker" }, name, span("breaker-end", failures, state));
    item.parts = { name, state, failures };
    return item;
  };
  return {
    element: card("Breakers", null, list, none),
    update({ breakers = {} }) {
      const entries = Object.entries(breakers ?? {}).map(([tool, breaker]) => ({ tool, ...breaker }));
      const order = (breaker) => ["open", "half_open", "closed"].indexOf(breaker.state);
      entries.sort((left, right) => order(left) - order(right) || left.tool.localeCompare(right.tool));
      none.hidden = entries.length > 0;
      sync(list, entries, (breaker) => breaker.tool, create, ({ parts }, breaker) => {
        setText(parts.name, breaker.tool);
        setPill(parts.state, breaker.state, { open: "bad", closed: "good" }[breaker.state] ?? "warn");
        setText(parts.failures, breaker.failures === 1 ? "1 failure" : `${count(breaker.failures)} failures`);
      });
    },
  };
}
