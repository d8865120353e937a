// One call of a tool over its stream: progress, chunks and the result as they come; a broken stream is taken up where it ended.

import { ApiError, pause, readEvents, send } from "./api.js";
import { parseJson } from "./format.js";

const ResumesMax = 6;

/** A call under way. Events: change. */
export class Run extends EventTarget {
  /** running, success, error, input_required, failed or cancelled. */
  state = "running";
  callId = null;
  progress = null;
  chunks = [];
  chunkCount = 0;
  result = undefined;
  error = null;
  /** What is not as it looks. */
  note = "";
  isResuming = false;
  isReplayed = false;
  startedAt = performance.now();
  endedAt = null;

  #stop = new AbortController();
  #lastId = null;
  #path;

  /** @param {string} body the envelope as JSON text: numbers in it are sent as they were written. */
  constructor(tool, body) {
    super();
    this.#path = `tools/${encodeURIComponent(tool)}/stream`;
    this.#work(body);
  }

  get milliseconds() {
    return (this.endedAt ?? performance.now()) - this.startedAt;
  }

  /** Cancels by the call's id where that is known, and hangs up. */
  async cancel() {
    if (this.state !== "running") return;
    const { callId } = this;
    this.#end("cancelled");
    this.#stop.abort();
    try {
      if (callId) await send(`calls/${encodeURIComponent(callId)}`, { method: "DELETE" });
    } catch (error) {
      if (error.status === 409) return;
      this.note = "The stream is closed. The gateway ends the call by itself a little later, unless it has an idempotency key.";
      this.#tell();
    }
  }

  async #work(body) {
    const signal = this.#stop.signal;
    let resumes = 0;
    for (;;) {
      try {
        const headers = { Accept: "text/event-stream" };
        if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
        const response = await send(this.#path, this.#lastId ? { headers, signal } : { method: "POST", body, headers, signal });
        this.isResuming = false;
        if (await this.#read(response, signal)) return;
        throw new ApiError(0);
      } catch (error) {
        if (this.state !== "running") return;
        const maySucceed = error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status === 503);
        if (!this.#lastId || !maySucceed || resumes++ >= ResumesMax) {
          this.error = error instanceof ApiError ? error : new ApiError(-1, { detail: "The stream could not be read." });
          this.#end("failed");
          return;
        }
        this.isResuming = true;
        this.#tell();
        await pause(Math.max(500 * 2 ** resumes, (error.retryAfter ?? 0) * 1_000), signal);
      }
    }
  }

  /** True where the call's end came. */
  async #read(response, signal) {
    for await (const event of readEvents(response, signal)) {
      if (this.state !== "running") return true;
      if (event.id) {
        this.#lastId = event.id;
        this.callId ??= event.id.slice(0, event.id.lastIndexOf("-")) || null;
      }
      if (event.event === "heartbeat") continue;
      const data = parseJson(event.data);
      switch (event.event) {
        case "progress":
          this.progress = data;
          break;
        case "chunk":
          this.chunkCount++;
          this.chunks.push(data);
          break;
        case "result":
          this.result = data;
          this.isReplayed = data.replayed === true;
          break;
        case "error":
          this.error = new ApiError(-1, { detail: data.message, ...data });
          this.#end(data.code === "cancelled" ? "cancelled" : "failed");
          return true;
        case "done":
          this.#end(this.result?.status ?? "success");
          return true;
      }
      this.#tell();
    }
    return false;
  }

  #end(state) {
    this.state = state;
    this.endedAt = performance.now();
    this.isResuming = false;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
