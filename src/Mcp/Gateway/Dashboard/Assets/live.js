// What the gateway tells of itself while the page is open: its state, its statistics each second, its calls as they run.

import { ApiError, getJson, getState, pause, readEvents, send } from "./api.js";
import { instant, parseJson } from "./format.js";

const SecondsKept = 300;
const EndedKept = 50;
const SilenceMax = 10_000;
const BackoffMin = 500;
const BackoffMax = 15_000;
const HealthInterval = 3_000;

const Series = ["per_second", "p50_ms", "p99_ms", "in_flight", "queued", "memory_bytes", "memory_budget_bytes", "write_pressure"];

/** The page's picture of the gateway. Events: stats, calls, ended (a call did), connection, health. */
export class Live extends EventTarget {
  stats = null;
  health = null;
  reasons = [];
  /** connecting, open or lost. */
  connection = "connecting";
  lostBecause = "";
  retryAt = 0;
  running = new Map();
  ended = [];
  times = [];
  series = Object.fromEntries(Series.map((name) => [name, []]));

  #stop = null;
  #hurry = null;

  start() {
    this.stop();
    this.#stop = new AbortController();
    this.#listen(this.#stop.signal);
    this.#watchHealth(this.#stop.signal);
  }

  stop() {
    this.#stop?.abort();
    this.#stop = null;
  }

  /** Ends the wait before the next attempt. */
  retryNow() {
    this.#hurry?.abort();
  }

  async #listen(stop) {
    let failures = 0;
    while (!stop.aborted) {
      try {
        await this.#listenOnce(stop, () => failures = 0);
        throw new ApiError(0);
      } catch (error) {
        if (stop.aborted || error.status === 401) return;
        await this.#waitToRetry(error, failures++, stop);
      }
    }
  }

  async #listenOnce(stop, onOpen) {
    // A stream that says nothing is given up: each second brings statistics, so that a dead connection is noticed.
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SilenceMax);
    const either = AbortSignal.any([stop, silence.signal]);
    try {
      const response = await send("events", { headers: { Accept: "text/event-stream" }, signal: either });
      // The stream is open before the list is asked for: a call that starts between the two is in one of them, or in both.
      const active = getJson("calls/active", { signal: either });
      active.catch(() => {});
      const events = readEvents(response, either);
      this.#takeActive(await active);
      this.#setConnection("open");
      onOpen();
      for await (const event of events) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SilenceMax);
        if (event.event === "stats") this.#takeStats(parseJson(event.data));
        else if (event.event === "call") this.#takeCall(parseJson(event.data));
      }
    } catch (error) {
      if (silence.signal.aborted && !stop.aborted) throw new ApiError(0);
      throw error;
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  async #waitToRetry(error, failures, stop) {
    const backoff = Math.min(BackoffMax, BackoffMin * 2 ** failures) * (0.75 + Math.random() / 2);
    const wait = Math.max(backoff, (error.retryAfter ?? 0) * 1_000);
    this.lostBecause = error instanceof ApiError ? error.message : "The gateway's answer could not be read.";
    this.retryAt = Date.now() + wait;
    this.#addSample(null);
    this.#setConnection("lost");
    this.#hurry = new AbortController();
    await pause(wait, AbortSignal.any([stop, this.#hurry.signal]));
    if (!stop.aborted) this.#setConnection("connecting");
  }

  async #watchHealth(stop) {
    while (!stop.aborted) {
      try {
        const [health, ready] = await Promise.all([getState("health", stop), getState("health/ready", stop)]);
        this.health = health;
        this.reasons = Array.isArray(ready.reasons) ? ready.reasons.map(String) : [];
      } catch (error) {
        if (stop.aborted || error.status === 401) return;
        this.health = null;
        this.reasons = [];
      }
      this.#tell("health");
      await pause(HealthInterval, stop);
    }
  }

  #takeStats(stats) {
    this.stats = stats;
    this.#addSample(stats);
    this.#tell("stats");
  }

  #addSample(stats) {
    const workers = stats?.workers ?? [];
    const sample = {
      per_second: stats?.calls?.per_second,
      p50_ms: stats?.calls?.p50_ms,
      p99_ms: stats?.calls?.p99_ms,
      in_flight: stats ? workers.reduce((sum, worker) => sum + (worker.in_flight ?? 0), 0) : null,
      queued: stats?.pool?.queued,
      memory_bytes: stats?.store?.memory_bytes,
      memory_budget_bytes: stats?.store?.memory_budget_bytes,
      write_pressure: stats?.store?.write_pressure,
    };
    const now = Date.now() / 1_000;
    this.times.push(now);
    for (const name of Series) this.series[name].push(sample[name] ?? null);
    while (this.times.length > 0 && this.times[0] < now - SecondsKept) {
      this.times.shift();
      for (const name of Series) this.series[name].shift();
    }
  }

  #takeActive(answer) {
    this.running.clear();
    for (const call of answer.calls ?? []) this.#merge(call);
    this.#tell("calls");
  }

  #takeCall(told) {
    if (told.event === "ended") {
      const call = this.#merge(told);
      this.running.delete(call.id);
      call.endedAt = Date.now();
      this.ended = [call, ...this.ended.filter((other) => other.id !== call.id)].slice(0, EndedKept);
      this.#tell("ended");
    } else if (!this.ended.some((call) => call.id === told.id)) this.#merge(told);
    this.#tell("calls");
  }

  #merge(told) {
    const id = String(told.id);
    const call = this.running.get(id) ?? { id, startedAt: instant(told.started_at) ?? Date.now(), chunks: 0 };
    for (const name of ["tool", "via", "progress", "total", "message", "chunks", "status", "ms"]) {
      if (told[name] !== undefined && told[name] !== null) call[name] = told[name];
    }
    this.running.set(id, call);
    return call;
  }

  #setConnection(state) {
    this.connection = state;
    if (state === "open") this.lostBecause = "";
    this.#tell("connection");
  }

  #tell(name) {
    this.dispatchEvent(new Event(name));
  }
}

export const live = new Live();

/** Calls a function at most so often, and once more after the last time it was asked for. */
export function atMostEvery(time, run) {
  let timer = 0, last = -Infinity;
  return () => {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      last = performance.now();
      run();
    }, Math.max(0, last + time - performance.now()));
  };
}
