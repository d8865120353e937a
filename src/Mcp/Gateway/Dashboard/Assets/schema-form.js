// A form from a JSON Schema. Each field is an editor: an element that is read into a value and written from one. What a field cannot
// show, the JSON beside the form can: nothing is lost in between, for a form that does not give back the same is not shown.

import { h, icon, newId, setAttribute, span } from "./dom.js";
import { parseJson } from "./format.js";
import { kindOf, resolve, typeName } from "./schema.js";

const LineCharactersMax = 1_000;
const AbsentLabel = "not set";

/** The form of a schema of type object. */
export function createForm(schema) {
  const editor = createEditor({ schema, root: schema, depth: 0, isRequired: true, isTop: true });
  const start = resolve(schema, schema).default;
  if (start !== undefined) editor.write(start);
  return {
    element: editor.element,
    /** The value, and the fields that are not right; those show why. */
    read() {
      const errors = [];
      const value = editor.read(errors);
      return { value: value ?? Object.create(null), errors };
    },
    write: (value) => editor.write(value),
    /** Shows what the gateway says of an argument; false where there is no such field. */
    showError(path, message) {
      const steps = String(path).split(/[./[\]]+/).filter((step) => step !== "" && step !== "$");
      const field = steps.reduce((place, step) => place?.childOf?.(step) ?? place, editor);
      if (field === editor || !field.setError) return false;
      field.setError(message);
      field.focus();
      return true;
    },
  };
}

function createEditor(field) {
  const schema = resolve(field.schema, field.root);
  const own = kindOf(schema, field.depth);
  // A tool whose schema says nothing but that it is an object takes no arguments: no entries are asked for.
  const kind = field.isTop && own === "map" && schema.additionalProperties === undefined ? "object" : own;
  const make = {
    const: constEditor, enum: enumEditor, boolean: booleanEditor, string: stringEditor, number: numberEditor, integer: numberEditor,
    array: arrayEditor, object: objectEditor, map: mapEditor, choice: choiceEditor, json: jsonEditor,
  }[kind];
  return make({ ...field, schema, kind });
}

// A field with one control: label, control, description, error.
function singleField(field, control, { read, write }) {
  const { schema, label } = field;
  const id = control.id ||= newId("field"), hintId = newId("hint"), errorId = newId("error");
  const error = h("p", { class: "field-error", id: errorId, hidden: true });
  const hint = schema.description ? h("p", { class: "hint data", id: hintId }, schema.description) : null;
  setAttribute(control, "aria-describedby", [hint && hintId, errorId].filter(Boolean).join(" "));
  if (field.isRequired && field.kind !== "boolean") setAttribute(control, "aria-required", "true");
  const setError = (message) => {
    error.textContent = message;
    error.hidden = !message;
    setAttribute(control, "aria-invalid", message ? "true" : null);
  };
  control.addEventListener("input", () => setError(""));
  const named = h("label", { for: id }, h("span", { class: "data" }, schema.title ?? label ?? "Value"),
    field.isRequired ? h("span", { class: "required", "aria-hidden": "true" }, "*") : null);
  const kind = h("span", { class: "type" }, typeName(field.schema, field.root, field.depth));
  const isBox = control.type === "checkbox";
  const head = isBox ? h("div", { class: "box-line" }, control, named, kind)
    : h("div", { class: field.isHiddenLabel ? "only-read" : "label-line" }, named, kind);
  return {
    element: h("div", { class: "field" }, head, isBox ? null : control, hint, error),
    setError,
    focus: () => control.focus(),
    read(errors) {
      setError("");
      const { value, problem } = read();
      if (!problem) return value;
      setError(problem);
      errors.push({ label: label ?? "Value", focus: () => control.focus() });
      return undefined;
    },
    write(value) {
      setError("");
      write(value);
    },
  };
}

const missing = (field) => field.isRequired ? { problem: "A value is needed." } : { value: undefined };

function constEditor(field) {
  const control = h("input", { type: "text", readonly: true });
  control.value = JSON.stringify(field.schema.const);
  return singleField(field, control, { read: () => ({ value: field.schema.const }), write() {} });
}

