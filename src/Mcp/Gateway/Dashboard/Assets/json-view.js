// JSON as text with coloured tokens. The text is cut into spans; nothing of it is read as markup.

import { h } from "./dom.js";

const ColouredMax = 40_000;
const ShownMax = 400_000;
const Token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

/** An element that shows a value, or text as it is. It can be scrolled by keyboard. */
export function jsonView(value, label) {
  const isText = typeof value === "string";
  const text = isText ? value : JSON.stringify(value, null, 2) ?? "";
  const view = h("pre", { class: "json", tabindex: "0", role: "region", "aria-label": label });
  fill(view, text.slice(0, ShownMax), isText);
  if (text.length <= ShownMax) return view;
  const all = h("button", {
    type: "button", class: "small",
    click: () => {
      all.remove();
      view.textContent = text;
      view.focus();
    },
  }, `Show all ${text.length.toLocaleString("en")} characters`);
  return h("div", null, view, all);
}

function fill(view, text, isText) {
  if (isText || text.length > ColouredMax) {
    view.textContent = text;
    return;
  }
  let end = 0;
  for (const match of text.matchAll(Token)) {
    const [token, string, colon] = match;
    view.append(text.slice(end, match.index));
    const kind = colon ? "name" : string ? "string" : /^[tfn]/.test(token) ? "word" : "number";
    view.append(h("span", { class: `json-${kind}` }, string ?? token), colon ?? "");
    end = match.index + token.length;
  }
  view.append(text.slice(end));
}
