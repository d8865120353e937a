// The tools, and a form that calls one of them.

import { getJson } from "./api.js";
import { h, icon, newId, setAttribute, setText, span, sync } from "./dom.js";
import { parseJson, sameJson } from "./format.js";
import { jsonView } from "./json-view.js";
import { Run } from "./runner.js";
import { createRunView } from "./run-view.js";
import { createForm } from "./schema-form.js";

let tools = null;

/** The gateway's tools; asked for once, and again after an error. */
export async function loadTools() {
  tools ??= getJson("tools").then((answer) => answer.tools ?? []);
  try {
    return await tools;
  } catch (error) {
    tools = null;
    throw error;
  }
}

export function forgetTools() {
  tools = null;
}

export const isReadOnly = (tool) => tool?.annotations?.readOnlyHint === true;

/** What is put into the form of a tool the next time that it is shown: the arguments of an older call. */
export const drafts = new Map();

export function createToolsView() {
  const search = h("input", {
    type: "search", placeholder: "Find a tool", "aria-label": "Find a tool", autocomplete: "off", spellcheck: "false",
  });
  const list = h("ul", { class: "plain-list tool-list" });
  const listNote = h("p", { class: "empty" }, "Asking for the tools…");
  const place = h("div", { class: "tool-place" }, h("p", { class: "empty" }, "Choose a tool to see what it takes, and to call it."));
  const side = h("section", { class: "card tool-side", "aria-label": "Tools" }, search, list, listNote);
  const element = h("div", { class: "tools" }, side, place);
  const panels = new Map();
  let all = [], selected = null;

  const showList = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = all.filter((tool) => `${tool.name} ${tool.title ?? ""} ${tool.description ?? ""}`.toLowerCase().includes(wanted));
    sync(list, found, (tool) => tool.name, createItem, (item, tool) =>
      setAttribute(item.firstElementChild, "aria-current", tool.name === selected ? "true" : null));
    listNote.hidden = found.length > 0;
    if (all.length > 0) setText(listNote, "No tool has this in its name or description.");
    else setText(listNote, "The workers have no tools.");
  };
  const createItem = (tool) => h("li", null,
    h("a", { href: `#/tools/${encodeURIComponent(tool.name)}` }, h("span", { class: "data strong" }, tool.name), marks(tool)));
  search.addEventListener("input", showList);

  async function show(name, { isFresh, isByUser }) {
    selected = name;
    setAttribute(element, "data-selected", name === null ? null : "");
    setText(listNote, "Asking for the tools…");
    try {
      if (isFresh) forgetTools();
      all = await loadTools();
    } catch (error) {
      setText(listNote, error.message);
      listNote.hidden = false;
      return;
    }
    if (selected !== name) return;
    showList();
    if (name === null) return;
    const tool = all.find((one) => one.name === name);
    if (!tool) {
      place.replaceChildren(backLink(), h("p", { class: "empty data" }, `There is no tool ${name}.`));
      return;
    }
    // A panel is kept with what was filled in, as long as the tool is the same.
    let panel = panels.get(name);
    if (panel?.tool !== JSON.stringify(tool)) panels.set(name, panel = { ...createToolPanel(tool), tool: JSON.stringify(tool) });
    if (drafts.has(name)) {
      panel.write(drafts.get(name));
      drafts.delete(name);
    }
    if (place.firstElementChild !== panel.element) place.replaceChildren(panel.element);
    if (isByUser) panel.element.querySelector("h2").focus({ preventScroll: true });
  }

  return {
    element,
    show,
    forget() {
      panels.clear();
      forgetTools();
      all = [];
      place.replaceChildren();
    },
  };
}

const backLink = () => h("a", { href: "#/tools", class: "back" }, icon("back"), "All tools");

function marks(tool) {
  if (isReadOnly(tool)) return h("span", { class: "tag", "data-tone": "good" }, "read-only");
  const isDestructive = tool.annotations?.destructiveHint === true;
  return h("span", { class: "tag", "data-tone": isDestructive ? "warn" : null }, isDestructive ? "destructive" : "writes");
}

