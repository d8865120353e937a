// The page: asks for the key, then shows the views that the address names.

import { getJson, key, unauthorized } from "./api.js";
import { drawCharts, redrawCharts } from "./charts.js";
import { h, icon, setAttribute, setText } from "./dom.js";
import { createHistoryView } from "./history.js";
import { live } from "./live.js";
import { createChartsView } from "./metrics.js";
import { createOverview, stateOf } from "./overview.js";
import { createCallsView } from "./running.js";
import { createToolsView } from "./tools.js";

const main = document.getElementById("main");
const nav = document.getElementById("views");
const state = document.getElementById("state");
const forgetKey = document.getElementById("forget-key");
const themeButton = document.getElementById("theme");
const darkSystem = matchMedia("(prefers-color-scheme: dark)");

const views = {
  overview: { title: "Overview", create: createOverview },
  calls: { title: "Calls", create: createCallsView },
  tools: { title: "Tools", create: createToolsView },
  history: { title: "History", create: createHistoryView },
  charts: { title: "Charts", create: createChartsView },
};
let shown = null;
let offline = null;

function start() {
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  forgetKey.append(icon("leave"));
  setAttribute(forgetKey, "aria-label", "Forget the key");
  setAttribute(forgetKey, "title", "Forget the key");
  forgetKey.addEventListener("click", () => leave(""));
  unauthorized.addEventListener("refused", () => leave("The gateway does not take this key any more."));
  window.addEventListener("hashchange", () => key.get() && route(true));
  live.addEventListener("stats", drawCharts);
  live.addEventListener("connection", showState);
  live.addEventListener("health", showState);
  startTheme();
  if (key.get()) enter(false);
  else askForKey("");
}

function startTheme() {
  const isDark = () => (document.documentElement.dataset.theme ?? (darkSystem.matches ? "dark" : "light")) === "dark";
  const show = () => {
    const label = isDark() ? "Light theme" : "Dark theme";
    themeButton.replaceChildren(icon(isDark() ? "sun" : "moon"));
    setAttribute(themeButton, "aria-label", label);
    setAttribute(themeButton, "title", label);
    redrawCharts();
  };
  themeButton.addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem("varve-theme", chosen);
    } catch {
      // Storage may be forbidden: the choice holds for this page then.
    }
    show();
  });
  darkSystem.addEventListener("change", show);
  show();
}

function askForKey(message) {
  for (const element of [nav, state, forgetKey]) element.hidden = true;
  document.title = "Varve gateway";
  const input = h("input", {
    type: "password", id: "api-key", required: true, autocomplete: "off", spellcheck: "false", "aria-describedby": "key-error key-hint",
  });
  const error = h("p", { class: "field-error", id: "key-error", role: "alert" }, message);
  const button = h("button", { type: "submit", class: "primary" }, "Continue");
  const form = h("form", {
    class: "card key-form", novalidate: true,
    submit: async (event) => {
      event.preventDefault();
      const value = input.value.trim();
      if (value === "" || button.disabled) {
        setText(error, value === "" ? "A key is needed." : error.textContent);
        input.focus();
        return;
      }
      button.disabled = true;
      setText(error, "");
      try {
        await getJson("stats", { withKey: value });
        key.set(value);
        enter(true);
      } catch (failure) {
        setText(error, failure.message);
        button.disabled = false;
        input.focus();
        input.select();
      }
    },
  },
    h("h1", null, icon("key"), "API key"),
    h("p", { class: "hint", id: "key-hint" },
      "The gateway prints a key when it starts without one. It is kept in this tab until the tab is closed."),
    h("label", { for: "api-key", class: "only-read" }, "API key"), input, error, h("div", { class: "actions" }, button));
  main.replaceChildren(h("div", { class: "key-page" }, form));
  input.focus();
}

function enter(isByUser) {
  for (const element of [nav, state, forgetKey]) element.hidden = false;
  main.replaceChildren();
  offline = createOffline();
  main.append(offline.element);
  for (const [name, view] of Object.entries(views)) {
    view.heading ??= h("h1", { tabindex: "-1", class: "only-read" }, view.title);
    view.body ??= view.create();
    view.section ??= h("section", { class: "view", id: `view-${name}`, "aria-label": view.title, hidden: true },
      view.heading, view.body.element);
    main.append(view.section);
  }
  live.start();
  showState();
  route(isByUser);
}

function leave(message) {
  live.stop();
  key.forget();
  views.tools.body?.forget();
  if (shown) views[shown].body.hide?.();
  shown = null;
  askForKey(message);
}

function route(isByUser) {
  const [, wanted = "overview", argument = ""] = location.hash.split("/");
  const name = Object.hasOwn(views, wanted) ? wanted : "overview";
  const view = views[name];
  const isSame = shown === name;
  if (!isSame && shown) views[shown].body.hide?.();
  shown = name;
  for (const [other, { section }] of Object.entries(views)) section.hidden = other !== name;
  for (const link of nav.children) setAttribute(link, "aria-current", link.getAttribute("href") === `#/${name}` ? "page" : null);
  document.title = `${view.title} – Varve gateway`;
  view.body.show?.(argument === "" ? null : decode(argument), { isFresh: !isSame, isByUser });
  drawCharts();
  if (isByUser && (!isSame || argument === "")) {
    view.heading.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function showState() {
  const { word, tone } = stateOf();
  setText(state, word);
  setAttribute(state, "data-tone", tone);
  setAttribute(main, "data-stale", live.connection === "lost" ? "" : null);
  offline?.update();
}

// Lies over the page's end: nothing moves when the gateway goes away and comes back.
function createOffline() {
  const reason = h("span"), wait = h("span", { class: "muted", "aria-hidden": "true" });
  const again = h("button", { type: "button", class: "small", click: () => live.retryNow() }, "Try now");
  const element = h("div", { class: "offline", role: "status", hidden: true }, reason, wait, again);
  const showWait = () => setText(wait, `Next attempt in ${Math.max(0, Math.ceil((live.retryAt - Date.now()) / 1_000))} s.`);
  let timer = 0;
  return {
    element,
    update() {
      clearInterval(timer);
      const isLost = live.connection === "lost";
      if (live.connection === "open") element.hidden = true;
      if (isLost) {
        element.hidden = false;
        setText(reason, live.lostBecause);
        showWait();
        timer = setInterval(showWait, 1_000);
      } else setText(wait, "Trying…");
      again.disabled = !isLost;
    },
  };
}

start();