function enumEditor(field) {
  const { schema } = field;
  const values = schema.nullable && !schema.enum.includes(null) ? [...schema.enum, null] : schema.enum;
  const textOf = (value, index) => schema.titles?.[index] ?? (typeof value === "string" ? value : JSON.stringify(value));
  const control = h("select", null, h("option", { value: "" }, field.isRequired ? "Choose…" : AbsentLabel),
    values.map((value, index) => h("option", { value: index }, textOf(value, index))));
  const write = (value) => {
    const index = values.findIndex((other) => JSON.stringify(other) === JSON.stringify(value));
    control.value = index < 0 ? "" : String(index);
  };
  write(schema.default);
  const read = () => control.value === "" ? missing(field) : { value: values[Number(control.value)] };
  return singleField(field, control, { read, write });
}

function booleanEditor(field) {
  const { schema } = field;
  if (!field.isRequired && schema.default === undefined) {
    return enumEditor({ ...field, schema: { ...schema, enum: [true, false], titles: ["yes", "no"] } });
  }
  const control = h("input", { type: "checkbox" });
  control.checked = schema.default === true;
  const write = (value) => control.checked = (value ?? schema.default) === true;
  return singleField(field, control, { read: () => ({ value: control.checked }), write });
}

function stringEditor(field) {
  const { schema } = field;
  const isLong = (schema.maxLength ?? Infinity) > LineCharactersMax && !schema.format && !schema.pattern;
  const native = { date: "date", time: "time" }[schema.format] ?? "text";
  const control = isLong ? h("textarea", { rows: schema.maxLength ? 4 : 1, spellcheck: "false" })
    : h("input", { type: native, spellcheck: "false", autocomplete: "off" });
  if (schema.maxLength < 1e6) control.maxLength = schema.maxLength;
  if (schema.format === "date-time") control.placeholder = "2026-01-31T12:00:00Z";
  else if (schema.examples?.length > 0) control.placeholder = String(schema.examples[0]);
  const write = (value) => control.value = typeof value === "string" ? value : "";
  write(schema.default);
  return singleField(field, control, { read: () => readText(field, control.value), write });
}

function readText(field, text) {
  const { schema } = field;
  if (text === "") {
    if (schema.nullable && field.isRequired) return { value: null };
    return field.isRequired ? { problem: "A text is needed. An empty one can be sent as JSON." } : { value: undefined };
  }
  if ([...text].length < (schema.minLength ?? 0)) return { problem: `At least ${schema.minLength} characters.` };
  if (schema.pattern && !matches(schema.pattern, text)) return { problem: `It must match ${schema.pattern}` };
  return { value: text };
}

// Only short patterns are tried here: one that takes for ever would hang the page. The gateway checks each of them.
function matches(pattern, text) {
  if (pattern.length > 200 || text.length > 1_000 || /[*+}]\)?[*+{]/.test(pattern)) return true;
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

function numberEditor(field) {
  const { schema } = field;
  const isWhole = field.kind === "integer";
  const control = h("input", { type: "text", inputmode: isWhole ? "numeric" : "decimal", autocomplete: "off", class: "number" });
  const bound = (word, value) => value === undefined ? "" : `${word} ${value}`;
  control.placeholder = `${bound("from", schema.minimum)} ${bound("to", schema.maximum)}`.trim();
  const write = (value) => control.value = value === undefined || value === null ? "" : JSON.stringify(value);
  write(schema.default);
  return singleField(field, control, { read: () => readNumber(field, control.value.trim(), isWhole), write });
}

function readNumber(field, text, isWhole) {
  const { schema } = field;
  if (text === "") return schema.nullable && field.isRequired ? { value: null } : missing(field);
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return { problem: "This is not a number." };
  const value = Number(text);
  if (isWhole && !Number.isInteger(value)) return { problem: "A whole number is needed." };
  if (value < schema.minimum) return { problem: `At least ${schema.minimum}.` };
  if (value > schema.maximum) return { problem: `At most ${schema.maximum}.` };
  if (value <= schema.exclusiveMinimum) return { problem: `More than ${schema.exclusiveMinimum}.` };
  if (value >= schema.exclusiveMaximum) return { problem: `Less than ${schema.exclusiveMaximum}.` };
  return { value: parseJson(text) };
}

