// Small parts that several views show.

import { h, setAttribute, setText } from "./dom.js";

const Tones = {
  ready: "good", success: "good", completed: "good", complete: "good", closed: "good", ok: "good",
  running: "busy", starting: "busy", open: "busy", queued: "busy", waiting: "busy", restarting: "busy", "half-open": "warn", "half_open": "warn",
  silent: "warn", draining: "warn", degraded: "warn", input_required: "warn", cancelled: "muted", aborted: "muted", stopped: "bad",
  error: "bad", failed: "bad", dead: "bad", down: "bad", timeout: "bad",
};

/** A state as a word with a coloured dot. */
export function pill(state, tone) {
  const element = h("span", { class: "pill" });
  setPill(element, state, tone);
  return element;
}

export function setPill(element, state, tone = Tones[String(state).toLowerCase()] ?? "muted") {
  setText(element, String(state).replaceAll("_", " "));
  setAttribute(element, "data-tone", tone);
}

/** A table with a caption for those who do not see its heading, in a box that scrolls by itself. */
export function table(caption, columns, { isWide = true } = {}) {
  const body = h("tbody");
  const element = h("div", { class: isWide ? "table-box" : "table-box narrow", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "only-read" }, caption),
      h("thead", null, h("tr", null, columns.map((column) => h("th", { scope: "col", class: column.class }, column.label)))), body));
  return { element, body };
}

/** A card with a heading, what belongs beside it, and its content. */
export function card(title, aside, ...content) {
  return h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", null, title), aside), content);
}

/** What stands where there is nothing. */
export const empty = (text) => h("p", { class: "empty" }, text);

export function bar(label) {
  const fill = h("span", { class: "bar-fill" });
  return { element: h("span", { class: "bar", role: "img", "aria-label": label }, fill), fill };
}
