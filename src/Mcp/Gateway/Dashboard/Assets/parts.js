// Small parts that several views show.

import { h, setAttribute, setText } from "./dom.js";

const Tones = {
  ready: "good", success: "good", completed: "good", complete: "good", closed: "good", ok: "good",
  running: "busy", starting: "busy", open: "busy", queued: "busy", "half-open": "warn", "half_open": "warn",
  silent: "warn", waiting: "warn", draining: "warn", degraded: "warn", input_required: "warn", cancelled: "muted", aborted: "muted",
  stopped: "bad", error: "bad", failed: "bad", dead: "bad", down: "bad", timeout: "bad",
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

/**
 * A table with a caption for those who do not see its heading. On a narrow page its rows are laid out as blocks; the roles are written out,
 * since a browser drops those of a table that is laid out in another way.
 */
export function table(caption, columns) {
  const body = h("tbody", { role: "rowgroup" });
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader", class: column.class }, column.label));
  const element = h("div", { class: "table-box" },
    h("table", { role: "table" },
      h("caption", { class: "only-read" }, caption), h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), body));
  return { element, body };
}

export function tableRow(row) {
  row.setAttribute("role", "row");
  for (const cell of row.cells) cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
  return row;
}

/** A cell that says on a narrow page, where there is no head, what it is. */
export function labelled(label, cell) {
  cell.dataset.label = label;
  return cell;
}

/** A card with a heading, what belongs beside it, and its content. */
export function card(title, aside, ...content) {
  return h("section", { class: "card" }, h("div", { class: "card-head" }, h("h2", null, title), aside), content);
}

/** What stands where there is nothing. */
export const empty = (text) => h("p", { class: "empty" }, text);
