// The gateway's HTTP API. The page is at the gateway's root, wherever a proxy has put that, and this file one folder below.

const Root = new URL("..", import.meta.url);
const KeyName = "varve-api-key";

/** Anything but success: what the gateway answered, or (status 0) that it did not. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(describe(status, problem, retryAfter));
    this.status = status;
    this.problem = problem ?? {};
    this.retryAfter = retryAfter;
  }
}

function describe(status, problem, retryAfter) {
  const wait = retryAfter ? ` Try again in ${retryAfter} s.` : "";
  const said = problem?.detail || problem?.title;
  if (status === 0) return "The gateway does not answer.";
  if (status === 401) return "The gateway does not take this key.";
  if (status === 429) return `Too many requests with this key.${wait}`;
  const reference = problem?.reference ? ` (reference ${problem.reference})` : "";
  return `${said || `The gateway answered ${status}.`}${reference}${status === 503 ? wait : ""}`;
}

export const key = {
  get: () => sessionStorage.getItem(KeyName),
  set: (value) => sessionStorage.setItem(KeyName, value),
  forget: () => sessionStorage.removeItem(KeyName),
};

/** Told when the gateway refuses the key in use. */
export const unauthorized = new EventTarget();

/** Sends a request with the key; returns the answer, or throws an ApiError. An abort is thrown as the browser throws it. */
export async function send(path, { method = "GET", body = null, headers = {}, signal = null, withKey = key.get() } = {}) {
  const all = { Accept: "application/json", ...headers };
  if (withKey) all["X-API-Key"] = withKey;
  if (body !== null) all["Content-Type"] = "application/json";
  let response;
  try {
    const fixed = { cache: "no-store", credentials: "omit", redirect: "error" };
    response = await fetch(new URL(path, Root), { method, body, headers: all, signal, ...fixed });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0);
  }
  if (response.ok) return response;
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const problem = await response.json().catch(() => null);
  if (response.status === 401 && withKey && withKey === key.get()) unauthorized.dispatchEvent(new Event("refused"));
  throw new ApiError(response.status, problem, Number.isFinite(retryAfter) ? retryAfter : null);
}

export async function getJson(path, options) {
  const response = await send(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new ApiError(0);
  }
}

/** An answer that is not a success but tells of itself, as /health does with 503. */
export async function getState(path, signal) {
  try {
    return await getJson(path, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 503 && typeof error.problem.status === "string") return error.problem;
    throw error;
  }
}

/** The events of a text/event-stream, as {event, data, id}; ends where the stream does, and throws an ApiError where it breaks. */
export async function* readEvents(response, signal) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", id = "", event = "", data = [];
  try {
    for (;;) {
      let piece;
      try {
        piece = await reader.read();
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0);
      }
      if (piece.done) return;
      const lines = (rest + piece.value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n"), id };
          event = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") event = value;
        else if (field === "data") data.push(value);
        else if (field === "id") id = value;
        else if (line.startsWith(":")) yield { event: "heartbeat", data: "", id };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Waits; ends early, without error, when the signal says so. */
export function pause(time, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
