// Questions before something is done, and errors that belong to no view.

import { h, newId } from "./dom.js";

/** Asks; true where the answer is yes. Escape, and the first focus, are for no. */
export function confirm(title, text, yes, { isDangerous = false } = {}) {
  return new Promise((resolve) => {
    const titleId = newId("dialog"), textId = newId("dialog");
    const before = document.activeElement;
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      before?.focus?.();
      resolve(answer);
    };
    const no = h("button", { type: "button", click: () => end(false) }, "Cancel");
    const dialog = h("dialog", {
      "aria-labelledby": titleId, "aria-describedby": textId,
      cancel: (event) => {
        event.preventDefault();
        end(false);
      },
    },
      h("h2", { id: titleId }, title),
      h("p", { id: textId, class: "data" }, text),
      h("div", { class: "actions end" }, no,
        h("button", { type: "button", class: isDangerous ? "danger" : "primary", click: () => end(true) }, yes)));
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}

let noticeTimer = 0;

/** Tells of something that went wrong, for some seconds, over the page: nothing moves for it. */
export function notify(text) {
  const notice = document.getElementById("notice");
  clearTimeout(noticeTimer);
  const close = () => notice.hidden = true;
  notice.replaceChildren(h("span", { class: "data" }, text), h("button", { type: "button", class: "small", click: close }, "Close"));
  notice.hidden = false;
  noticeTimer = setTimeout(close, 10_000);
}