function createToolPanel(tool) {
  const schema = tool.inputSchema ?? { type: "object" };
  const form = createForm(schema);
  const input = createInput(form);
  const key = h("input", {
    type: "text", id: newId("key"), maxlength: "128", spellcheck: "false", autocomplete: "off", placeholder: "none",
  });
  const makeKey = h("button", { type: "button", class: "small", click: () => key.value = randomKey() }, "Make one");
  const run = h("button", { type: "submit", class: "primary" }, icon("play"), "Run");
  const cancel = h("button", { type: "button", disabled: true }, "Cancel");
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const output = h("div", { class: "run-place" }, h("p", { class: "empty" }, "The result comes here."));
  const hints = [["idempotentHint", "idempotent"], ["openWorldHint", "open world"]].filter(([name]) => tool.annotations?.[name] === true);
  let current = null;

  const say = (text) => {
    problem.hidden = !text;
    setText(problem, text);
  };

  function start(more = {}) {
    const read = input.read();
    if (read.problem) {
      say(read.problem);
      return;
    }
    say("");
    const envelope = { ...more };
    if (key.value !== "") envelope.idempotencyKey = key.value;
    const rest = JSON.stringify(envelope).slice(1);
    current = new Run(tool.name, `{"arguments":${read.text}${rest === "}" ? "" : ","}${rest}`);
    output.replaceChildren(createRunView(current, start));
    current.addEventListener("change", onChange);
    onChange();
  }

  function onChange() {
    const isRunning = current.state === "running";
    const focused = document.activeElement;
    cancel.disabled = !isRunning;
    run.disabled = isRunning;
    // A button that is switched off loses the focus: the other one has it then.
    if (focused === run && isRunning) cancel.focus();
    if (focused === cancel && !isRunning) run.focus();
    const argument = current.error?.problem.argument;
    if (argument !== undefined && current.state === "failed" && !input.isText()) form.showError(argument, current.error.message);
  }

  const panelForm = h("form", {
    novalidate: true,
    submit: (event) => {
      event.preventDefault();
      if (!run.disabled) start();
    },
    keydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) panelForm.requestSubmit();
    },
  },
    input.element,
    h("div", { class: "key-line" }, h("label", { for: key.id }, "Idempotency key"), key, makeKey),
    problem,
    h("div", { class: "actions" }, run, cancel, h("span", { class: "hint keys" }, "Ctrl+Enter runs it, too.")));
  cancel.addEventListener("click", () => current?.cancel());

  const outputLabel = "Schema of the result";
  const element = h("article", { class: "tool" },
    h("section", { class: "card" },
      backLink(),
      h("div", { class: "card-head" }, h("h2", { class: "data", tabindex: "-1" }, tool.title ?? tool.name),
        span("tags", marks(tool), hints.map(([, hint]) => span("tag", hint)))),
      tool.title ? h("p", { class: "hint" }, h("code", { class: "data" }, tool.name)) : null,
      tool.description ? h("p", { class: "description data" }, tool.description) : null,
      panelForm),
    h("section", { class: "card", "aria-label": "Run" }, h("div", { class: "card-head" }, h("h2", null, "Run")), output,
      tool.outputSchema
        ? h("details", { class: "schema" }, h("summary", null, outputLabel), jsonView(tool.outputSchema, outputLabel))
        : null));
  return { element, write: input.write };
}

// The arguments: as a form and as JSON, two tabs over one value.
function createInput(form) {
  const text = h("textarea", { class: "code", rows: "10", spellcheck: "false", "aria-label": "Arguments as JSON" });
  const ids = { form: newId("tab"), json: newId("tab"), formPanel: newId("panel"), jsonPanel: newId("panel") };
  const tab = (id, panel, label) => h("button", { type: "button", role: "tab", id, "aria-controls": panel }, label);
  const formTab = tab(ids.form, ids.formPanel, "Form"), jsonTab = tab(ids.json, ids.jsonPanel, "JSON");
  const note = h("p", { class: "field-error", role: "alert", hidden: true });
  const formPanel = h("div", { role: "tabpanel", id: ids.formPanel, "aria-labelledby": ids.form }, form.element);
  const jsonPanel = h("div", { role: "tabpanel", id: ids.jsonPanel, "aria-labelledby": ids.json }, text, note);
  let isText = false;

  const select = (toText) => {
    isText = toText;
    for (const [one, panel, isSelected] of [[formTab, formPanel, !toText], [jsonTab, jsonPanel, toText]]) {
      setAttribute(one, "aria-selected", String(isSelected));
      one.tabIndex = isSelected ? 0 : -1;
      panel.hidden = !isSelected;
    }
  };
  const say = (message) => {
    note.hidden = !message;
    setText(note, message);
    setAttribute(text, "aria-invalid", message ? "true" : null);
  };
  const toJson = () => {
    if (isText) return;
    text.value = JSON.stringify(form.read().value, null, 2);
    say("");
    select(true);
  };
  const toForm = () => {
    if (!isText) return;
    const value = parse();
    if (value === undefined) return;
    form.write(value);
    if (sameJson(form.read().value, value)) select(false);
    else say("The form cannot show all of this. It can be run from here.");
  };
  const parse = () => {
    try {
      const value = parseJson(text.value.trim() || "{}");
      if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
      say("The arguments are a JSON object.");
    } catch (error) {
      say(`This is not JSON: ${error.message}`);
    }
    return undefined;
  };
  text.addEventListener("input", () => say(""));
  formTab.addEventListener("click", toForm);
  jsonTab.addEventListener("click", toJson);
  const tabs = h("div", {
    class: "tabs", role: "tablist", "aria-label": "Arguments",
    keydown: (event) => {
      if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
      event.preventDefault();
      if (isText) toForm();
      else toJson();
      (isText ? jsonTab : formTab).focus();
    },
  }, formTab, jsonTab);
  select(false);

  return {
    element: h("div", null, tabs, formPanel, jsonPanel),
    isText: () => isText,
    read() {
      if (isText) {
        if (parse() !== undefined) return { text: text.value.trim() || "{}" };
        text.focus();
        return { problem: "The arguments are not right yet." };
      }
      const { value, errors } = form.read();
      if (errors.length === 0) return { text: JSON.stringify(value) };
      errors[0].focus();
      return { problem: `Not right yet: ${errors.map((error) => error.label).join(", ")}` };
    },
    write(value) {
      form.write(value);
      const isSame = sameJson(form.read().value, value);
      text.value = JSON.stringify(value, null, 2);
      say("");
      select(!isSame);
    },
  };
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
