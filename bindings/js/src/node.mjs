// hoglet in Node: gives the core in wasm a network (fetch), a clock and randomness, and nothing else.
//
// What it is not yet: a host for browsers or Workers (no keepalive, waitUntil, localStorage), typed,
// compressed, a package (wasm/build.sh makes the wasm it reads), or able to take anything about an event
// but its properties.
import { readFileSync } from "node:fs";
import { Client, initSync } from "../pkg/hoglet_wasm.js";

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
};

export class Hoglet {
  #client;
  #url;
  #requestTimeout;
  #onReceipt;
  #stop = new AbortController();
  #timer;
  #wakesAt = Infinity;
  /** Calls of flush that wait. */
  #barriers = [];
  #undelivered = 0;
  #hasComplained = false;

  // What the client said in the call under way.
  #answer;
  #receipts = [];
  #request;
  #ears = {
    captured: (uuid) => { this.#answer = { uuid }; },
    refused: (why) => { this.#answer = { why }; },
    receipt: (uuid, outcome, attempts, status, details) => {
      this.#receipts.push({ uuid, outcome, attempts, status, details });
    },
    request: (id, path) => { this.#request = { id, path, headers: {}, body: [] }; },
    header: (name, first, second) => { this.#request.headers[name] = first + second; },
    body: (piece) => { this.#request.body.push(piece.slice()); },
  };

  /**
   * Times are milliseconds. `onReceipt` is called once for every captured event, when it has ended, with
   * `{ uuid, outcome, attempts, status, details }`; the first time that it throws, or rejects, `console.error`
   * is told. Throws if the token or an option cannot be used.
   */
  constructor(token, {
    host = "https://us.i.posthog.com",
    flushAt = 20,
    flushInterval = 10_000,
    maxRetries = 3,
    retryInitial = 1_000,
    requestTimeout = 10_000,
    queueBytes = 1 << 20,
    queueEvents = 1_000,
    onReceipt = () => {},
  } = {}) {
    initSync({ module: readFileSync(new URL("../pkg/hoglet_wasm_bg.wasm", import.meta.url)) });
    this.#url = host.replace(/\/+$/, "");
    this.#requestTimeout = requestTimeout;
    this.#onReceipt = onReceipt;
    const seed = crypto.getRandomValues(new BigUint64Array(2));
    this.#client = Client.create(this.#ears, `${token}`, ...seed, queueBytes, queueEvents, flushAt,
      flushInterval, maxRetries, retryInitial, requestTimeout, performance.now());
    if (!this.#client) throw new Error(`hoglet: cannot start: ${this.#answer.why}`);
  }

  /** Queues an event and returns its uuid. Throws, with the reason, if it cannot be sent as it is. */
  capture({ distinctId, event, properties = {} }) {
    const json = JSON.stringify(properties);
    this.#client.capture(this.#ears, `${event}`, `${distinctId}`, json, this.#now());
    const { uuid, why } = this.#answer;
    if (why) throw new Error(`hoglet: event refused: ${why}`);
    this.#turn();
    return uuid;
  }

  /** Sends what was captured so far; resolves once all of it has ended. */
  flush() {
    const mark = this.#client.flush(this.#now());
    return new Promise((done) => {
      this.#barriers.push({ mark, done });
      this.#turn();
    });
  }

  /**
   * Refuses further events, sends the others, and resolves, within `timeout`, to the number of events captured
   * since the start that were not delivered, whatever became of them.
   */
  async shutdown(timeout = 30_000) {
    this.#client.close(this.#now() + timeout);
    await this.flush();
    this.#stop.abort();
    return this.#undelivered;
  }

  #now() {
    const now = performance.now();
    this.#client.setWallClock(Date.now(), now);
    return now;
  }

  /** Does what the client wants done, and comes back when it wants to be asked again. */
  #turn() {
    const now = this.#now();
    const wakesAt = this.#client.poll(this.#ears, now);
    if (wakesAt !== this.#wakesAt) this.#sleep(wakesAt, now);
    const request = this.#request;
    this.#request = undefined;
    if (request) this.#send(request);
    for (const receipt of this.#receipts.splice(0)) {
      if (!["delivered", "warning"].includes(receipt.outcome)) this.#undelivered += 1;
      // Called from here, it could call back into a turn that is under way, or stop it by throwing.
      Promise.resolve(receipt).then(this.#onReceipt).catch((error) => this.#complain(error));
    }
    this.#barriers = this.#barriers.filter(({ mark, done }) => !this.#client.isFlushed(mark) || done());
  }

  /** An error of the caller's own, uncaught, would end the process. */
  #complain(error) {
    if (!this.#hasComplained) console.error("hoglet: onReceipt failed:", error);
    this.#hasComplained = true;
  }

  #sleep(wakesAt, now) {
    clearTimeout(this.#timer);
    this.#wakesAt = wakesAt;
    if (wakesAt === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#wakesAt = Infinity;
      this.#turn();
    }, Math.min(wakesAt - now, MAX_DELAY));
  }

  async #send({ id, path, headers, body }) {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#requestTimeout), this.#stop.signal]);
    try {
      const response = await fetch(this.#url + path, {
        method: "POST",
        headers,
        body: Buffer.concat(body),
        redirect: "manual",
        signal,
      });
      const header = (name) => response.headers.get(name) ?? "";
      const text = await response.text();
      this.#client.respond(this.#ears, id, response.status, header("retry-after"), header("date"), text, this.#now());
    } catch (error) {
      const why = signal.aborted ? "timeout" : FAILURES[error.cause?.code] ?? "interrupted";
      this.#client.fail(this.#ears, id, why, this.#now());
    }
    this.#turn();
  }
}
