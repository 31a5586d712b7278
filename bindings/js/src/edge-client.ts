// A client for hosts that answer requests and may stop when one is answered. What is captured in one go is a burst: it has
// a core of its own, is sent once that go is over, and nothing of it is shared with another request. The host is asked to
// wait for it.
import { PostHogClient } from "./client.js";
import type { Core } from "./core.js";
import type { Lane } from "./lane.js";
import type { EventMessage } from "./messages.js";
import type { PostHogOptions, Properties } from "./options.js";
import type { Platform } from "./platform.js";

/** Cores that are kept for later bursts. */
const MAX_SPARE = 8;
/** A host waits 30 s after the answer; what is left is handed over before. */
const MAX_WAIT_MS = 25_000;
/** An event that could not be delivered in time, in wire form: what a queue keeps and `redeliver` takes. */
export interface WireEvent {
  event: string;
  uuid: string;
  distinct_id: string;
  timestamp: string;
  properties: Properties;
  options?: Record<string, unknown>;
  session_id?: string;
  window_id?: string;
}

export interface EdgeOptions extends PostHogOptions {
  /** Makes the host wait for a promise after the answer: `ctx.waitUntil`, bound, where there is no other way to it. */
  waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  /** Milliseconds that a burst may take; 25,000 by default, of the 30 s that Workers wait. */
  waitUntilMaxWaitMs?: number | undefined;
  /**
   * Takes the events that could not be delivered in that time, whatever `fetchRetryCount` says, to a queue for example;
   * else `onError` is told.
   */
  leftover?: ((events: WireEvent[]) => Promise<void> | void) | undefined;
}

/** What V1 calls an event's options, and the properties that ask for them. */
const SENTINELS: Record<string, string> = {
  cookieless_mode: "$cookieless_mode",
  disable_skew_correction: "$ignore_sent_at",
  process_person_profile: "$process_person_profile",
  product_tour_id: "$product_tour_id",
};

export class EdgeClient extends PostHogClient {
  readonly #platform: Platform;
  readonly #spare = new Map<boolean, Core[]>();
  readonly #options: EdgeOptions;
  readonly #waitUntil: (promise: Promise<unknown>) => void;
  /** Bursts that take events. */
  readonly #open = new Map<Lane, Promise<void>>();

  protected constructor(platform: Platform, waitUntil: (promise: Promise<unknown>) => void, apiKey: string, options: EdgeOptions) {
    // Where somebody takes what is left, only time ends the retries.
    super(platform, undefined, apiKey, options.leftover ? { ...options, fetchRetryCount: 2 ** 32 - 1 } : options);
    this.#platform = platform;
    this.#options = options;
    this.#waitUntil = options.waitUntil ?? waitUntil;
  }

  /** Sends what this request has captured in this go; resolves once it has ended. All else is on its way already. */
  override async flush(): Promise<void> {
    await Promise.all(this.#open.values());
  }

  /** The same: a client that requests share is never shut down for one of them. */
  override async shutdown(): Promise<number> {
    await this.flush();
    const { captured, delivered } = this.stats();
    return captured - delivered - this.pending;
  }

  /** Delivers events that `leftover` was given; resolves to those that could not be delivered this time either. */
  async redeliver(events: readonly WireEvent[]): Promise<WireEvent[]> {
    const outcomes = await Promise.allSettled(events.map((event) => this.captureImmediate(messageOf(event))));
    return events.filter((_, index) => {
      const outcome = outcomes[index];
      // What is refused, or was by the server, will be so again.
      return outcome?.status === "fulfilled" && ["exhausted", "abandoned", "evicted"].includes(outcome.value?.outcome ?? "");
    });
  }

  /** @internal */
  protected override begin(isAi: boolean, make: (core?: Core) => Lane): Lane {
    const lane = make(this.#spare.get(isAi)?.pop());
    // All of this go, and of the promises that are settled in it, belongs to the same request.
    const delivered = Promise.resolve().then(() => this.#deliver(lane, isAi));
    this.#open.set(lane, delivered);
    this.#waitUntil(delivered);
    return lane;
  }

  async #deliver(lane: Lane, isAi: boolean): Promise<void> {
    // One more turn for what an `await` of something settled goes on to capture.
    await Promise.resolve();
    this.#open.delete(lane);
    this.detach(lane);
    let cancel = (): void => {};
    const isLate = new Promise<void>((done) => { cancel = this.#platform.later(this.#options.waitUntilMaxWaitMs ?? MAX_WAIT_MS, done); });
    await Promise.race([lane.flush(), isLate]);
    cancel();
    if (lane.live > 0) await this.#handOver(lane);
    this.retire(lane);
    const core = lane.release();
    const spare = this.#spare.get(isAi) ?? [];
    if (core && spare.length < MAX_SPARE) this.#spare.set(isAi, [...spare, core]);
  }

  async #handOver(lane: Lane): Promise<void> {
    // A burst is one request, unless it fills the queue. Who waits for an event is told himself.
    const events = lane.unended() as WireEvent[];
    const lost = lane.live - lane.waiting - events.length;
    await lane.close(0);
    const { leftover } = this.#options;
    let why = "no `leftover` takes them";
    try {
      if (leftover && events.length > 0) await leftover(events);
      if (leftover && lost === 0) return;
    } catch (error) {
      why = `\`leftover\` failed: ${String(error)}`;
    }
    const count = leftover && lost > 0 ? lost : events.length;
    if (count > 0) this.warn(new Error(`hoglet: ${count} events were not delivered in time, ${why}`));
  }
}

function messageOf({ event, uuid, distinct_id, timestamp, properties, options, session_id, window_id }: WireEvent): EventMessage {
  const asked = Object.entries(options ?? {}).map(([name, value]) => [SENTINELS[name] ?? name, value]);
  return {
    event,
    uuid,
    distinctId: distinct_id,
    timestamp,
    disableGeoip: false,
    properties: {
      ...properties,
      ...Object.fromEntries(asked),
      ...(session_id === undefined ? {} : { $session_id: session_id }),
      ...(window_id === undefined ? {} : { $window_id: window_id }),
    },
  };
}
