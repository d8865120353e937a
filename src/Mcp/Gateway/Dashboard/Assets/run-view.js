// What a run shows of itself: how far it is, its chunks, its result, and the questions that it asks.

import { h, setAttribute, setShare, setText } from "./dom.js";
import { count, milliseconds } from "./format.js";
import { jsonView } from "./json-view.js";
import { pill, setPill } from "./parts.js";
import { createQuestions } from "./questions.js";

const ChunksShownMax = 200;
const Words = {
  success: "Success", error: "The tool tells of an error", input_required: "It asks for more", failed: "Failed", cancelled: "Cancelled",
};

/** The view of a run; `onAnswer` gets what it asked for, as members of the next call's envelope. */
export function createRunView(run, onAnswer) {
  const state = pill("running");
  const said = h("span", { role: "status", class: "only-read" });
  const replayed = h("span", { class: "tag", hidden: true }, "from the journal");
  const time = h("span", { class: "muted number" });
  const fill = h("span", { class: "bar-fill" });
  const bar = h("span", { class: "bar thick", role: "progressbar", "aria-label": "Progress" }, fill);
  const figure = h("span", { class: "muted number" });
  const message = h("p", { class: "run-message data" }, "\u00a0");
  const chunkTitle = h("h3");
  const chunkList = h("ol", { class: "chunks", tabindex: "0", role: "region", "aria-label": "Chunks" });
  const chunkPart = h("div", { hidden: true }, chunkTitle, chunkList);
  const end = h("div", { class: "run-end" });
  const note = h("p", { class: "hint" });
  let isEnded = false;

  const update = () => {
    const { progress } = run;
    setPill(state, run.isResuming ? "reconnecting" : run.state, run.isResuming ? "warn" : undefined);
    setText(time, milliseconds(run.milliseconds));
    const isKnown = progress?.total > 0;
    const isRunning = run.state === "running";
    setAttribute(bar, "data-unknown", isRunning && !isKnown ? "" : null);
    setAttribute(bar, "aria-valuenow", isKnown ? Math.round(progress.progress / progress.total * 100) : isRunning ? null : "100");
    setShare(fill, isKnown ? progress.progress / progress.total : 1);
    setAttribute(fill, "data-tone", isRunning ? null : run.state === "success" ? "good" : run.state === "cancelled" ? "muted" : "bad");
    setText(figure, isKnown ? `${count(progress.progress)}/${count(progress.total)}` : progress ? count(progress.progress) : "");
    setText(message, progress?.message || "\u00a0");
    setText(note, run.note);
    showChunks();
    if (isRunning || isEnded) return;
    isEnded = true;
    clearInterval(timer);
    replayed.hidden = !run.isReplayed;
    setText(said, `${Words[run.state] ?? run.state}${run.isReplayed ? ", answered from the journal" : ""}`);
    showEnd();
  };

  function showChunks() {
    if (run.chunks.length === 0) return;
    chunkPart.hidden = false;
    setText(chunkTitle, `Chunks (${count(run.chunkCount)})`);
    const isAtEnd = chunkList.scrollHeight - chunkList.scrollTop - chunkList.clientHeight < 30;
    // What is not shown is not kept: a tool may send more than a page can hold.
    for (const chunk of run.chunks.splice(0)) {
      const number = Number.isInteger(chunk.index) ? chunk.index + 1 : null;
      const text = typeof chunk.data === "string" ? chunk.data : JSON.stringify(chunk.data);
      chunkList.append(h("li", { value: number, class: "data" }, text));
    }
    while (chunkList.childElementCount > ChunksShownMax) chunkList.firstElementChild.remove();
    if (isAtEnd) chunkList.scrollTop = chunkList.scrollHeight;
  }

  function showEnd() {
    if (run.error) {
      end.append(h("p", { class: "problem data" }, run.error.message));
      if (run.error.problem.code) end.append(h("p", { class: "hint" }, "Code ", h("code", null, run.error.problem.code)));
    }
    if (run.result === undefined) return;
    const data = run.result.data;
    if (run.result.status === "input_required") end.append(createQuestions(data, onAnswer));
    else end.append(h("h3", null, "Result"), jsonView(data === undefined ? run.result : data, "Result"));
    const isOver = run.state !== "input_required";
    if (run.callId && isOver) end.append(h("p", { class: "hint" }, "Call ", h("code", { class: "data" }, run.callId)));
  }

  run.addEventListener("change", update);
  const timer = setInterval(update, 500);
  setText(said, "Running");
  update();
  return h("div", { class: "run" }, h("div", { class: "run-line" }, state, replayed, said, h("span", { class: "call-end" }, time)),
    h("div", { class: "call-line" }, bar, figure), message, chunkPart, note, end);
}