function jsonEditor(field) {
  const control = h("textarea", { rows: 3, class: "code", spellcheck: "false", placeholder: "JSON" });
  const write = (value) => control.value = value === undefined ? "" : JSON.stringify(value, null, 2);
  write(field.schema.default);
  return singleField(field, control, {
    read() {
      if (control.value.trim() === "") return missing(field);
      try {
        return { value: parseJson(control.value) };
      } catch {
        return { problem: "This is not JSON." };
      }
    },
    write,
  });
}

// A field of several: a fieldset. Where it may be left out, a box in its legend says whether it is there; a list or entries are there once
// they have one.
function group(field, content, { read, write, childOf, focus }) {
  const { schema, label, isTop } = field;
  if (isTop) return { element: content, read, write, childOf, focus };
  const error = h("p", { class: "field-error", hidden: true });
  const box = field.isRequired || field.hasRows ? null : h("input", { type: "checkbox", id: newId("field") });
  const name = h("span", null, h("span", { class: "data" }, schema.title ?? label ?? "Value"),
    field.isRequired ? h("span", { class: "required", "aria-hidden": "true" }, "*") : null);
  const hint = schema.description ? h("p", { class: "hint data" }, schema.description) : null;
  const body = h("div", { class: "group-body" }, hint, content, error);
  const setPresent = (isPresent) => {
    if (box) box.checked = isPresent;
    body.hidden = !isPresent;
  };
  box?.addEventListener("change", () => setPresent(box.checked));
  setPresent(!box || schema.default !== undefined);
  return {
    element: h("fieldset", { class: "group" },
      h("legend", null, box ? [box, h("label", { for: box.id }, name)] : name,
        span("type", typeName(field.schema, field.root, field.depth))),
      body),
    childOf,
    focus,
    setError(message) {
      error.textContent = message;
      error.hidden = !message;
    },
    read(errors) {
      this.setError("");
      return box && !box.checked ? undefined : read(errors);
    },
    write(value) {
      setPresent(!box || value !== undefined);
      write(value);
    },
  };
}

function objectEditor(field) {
  const { schema, root, depth } = field;
  const needed = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties ?? {});
  // What must be given stands first.
  names.sort((left, right) => needed.has(right) - needed.has(left));
  const editors = new Map(names.map((name) =>
    [name, createEditor({ schema: schema.properties[name], root, depth: depth + 1, label: name, isRequired: needed.has(name) })]));
  const content = h("div", { class: "fields" }, [...editors.values()].map((editor) => editor.element),
    editors.size === 0 ? h("p", { class: "hint" }, field.isTop ? "This tool takes no arguments." : "No members.") : null);
  const write = (value) => {
    for (const [name, editor] of editors) editor.write(value && Object.hasOwn(value, name) ? value[name] : undefined);
  };
  if (schema.default && typeof schema.default === "object") write(schema.default);
  return group(field, content, {
    read(errors) {
      const value = Object.create(null);
      for (const [name, editor] of editors) {
        const member = editor.read(errors);
        if (member !== undefined) value[name] = member;
      }
      return value;
    },
    write,
    childOf: (name) => editors.get(name),
    focus: () => editors.values().next().value?.focus(),
  });
}

// What an item, an entry's value and an alternative have in common: they are there, and their place says what they are.
const rowField = { isRequired: true, isHiddenLabel: true };

// Items and entries: rows that are added and removed.
function rowsEditor(field, addLabel, createRow, readRows, writeRows) {
  const rows = [];
  const list = h("div", { class: "rows" });
  const addButton = h("button", { type: "button", class: "small", click: () => add().focus() }, icon("plus"), addLabel);
  function add(...start) {
    const row = createRow(rows.length, ...start);
    const remove = h("button", {
      type: "button", class: "icon-button small", "aria-label": `Remove item ${rows.length + 1}`,
      click: () => {
        rows.splice(rows.indexOf(row), 1);
        line.remove();
        addButton.focus();
      },
    }, icon("cross"));
    const line = h("div", { class: "row-line" }, row.element, remove);
    row.line = line;
    rows.push(row);
    list.append(line);
    return row;
  }
  const write = (value) => {
    for (const row of rows.splice(0)) row.line.remove();
    writeRows(value, add);
  };
  if (field.schema.default !== undefined) write(field.schema.default);
  return group({ ...field, hasRows: true }, h("div", null, list, addButton), {
    read: (errors) => rows.length === 0 && !field.isRequired ? undefined : readRows(rows, errors),
    write,
    childOf: (step) => rows[Number(step)] ?? rows.find((row) => row.name?.() === step),
    focus: () => addButton.focus(),
  });
}

