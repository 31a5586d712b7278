// One lane: a core, and the loop that sends for it. A trap ends the core, and another one goes on.
import { OUTCOMES } from "./codes.js";
import { Core, Refusal, type CoreEvent, type CoreOptions, type OnEnded, type Receipt } from "./core.js";
import { exchange, outgoing, type Outgoing } from "./exchange.js";
import { LONGEST_MS, type Coding, type Platform } from "./platform.js";

export interface LaneOptions {
  readonly token: string;
  readonly host: string;
  readonly coding: Coding | undefined;
  readonly headers: Record<string, string>;
  readonly core: CoreOptions;
}

export interface LaneListener {
  /** Whether anybody wants receipts; without, events are counted alone. */
  readonly listens: () => boolean;
  readonly receipt: (receipt: Receipt) => void;
  /** Something went wrong that no receipt tells. */
  readonly error: (error: unknown) => void;
}

/** How many events there were, and how they ended. */
export interface Counts {
  captured: number;
  delivered: number;
  /** Ended otherwise. */
  undelivered: number;
  /** Gone with an instance of the wasm that trapped. */
  lost: number;
  /** Requests that were sent, and those of them that were sent again. */
  requests: number;
  retries: number;
}

export class Lane {
  readonly #platform: Platform;
  readonly #options: LaneOptions;
  readonly #listener: LaneListener;
  readonly counts: Counts = { captured: 0, delivered: 0, undelivered: 0, lost: 0, requests: 0, retries: 0 };
  #core: Core | undefined;
  readonly #stop: AbortController | undefined;
  /** The last request, and what has ended, where somebody may want the rest. */
  #last: Uint8Array | undefined;
  readonly #ended = new Set<string>();
  #cancel: (() => void) | undefined;
  #wakesAt = Infinity;
  /** Calls of `flush` that wait. */
  #barriers: { mark: number; done: () => void }[] = [];
  #waiting = new Map<string, (receipt: Receipt) => void>();
  /** Receipts of the call under way. */
  #receipts: Receipt[] = [];
  #deadline: number | undefined;

  /** `core` is one that another lane with the same options has given back. */
  constructor(platform: Platform, options: LaneOptions, listener: LaneListener, core?: Core) {
    this.#platform = platform;
    this.#options = options;
    this.#listener = listener;
    this.#stop = platform.isShared ? undefined : new AbortController();
    this.#core = core;
    if (core) core.onEnded = this.#onEnded;
  }

  /** Gives the core back, which has nothing to do; the lane is over. */
  release(): Core | undefined {
    const core = this.live === 0 && this.#deadline === undefined ? this.#core : undefined;
    this.#cancel?.();
    this.#core = undefined;
    this.#deadline = 0;
    return core;
  }

