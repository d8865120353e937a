// Calls while they run, and those that have just ended.

import { ApiError, send } from "./api.js";
import { notify } from "./dialog.js";
import { h, icon, setAttribute, setShare, setText, span, sync } from "./dom.js";
import { clock, count, duration, milliseconds } from "./format.js";
import { atMostEvery, live } from "./live.js";
import { card, empty, labelled, pill, table, tableRow } from "./parts.js";

const RedrawInterval = 250;
const RunningShownMax = 100;
// Whatever else a call ends with is the code of an error.
const EndTones = { success: "good", input_required: "warn", cancelled: "muted" };
const Via = { rest: "REST", sse: "SSE", ws: "WebSocket", mcp: "MCP" };

export function createCallsView() {
  const running = createRunningList({ limit: RunningShownMax, isShort: false });
  const ended = createEndedTable();
  const total = h("span", { class: "muted" });
  const pauseButton = h("button", { type: "button", class: "small", "aria-pressed": "false" }, icon("pause"), "Pause");
  let isPaused = false;
  pauseButton.addEventListener("click", () => {
    isPaused = !isPaused;
    setAttribute(pauseButton, "aria-pressed", String(isPaused));
    pauseButton.replaceChildren(icon(isPaused ? "play" : "pause"), isPaused ? "Go on" : "Pause");
    running.setPaused(isPaused);
    update();
  });
  const update = () => {
    if (isPaused) return;
    setText(total, live.running.size === 0 ? "" : `${count(live.running.size)} calls`);
    ended.update();
  };
  live.addEventListener("calls", atMostEvery(RedrawInterval, update));
  update();
  return {
    element: h("div", { class: "view-grid" },
      card("Running now", h("span", { class: "head-end" }, total, pauseButton), running.element),
      card("Just ended", h("span", { class: "muted" }, "through this gateway, newest first"), ended.element)),
  };
}

export function createRunningList({ limit, isShort }) {
  const list = h("ul", { class: "plain-list running" });
  const none = empty("Nothing is running.");
  const more = h("p", { class: "hint" });
  let isPaused = false;
  const update = () => {
    if (isPaused) return;
    // The oldest first: they stay where they are, and new ones come below.
    const calls = [...live.running.values()].sort((left, right) => left.startedAt - right.startedAt);
    none.hidden = calls.length > 0;
    more.hidden = calls.length <= limit;
    setText(more, `and ${count(calls.length - limit)} more`);
    sync(list, calls.slice(0, limit), (call) => call.id, () => createItem(isShort), updateItem);
  };
  live.addEventListener("calls", atMostEvery(RedrawInterval, update));
  setInterval(() => {
    if (!document.hidden && list.checkVisibility() && live.running.size > 0) update();
  }, 1_000);
  update();
  return {
    element: h("div", { class: isShort ? "running-box short" : "running-box" }, list, none, more),
    setPaused(value) {
      isPaused = value;
      update();
    },
  };
}

function createItem(isShort) {
  const parts = { tool: span("data strong"), via: span("tag"), message: span("data message"), chunks: span("muted"),
    time: span("muted number"), fill: span("bar-fill"), figure: span("muted number") };
  parts.bar = h("span", { class: "bar", role: "progressbar", "aria-label": "Progress" }, parts.fill);
  const cancel = h("button", { type: "button", class: "small" }, "Cancel");
  const item = h("li", { class: "call" },
    h("div", { class: "call-line" }, parts.tool, parts.via, span("call-end", parts.chunks, parts.time, isShort ? null : cancel)),
    h("div", { class: "call-line" }, parts.bar, parts.figure),
    h("div", { class: "call-message" }, parts.message));
  cancel.addEventListener("click", () => cancelCall(item.call, cancel));
  item.parts = { ...parts, cancel };
  return item;
}

function updateItem(item, call) {
  const { parts } = item;
  item.call = call;
  const isKnown = call.total > 0;
  setText(parts.tool, call.tool);
  setText(parts.via, Via[call.via] ?? call.via ?? "");
  setText(parts.message, call.message ?? "\u00a0");
  setText(parts.chunks, call.chunks > 0 ? `${count(call.chunks)} ${call.chunks === 1 ? "chunk" : "chunks"}` : "");
  setText(parts.time, duration(Math.max(0, (Date.now() - call.startedAt) / 1_000)));
  setText(parts.figure, isKnown ? `${count(call.progress)}/${count(call.total)}` : call.progress > 0 ? count(call.progress) : "");
  setAttribute(parts.bar, "data-unknown", isKnown ? null : "");
  setAttribute(parts.bar, "aria-valuenow", isKnown ? Math.round(call.progress / call.total * 100) : null);
  setShare(parts.fill, isKnown ? call.progress / call.total : 1);
  setAttribute(parts.cancel, "aria-label", `Cancel ${call.tool}`);
}

async function cancelCall(call, button) {
  button.disabled = true;
  try {
    await send(`calls/${encodeURIComponent(call.id)}`, { method: "DELETE" });
  } catch (error) {
    button.disabled = false;
    if (error instanceof ApiError && error.status === 409) return;
    const unknown = "The gateway cannot cancel this call: it is another caller's, it is not journaled, or it has just ended.";
    notify(error.status === 404 ? unknown : error.message);
  }
}

function createEndedTable() {
  const { element, body } = table("Calls that have just ended", [
    { label: "Ended" }, { label: "Tool", class: "wide" }, { label: "By" }, { label: "Status" }, { label: "Chunks", class: "number" },
    { label: "Duration", class: "number" },
  ]);
  const none = empty("No call has ended since this page was opened.");
  const create = (call) => tableRow(h("tr", null,
    h("td", { class: "muted number-left" }, clock(call.endedAt)),
    h("th", { scope: "row", class: "data wide" }, call.tool),
    h("td", { class: "muted" }, Via[call.via] ?? call.via ?? ""),
    h("td", null, pill(call.status ?? "ended", EndTones[call.status] ?? (call.status ? "bad" : "muted"))),
    labelled("chunks", h("td", { class: "number" }, call.chunks > 0 ? count(call.chunks) : "–")),
    h("td", { class: "number" }, milliseconds(call.ms))));
  return {
    element: h("div", { class: "ended-box" }, element, none),
    update() {
      none.hidden = live.ended.length > 0;
      element.hidden = live.ended.length === 0;
      sync(body, live.ended, (call) => call.id, create);
    },
  };
}
