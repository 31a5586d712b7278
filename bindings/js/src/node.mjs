// hoglet in Node: gives the core a network (fetch), a clock, timers and randomness, and nothing else.
//
// What it is not yet: a host for browsers or Workers (no keepalive, waitUntil, localStorage), typed,
// compressed, or a package (wasm/build.sh makes the wasm it reads).
import { readFileSync } from "node:fs";
import { Core, shown } from "./core.mjs";

/** Every client is an instance of it. */
const MODULE = new WebAssembly.Module(readFileSync(new URL("../pkg/hoglet_wasm_bg.wasm", import.meta.url)));

/** Longest delay that setTimeout keeps, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/** What Node's error codes are to the core; anything else is a broken connection. */
const FAILURES = {
  EAI_AGAIN: "dns",
  ENOTFOUND: "dns",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  ENETUNREACH: "connect",
  UND_ERR_CONNECT_TIMEOUT: "connect",
  UND_ERR_HEADERS_OVERFLOW: "unreadable",
};

/** The least and the greatest value of each option that is a number. */
const LIMITS = {
  flushAt: [1, 2 ** 32 - 1],
  flushInterval: [0, MAX_DELAY],
  maxRetries: [0, 2 ** 32 - 1],
  retryInitial: [100, MAX_DELAY],
  requestTimeout: [1, MAX_DELAY],
  queueBytes: [1, 1 << 20],
  queueEvents: [1, 1_024],
};

const DEFAULT_HOST = "https://us.i.posthog.com";

export class Hoglet {
  #token;
  #options;
  #core;
  #url;
  #onReceipt;
  #stop = new AbortController();
  #timer;
  #wakesAt = Infinity;
  /** Calls of flush that wait. */
  #barriers = [];
  /** Until when a client that is shut down goes on. */
  #deadline;
  /** Events that have not ended. */
  #live = 0;
  #undelivered = 0;
  /** Receipts of the call under way. */
  #receipts = [];
  #hasComplained = false;

  /**
   * Times are milliseconds. The queue has `queueBytes` bytes and `queueEvents` events, which cannot be more than the
   * defaults. `onReceipt` is called once for every captured event, when it has ended, with
   * `{ uuid, outcome, attempts, status, details }`; the first time that it throws, or rejects, `console.error`
   * is told. Throws a `Refusal` if the token cannot be used, and a `RangeError` if an option
   * cannot, or a `TypeError` if that is `onReceipt`.
   */
  constructor(token, {
    host = DEFAULT_HOST,
    flushAt = 20,
    flushInterval = 10_000,
    maxRetries = 3,
    retryInitial = 1_000,
    requestTimeout = 10_000,
    queueBytes = 1 << 20,
    queueEvents = 1_024,
    onReceipt = () => {},
  } = {}) {
    this.#token = token;
    this.#url = urlOf(host);
    this.#options = { flushAt, flushInterval, maxRetries, retryInitial, requestTimeout, queueBytes, queueEvents };
    for (const [name, [least, most]] of Object.entries(LIMITS)) {
      const value = this.#options[name];
      if (!(typeof value === "number" && value >= least && value <= most)) {
        const range = `a number from ${least} to ${most}`;
        throw new RangeError(`hoglet: ${name} is ${shown(value)}, it must be ${range}`);
      }
      this.#options[name] = Math.trunc(value);
    }
    if (typeof onReceipt !== "function") {
      throw new TypeError(`hoglet: onReceipt is ${shown(onReceipt)}, it must be a function`);
    }
    this.#onReceipt = onReceipt;
    this.#start();
  }

  /**
   * Queues an event and returns its uuid; `uuid` and `timestamp` may be its own. Throws a `Refusal`, which says why, if
   * the event cannot be sent as it is.
   */
  capture({ distinctId, event, properties = {}, uuid, timestamp } = {}) {
    const captured = this.#call((core, now) => core.capture({ event, distinctId, properties, uuid, timestamp }, now));
    if (!captured) throw new Error("hoglet: event lost, the client has restarted");
    this.#live += 1;
    this.#turn();
    return captured;
  }

  /** Sends what was captured so far; resolves once all of it has ended. */
  flush() {
    const mark = this.#call((core, now) => core.flush(now)) ?? 0;
    return new Promise((done) => {
      this.#barriers.push({ mark, done });
      this.#turn();
    });
  }

  /**
   * Refuses further events, sends the others, and resolves, within `timeout`, to the number of events captured
   * since the start that were not delivered, whatever became of them. No timeout is longer than 24 days.
   */
  async shutdown(timeout = 30_000) {
    this.#deadline = performance.now() + Math.min(Math.max(timeout, 0) || 0, MAX_DELAY);
    this.#call((core) => core.close(this.#deadline));
    await this.flush();
    this.#stop.abort();
    return this.#undelivered;
  }