  /** The events of the last request that have not ended and nobody waits for, in wire form: all that are left, where one takes them all. */
  unended(): { uuid: string }[] {
    if (!this.#last) return [];
    const { batch } = JSON.parse(new TextDecoder().decode(this.#last)) as { batch: { uuid: string }[] };
    return batch.filter(({ uuid }) => !this.#ended.has(uuid) && !this.#waiting.has(uuid));
  }

  /** Events that somebody waits for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  readonly #onEnded: OnEnded = (outcome, receipt) => {
    const isDelivered = outcome === OUTCOMES.indexOf("delivered") || outcome === OUTCOMES.indexOf("warning");
    this.counts[isDelivered ? "delivered" : "undelivered"] += 1;
    if (this.#waiting.size > 0 || this.#listener.listens() || this.#platform.isShared) this.#receipts.push(receipt());
  };

  /** The uuid of the event that was captured last, until the next call of any kind. */
  get lastUuid(): string {
    return this.#core?.lastUuid ?? "";
  }

  /** Events that have not ended. */
  get live(): number {
    const { captured, delivered, undelivered, lost } = this.counts;
    return captured - delivered - undelivered - lost;
  }

  /** Queues an event; throws a `Refusal`. */
  capture(event: CoreEvent): void {
    this.#take(event);
    this.#turn();
  }

  /** Queues an event and makes it due; resolves once it has ended. Throws a `Refusal`. */
  captureImmediate(event: CoreEvent): Promise<Receipt> {
    return new Promise((done, fail) => {
      try {
        this.#take(event);
        const uuid = this.#core?.lastUuid ?? "";
        this.#waiting.set(uuid, done);
        // A burst is flushed when it is over.
        if (!this.#platform.isShared) this.#call((core, now) => core.flush(now));
        this.#turn();
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** Sends what was captured so far; resolves once all of it has ended. */
  flush(): Promise<void> {
    if (this.live === 0) return Promise.resolve();
    const mark = this.#call((core, now) => core.flush(now)) ?? 0;
    return new Promise((done) => {
      this.#barriers.push({ mark, done });
      this.#turn();
    });
  }

  /** Refuses further events, sends the others, and resolves once all have ended, within `ms`. */
  async close(ms: number): Promise<void> {
    this.#deadline = this.#platform.now() + Math.min(Math.max(ms, 0) || 0, LONGEST_MS);
    if (this.#core) {
      this.#call((core) => core.close(this.#deadline ?? 0));
      await this.flush();
    }
    this.#stop?.abort();
    this.#cancel?.();
  }

  #take(event: CoreEvent): void {
    if (this.#deadline !== undefined && !this.#core) throw new Refusal("event refused", 16, "closed");
    const isTaken = this.#call((core, now) => {
      core.capture(event, now);
      return true;
    });
    if (!isTaken) throw new Error("hoglet: event lost, the client has restarted");
    this.counts.captured += 1;
  }

  /** The core, which is made when it is needed first. */
  #started(now: number): Core {
    if (this.#core) return this.#core;
    const { token, core } = this.#options;
    const made = new Core(this.#platform.module(), token, core, now, this.#onEnded);
    if (this.#deadline !== undefined) made.close(this.#deadline);
    this.#core = made;
    return made;
  }

  /**
   * Gives the core the time, and lets it work. A trap is a fault in the core, after which its instance is of no use:
   * another takes over, and what was queued is lost and counted.
   */
  #call<T>(work: (core: Core, now: number) => T): T | undefined {
    const now = this.#platform.now();
    try {
      const core = this.#started(now);
      core.clock(Date.now(), now);
      return work(core, now);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      const lost = this.live;
      this.counts.lost += lost;
      this.#core = undefined;
      for (const { done } of this.#barriers.splice(0)) done();
      for (const [uuid, done] of this.#waiting) {
        done({ uuid, outcome: "abandoned", attempts: 0, status: 0, details: "the client has restarted" });
      }
      this.#waiting.clear();
      this.#listener.error(new Error(`hoglet: restarted, ${lost} events are lost`, { cause: error }));
      return undefined;
    }
  }

  /** Does what the core wants done, and comes back when it wants to be asked again. */
  #turn(): void {
    for (;;) {
      const next = this.#call((core, now): Outgoing | number => {
        const next = core.poll(now);
        // The events move with the next call.
        return typeof next === "number" ? next : outgoing(next);
      });
      if (typeof next === "object") {
        if (this.#platform.isShared) this.#last = next.body;
        this.counts.requests += 1;
        this.counts.retries += Number(next.attempt > 1);
        void this.#send(next);
        continue;
      }
      // A new instance has nothing to do, and should it trap as well, not at once.
      this.#sleep(next ?? Infinity);
      break;
    }
    this.#tell();
  }

  #tell(): void {
    for (const receipt of this.#receipts.splice(0)) {
      if (this.#platform.isShared) this.#ended.add(receipt.uuid);
      const done = this.#waiting.get(receipt.uuid);
      this.#waiting.delete(receipt.uuid);
      done?.(receipt);
      // Called from here, it could call back into a turn that is under way, or stop it by throwing.
      queueMicrotask(() => this.#listener.receipt(receipt));
    }
    if (this.#barriers.length === 0) return;
    const core = this.#core;
    this.#barriers = this.#barriers.filter(({ mark, done }) => {
      const isOver = !core || core.isFlushed(mark);
      if (isOver) done();
      return !isOver;
    });
  }

  #sleep(wakesAt: number): void {
    if (wakesAt === this.#wakesAt) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakesAt = wakesAt;
    if (wakesAt === Infinity) return;
    const ms = Math.min(Math.max(wakesAt - this.#platform.now(), 0), LONGEST_MS);
    this.#cancel = this.#platform.later(ms, () => {
      this.#wakesAt = Infinity;
      this.#turn();
    });
  }

  async #send(request: Outgoing): Promise<void> {
    const { id } = request;
    const sender = this.#core;
    // What comes for an instance that has trapped is for nobody.
    const call = <T>(work: (core: Core, now: number) => T): T | undefined => (this.#core === sender ? this.#call(work) : undefined);
    const { host, coding, headers, core: { requestTimeout } } = this.#options;
    await exchange(this.#platform, request, { host, coding, headers, timeoutMs: requestTimeout, signal: this.#stop?.signal }, {
      head: ({ status, header }) => call((core, now) => core.head(id, status, header("retry-after"), header("date"), now)),
      body: (piece) => call((core) => core.body(id, piece)) ?? false,
      end: () => call((core, now) => core.end(id, now)),
      fail: ({ why }) => call((core, now) => core.fail(id, why, now)),
    });
    this.#turn();
  }
}
