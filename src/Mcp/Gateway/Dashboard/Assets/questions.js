// What a tool asks for before it goes on: forms where it asks the user for values, JSON for everything else.

import { h, newId } from "./dom.js";
import { parseJson } from "./format.js";
import { jsonView } from "./json-view.js";
import { createForm } from "./schema-form.js";

/** Shows the requests of an input_required result; `onAnswer` gets {inputResponses, requestState}. */
export function createQuestions(data, onAnswer) {
  const questions = Object.entries(data?.inputRequests ?? {}).map(([name, request]) => ({ name, ...createQuestion(name, request) }));
  const submit = (isAccepted) => {
    const inputResponses = Object.create(null);
    for (const question of questions) {
      const response = isAccepted ? question.read() : question.refusal;
      if (response === undefined) return;
      inputResponses[question.name] = response;
    }
    onAnswer(data.requestState === undefined ? { inputResponses } : { inputResponses, requestState: data.requestState });
  };
  return h("div", { class: "questions" }, questions.map((question) => question.element),
    h("div", { class: "actions" },
      h("button", { type: "button", class: "primary", click: () => submit(true) }, "Answer"),
      h("button", { type: "button", click: () => submit(false) }, "Decline")));
}

function createQuestion(name, request) {
  const { method, params = {} } = request ?? {};
  if (method === "elicitation/create" && params.requestedSchema) {
    const form = createForm(params.requestedSchema);
    return {
      element: h("fieldset", { class: "group" }, h("legend", { class: "data" }, params.message ?? name), form.element),
      refusal: { action: "decline" },
      read() {
        const { value, errors } = form.read();
        errors[0]?.focus();
        return errors.length > 0 ? undefined : { action: "accept", content: value };
      },
    };
  }
  const id = newId("answer");
  const text = h("textarea", { id, rows: 4, class: "code", spellcheck: "false" });
  return {
    element: h("fieldset", { class: "group" },
      h("legend", { class: "data" }, `${name}: ${method ?? "a question"}`), jsonView(params, "The question"),
      h("label", { for: id }, "Answer as JSON"), text),
    refusal: { action: "decline" },
    read() {
      try {
        return parseJson(text.value);
      } catch {
        text.setAttribute("aria-invalid", "true");
        text.focus();
        return undefined;
      }
    },
  };
}
