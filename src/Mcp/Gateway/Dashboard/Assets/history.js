// The journal's calls: what came of them, once more, or no more.

import { getJson, send } from "./api.js";
import { confirm, notify } from "./dialog.js";
import { h, icon, replace, setAttribute, setText, span, sync } from "./dom.js";
import { clock, count, instant, milliseconds } from "./format.js";
import { jsonView } from "./json-view.js";
import { atMostEvery, live } from "./live.js";
import { empty, labelled, pill, setPill, table, tableRow } from "./parts.js";
import { drafts, isReadOnly, loadTools } from "./tools.js";

const Limit = 50;
const RefreshInterval = 2_000;
const FollowInterval = 1_000;

export function createHistoryView() {
  const { element: tableBox, body } = table("Journaled calls", [
    { label: "Created" }, { label: "Tool", class: "wide" }, { label: "State" }, { label: "Attempts", class: "number" },
    { label: "Duration", class: "number" },
  ]);
  const note = empty("Asking for the calls…");
  const refresh = h("button", { type: "button", class: "small", click: () => load() }, icon("refresh"), "Refresh");
  const detail = createDetail(() => load());
  const element = h("div", { class: "history" },
    h("section", { class: "card", "aria-label": "Calls" },
      h("div", { class: "card-head" }, h("h2", null, "Journaled calls"), span("head-end", span("muted", `the newest ${Limit}`), refresh)),
      tableBox, note),
    detail.element);
  let selected = null, isShown = false;

  async function load() {
    if (!isShown) return;
    let calls;
    try {
      ({ calls = [] } = await getJson(`calls?limit=${Limit}`));
    } catch (error) {
      setText(note, error.message);
      note.hidden = false;
      return;
    }
    setText(note, "No call has been journaled yet. Calls of tools that write are, and calls with an idempotency key.");
    note.hidden = calls.length > 0;
    tableBox.hidden = calls.length === 0;
    sync(body, calls, (call) => call.id, createRow, updateRow);
  }

  function updateRow(row, call) {
    const { parts } = row;
    setText(parts.created, clock(call.created_at));
    setText(parts.link, call.tool);
    setPill(parts.state, call.state);
    setText(parts.attempts, count(call.attempts));
    setText(parts.time, timeOf(call));
    setAttribute(row, "data-selected", call.id === selected ? "" : null);
    setAttribute(parts.link, "aria-current", call.id === selected ? "true" : null);
  }

  const loadSoon = atMostEvery(RefreshInterval, () => isShown && !document.hidden && load());
  live.addEventListener("ended", loadSoon);
  live.addEventListener("connection", () => live.connection === "open" && loadSoon());

  return {
    element,
    async show(id, { isByUser }) {
      isShown = true;
      selected = id;
      setAttribute(element, "data-selected", id === null ? null : "");
      if (isByUser && id !== null) detail.element.focus({ preventScroll: true });
      await Promise.all([load(), detail.show(id)]);
    },
    hide() {
      isShown = false;
      detail.leave();
    },
  };
}

function createRow(call) {
  const parts = {
    created: h("td", { class: "muted number-left" }),
    link: h("a", { href: `#/history/${encodeURIComponent(call.id)}`, class: "data row-link" }),
    state: pill("–"),
    attempts: h("td", { class: "number" }),
    time: h("td", { class: "number" }),
  };
  const row = tableRow(h("tr", { class: "selectable" },
    parts.created, h("th", { scope: "row", class: "wide" }, parts.link), h("td", null, parts.state),
    labelled("attempts", parts.attempts), parts.time));
  row.parts = parts;
  return row;
}

function timeOf(call) {
  const from = instant(call.created_at), to = instant(call.finished_at);
  return from === null || to === null ? "–" : milliseconds(Math.max(0, to - from));
}