  #start() {
    const now = performance.now();
    this.#core = new Core(MODULE, this.#token, this.#options, now, (receipt) => this.#receipts.push(receipt));
    if (this.#deadline) this.#core.close(this.#deadline);
  }

  /**
   * Gives the core the time, and lets it work. A trap is a fault in the core, after which its instance is of no use:
   * another takes over, and what was queued is lost.
   */
  #call(work) {
    try {
      const now = performance.now();
      this.#core.clock(Date.now(), now);
      return work(this.#core, now);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      const lost = this.#live - this.#receipts.length;
      console.error(`hoglet: restarted, ${lost} events are lost:`, error);
      this.#live -= lost;
      this.#undelivered += lost;
      for (const { done } of this.#barriers.splice(0)) done();
      this.#start();
      return undefined;
    }
  }

  /** Does what the core wants done, and comes back when it wants to be asked again. */
  #turn() {
    let wakesAt;
    while (wakesAt === undefined) {
      const next = this.#call((core, now) => {
        const { request, wakesAt } = core.poll(now);
        // The events move with the next call.
        return { wakesAt, request: request && { ...request, body: Buffer.concat(request.body) } };
      });
      if (next?.request) this.#send(next.request);
      // A new instance has nothing to do, and should it trap as well, not at once.
      wakesAt = next ? next.wakesAt : Infinity;
    }
    if (wakesAt !== this.#wakesAt) this.#sleep(wakesAt);
    for (const receipt of this.#receipts.splice(0)) {
      this.#live -= 1;
      if (!["delivered", "warning"].includes(receipt.outcome)) this.#undelivered += 1;
      // Called from here, it could call back into a turn that is under way, or stop it by throwing.
      Promise.resolve(receipt).then(this.#onReceipt).catch((error) => this.#complain(error));
    }
    this.#barriers = this.#barriers.filter(({ mark, done }) => !this.#core.isFlushed(mark) || done());
  }

  /** An error of the caller's own, uncaught, would end the process. */
  #complain(error) {
    if (!this.#hasComplained) console.error("hoglet: onReceipt failed:", error);
    this.#hasComplained = true;
  }

  #sleep(wakesAt) {
    clearTimeout(this.#timer);
    this.#wakesAt = wakesAt;
    if (wakesAt === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#wakesAt = Infinity;
      this.#turn();
    }, Math.min(wakesAt - performance.now(), MAX_DELAY));
  }

  async #send({ id, path, headers, body }) {
    const core = this.#core;
    const signal = AbortSignal.any([AbortSignal.timeout(this.#options.requestTimeout), this.#stop.signal]);
    // A body that fetch fails to decode looks like one that broke off.
    const plain = { "accept-encoding": "identity", ...headers };
    let answer, isEncoded;
    try {
      const response = await fetch(this.#url + path, { method: "POST", headers: plain, body, redirect: "manual", signal });
      const header = (name) => response.headers.get(name);
      isEncoded = !["identity", ""].includes(header("content-encoding") ?? "");
      this.#answer(core, (now) => core.head(id, response.status, header("retry-after"), header("date"), now));
      for await (const piece of response.body ?? []) {
        if (!this.#answer(core, () => core.body(id, piece))) break;
      }
      answer = (now) => core.end(id, now);
    } catch (error) {
      const code = error.cause?.code;
      // A coding has codes of its own (Z_DATA_ERROR); these are of a connection, as is ECONNRESET.
      const isUnreadable = isEncoded && !/^(UND_ERR_.*|E[A-Z]+)$/.test(code);
      const failure = FAILURES[code] ?? (isUnreadable ? "unreadable" : "interrupted");
      const why = signal.aborted ? "timeout" : failure;
      answer = (now) => core.fail(id, why, now);
    }
    this.#answer(core, answer);
    this.#turn();
  }

  /** Gives `core` a part of an answer, unless it has trapped since the request. */
  #answer(core, work) {
    return this.#core === core && this.#call((_, now) => work(now));
  }
}

/** The URL that paths are appended to. */
function urlOf(host) {
  let url = {};
  try {
    url = new URL(`${host ?? ""}`.trim() || DEFAULT_HOST);
  } catch {
    // Refused below.
  }
  const { protocol, username, password, search, hash } = url;
  if (!/^https?:$/.test(protocol) || username || password || search || hash) {
    // A password is nothing for a log.
    const given = shown(typeof host === "string" ? host.replace(/.*@/s, "…@") : host);
    const rule = `http or https without a user, query or fragment, such as ${DEFAULT_HOST}`;
    throw new RangeError(`hoglet: host is ${given}, it must be ${rule}`);
  }
  // Not `href`, which keeps the mark of an empty query.
  return url.origin + url.pathname.replace(/\/+$/, "");
}