function arrayEditor(field) {
  const { schema, root, depth } = field;
  const createRow = (index, value) => {
    const editor = createEditor({ ...rowField, schema: schema.items ?? {}, root, depth: depth + 1, label: `Item ${index + 1}` });
    if (value !== undefined) editor.write(value);
    return editor;
  };
  return rowsEditor(field, "Add item", createRow, (rows, errors) => rows.map((row) => row.read(errors)),
    (value, add) => Array.isArray(value) && value.forEach((item) => add(item)));
}

function mapEditor(field) {
  const { schema, root, depth } = field;
  const items = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
  const createRow = (index, key = "", value = undefined) => {
    const name = h("input", { type: "text", "aria-label": "Name", placeholder: "name", spellcheck: "false", autocomplete: "off" });
    name.value = key;
    name.addEventListener("input", () => setAttribute(name, "aria-invalid", null));
    const editor = createEditor({ ...rowField, schema: items, root, depth: depth + 1, label: `Value ${index + 1}` });
    if (value !== undefined) editor.write(value);
    return { element: h("div", { class: "entry" }, name, editor.element), editor, control: name, name: () => name.value,
      focus: () => name.focus(), setError: editor.setError };
  };
  const readRows = (rows, errors) => {
    const value = Object.create(null);
    for (const row of rows) {
      const isTwice = Object.hasOwn(value, row.name());
      setAttribute(row.control, "aria-invalid", isTwice ? "true" : null);
      if (isTwice) errors.push({ label: `${row.name()} (twice)`, focus: row.focus });
      value[row.name()] = row.editor.read(errors);
    }
    return value;
  };
  return rowsEditor(field, "Add entry", createRow, readRows,
    (value, add) => value && typeof value === "object" && Object.entries(value).forEach(([key, item]) => add(key, item)));
}

function choiceEditor(field) {
  const { schema, root, depth } = field;
  const select = h("select", { "aria-label": "Kind" }, schema.choices.map((choice, index) =>
    h("option", { value: index }, resolve(choice, root).title ?? typeName(choice, root, depth + 1))));
  const place = h("div");
  let editor;
  const choose = (index) => {
    select.value = String(index);
    editor = createEditor({ ...rowField, schema: schema.choices[index], root, depth: depth + 1, label: "Value" });
    place.replaceChildren(editor.element);
  };
  select.addEventListener("change", () => choose(Number(select.value)));
  choose(0);
  const write = (value) => {
    const index = schema.choices.findIndex((choice) => mayBe(resolve(choice, root), value));
    choose(Math.max(0, index));
    if (value !== undefined) editor.write(value);
  };
  if (schema.default !== undefined) write(schema.default);
  return group(field, h("div", { class: "fields" }, select, place), {
    read: (errors) => editor.read(errors),
    write,
    childOf: (step) => editor.childOf?.(step),
    focus: () => select.focus(),
  });
}

function mayBe(schema, value) {
  switch (kindOf(schema, 0)) {
    case "string": return typeof value === "string";
    case "number": return typeof value === "number";
    case "integer": return Number.isInteger(value);
    case "boolean": return typeof value === "boolean";
    case "array": return Array.isArray(value);
    case "enum": return schema.enum.includes(value);
    case "object": return value !== null && typeof value === "object" && !Array.isArray(value)
      && (schema.required ?? []).every((name) => Object.hasOwn(value, name));
    case "map": return value !== null && typeof value === "object" && !Array.isArray(value);
    default: return true;
  }
}