function createDetail(onChange) {
  const element = h("section", { class: "card detail", "aria-label": "Call", tabindex: "-1" });
  const start = () => replace(element,
    h("div", { class: "card-head" }, h("h2", null, "Call")), empty("Choose a call to see its arguments and its result."));
  let shown = null, timer = 0;
  start();

  async function show(id) {
    clearTimeout(timer);
    shown = id;
    if (id === null) {
      start();
      return;
    }
    let call, tool;
    try {
      let tools;
      [call, tools] = await Promise.all([getJson(`calls/${encodeURIComponent(id)}`), loadTools().catch(() => [])]);
      tool = tools.find((one) => one.name === call.tool);
    } catch (error) {
      if (shown !== id) return;
      replace(element, backLink(), empty(error.status === 404 ? "There is no such call, or it is another caller's." : error.message));
      return;
    }
    if (shown !== id) return;
    draw(call, tool);
    // A call that is not finished is followed until it is.
    const isOpen = instant(call.finished_at) === null;
    if (isOpen) timer = setTimeout(() => shown === id && element.isConnected && show(id), FollowInterval);
    else if (element.dataset.open === id) onChange();
    element.dataset.open = isOpen ? id : "";
  }

  function draw(call, tool) {
    const isFinished = instant(call.finished_at) !== null;
    const hadFocus = element.contains(document.activeElement) ? document.activeElement.textContent : null;
    const fact = (label, value) => [h("dt", null, label), h("dd", { class: "data" }, value)];
    const buttons = [
      h("button", { type: "button", class: "primary", click: () => replay(call, tool) }, icon("refresh"), "Replay"),
      h("button", { type: "button", click: () => openInForm(call), disabled: !call.arguments }, "Open in form"),
      isFinished ? null : h("button", { type: "button", class: "danger", click: () => abort(call) }, "Abort"),
    ];
    replace(element,
      backLink(),
      h("div", { class: "card-head" }, h("h2", { class: "data" }, call.tool), pill(call.state)),
      h("dl", { class: "facts" }, fact("Call", call.id), fact("Created", clock(call.created_at)),
        fact("Finished", isFinished ? clock(call.finished_at) : "not yet"), fact("Attempts", count(call.attempts)),
        fact("Duration", timeOf(call))),
      h("div", { class: "actions" }, buttons),
      h("h3", null, "Arguments"), call.arguments ? jsonView(call.arguments, "Arguments") : empty("They were not kept."),
      h("h3", null, "Result"), resultOf(call));
    if (hadFocus) [...element.querySelectorAll("button")].find((button) => button.textContent === hadFocus)?.focus();
  }

  async function replay(call, tool) {
    const question = `${call.tool} may write. It is called once more with the same arguments, as a new call without an idempotency key.`;
    if (!isReadOnly(tool) && !await confirm("Replay the call?", question, "Replay")) return;
    try {
      const answer = await (await send(`calls/${encodeURIComponent(call.id)}/replay`, { method: "POST" })).json();
      location.hash = `#/history/${encodeURIComponent(answer.id)}`;
    } catch (error) {
      notify(error.message);
    }
  }

  async function abort(call) {
    const question = `${call.tool} is not run any more, and the call's outcome is that it was aborted.`;
    if (!await confirm("Abort the call?", question, "Abort", { isDangerous: true })) return;
    try {
      await send(`calls/${encodeURIComponent(call.id)}`, { method: "DELETE" });
    } catch (error) {
      notify(error.status === 409 ? "The call has finished meanwhile." : error.message);
    }
    onChange();
    await show(call.id);
  }

  return { element, show, leave: () => clearTimeout(timer) };
}

function resultOf(call) {
  const { result } = call;
  if (result === undefined || result === null) return empty("There is none yet.");
  const isGood = !result.status || result.status === "success";
  return [isGood ? null : h("p", null, pill(result.status)), jsonView(result.data === undefined ? result : result.data, "Result")];
}

function openInForm(call) {
  drafts.set(call.tool, call.arguments);
  location.hash = `#/tools/${encodeURIComponent(call.tool)}`;
}

const backLink = () => h("a", { href: "#/history", class: "back" }, icon("back"), "All calls");
