// The client, the same on every host: what a caller says becomes events of a lane. Names, defaults and events are those of
// posthog-node, so that a program which was written for it works after changing the import.
import { Refusal, SDK_INFO, type Core, type CoreEvent, type Receipt } from "./core.js";
import { FeatureFlagEvaluations, NO_FLAGS, Tracker, ask, calledProperties, questionOf, type EvaluateFlagsOptions, type FlagReader, type FlagValue, type Json } from "./flags.js";
import { Lane, type Counts } from "./lane.js";
import { aliasing, exceptionMessage, grouping, identifying, type EventMessage, type GroupIdentifyMessage } from "./messages.js";
import { settingsOf, type CaptureEvent, type PostHogOptions, type Properties, type Settings } from "./options.js";
import type { Platform } from "./platform.js";

export interface ContextData {
  distinctId?: string | undefined;
  sessionId?: string | undefined;
  properties?: Properties | undefined;
}

/** What a host has to carry a context through asynchronous calls. */
export interface Contexts {
  get(): ContextData | undefined;
  run<T>(context: ContextData, call: () => T): T;
  enter(context: ContextData): void;
}

/** What a client tells: how an event ended, what went wrong, what was captured. */
export interface Events {
  receipt: Receipt;
  error: Error;
  capture: CaptureEvent;
}

/** Sums over all events since the start. */
export interface Stats extends Readonly<Counts> {
  /** Refused at once, and told to `error`. */
  readonly refused: number;
}

/** Properties of every event, and as the beginning of a JSON object. */
interface Base {
  readonly properties: Properties;
  readonly names: readonly string[];
  readonly prefix: string;
}

function baseOf(properties: Properties): Base {
  return { properties, names: Object.keys(properties), prefix: JSON.stringify(properties).slice(1, -1) };
}

const NO_BASE = baseOf({});

export class PostHogClient {
  readonly #platform: Platform;
  readonly #contexts: Contexts | undefined;
  readonly #settings: Settings;
  readonly #token: string;
  /** The lane of `$ai_` events, and that of all others, as they are now. */
  readonly #lanes = new Map<boolean, Lane>();
  /** Those that take no more events, and have some that have not ended. */
  readonly #detached = new Set<Lane>();
  /** What lanes that are over had. */
  readonly #past: Counts = { captured: 0, delivered: 0, undelivered: 0, lost: 0, requests: 0, retries: 0 };
  readonly #listeners: { [K in keyof Events]: Set<(value: Events[K]) => void> } = {
    receipt: new Set(),
    error: new Set(),
    capture: new Set(),
  };
  readonly #tracker = new Tracker();
  readonly #stop: AbortController | undefined;
  readonly #reader: FlagReader;
  #registered: Properties = {};
  #hasRegistered = false;
  /** Properties of every event, without and with that of no look-up of places. */
  readonly #base: readonly Base[];
  #isEnabled: boolean;
  #isDebugging = false;
  #isClosed = false;
  #refused = 0;

  protected constructor(platform: Platform, contexts: Contexts | undefined, apiKey: string, options: PostHogOptions) {
    this.#platform = platform;
    this.#contexts = contexts;
    this.#stop = platform.isShared ? undefined : new AbortController();
    this.#token = `${apiKey ?? ""}`.trim();
    this.#settings = settingsOf(options, platform, (text) => console.warn(text));
    this.#isEnabled = !this.#settings.disabled && this.#settings.defaultOptIn;
    this.register(options.properties ?? {});
    const everywhere = { ...platform.properties, ...(this.#settings.isServer ? { $is_server: true } : {}) };
    this.#base = [baseOf(everywhere), baseOf({ ...everywhere, $geoip_disable: true })];
    if (options.onReceipt) this.#listeners.receipt.add(options.onReceipt);
    this.#listeners.error.add(options.onError ?? ((error) => console.error(error)));
    this.#reader = {
      read: (snapshot, key, record) => {
        if (!this.#settings.sendFeatureFlagEvents || !this.#tracker.insert(snapshot, key, record?.value)) return;
        const properties = calledProperties(snapshot, key, record);
        const { distinctId, disableGeoip } = snapshot;
        this.#capture({ distinctId, event: "$feature_flag_called", properties, disableGeoip }, true);
      },
      warn: (text) => console.warn(text),
    };
  }

  /** Queues an event. What is wrong with it is told to `error`, and nothing is thrown. */
  capture(message: EventMessage): void {
    this.#capture(message, true);
  }

  /** Queues an event and sends it at once; resolves, when it has ended, to how. Rejects if it is refused. */
  async captureImmediate(message: EventMessage): Promise<Receipt | undefined> {
    return this.#immediate(message, true);
  }

  /** Queues an event of the AI lane, whose name begins with `$ai_`; returns its uuid, or nothing if it is refused. */
  captureAi(message: EventMessage): string | undefined {
    const uuid = message.uuid ?? crypto.randomUUID();
    return this.#capture({ ...message, uuid }, true, true) ? uuid : undefined;
  }

  /** {@link captureAi}, sent at once. */
  async captureAiImmediate(message: EventMessage): Promise<string | undefined> {
    const receipt = await this.#immediate(message, true, true);
    return receipt?.uuid;
  }

  /** Says who somebody is: `properties` is about the person, or has `$set` and `$set_once` that are. */
  identify(message: { distinctId: string; properties?: Properties | undefined; disableGeoip?: boolean | undefined }): void {
    this.#capture(identifying(message), false);
  }

  async identifyImmediate(message: { distinctId: string; properties?: Properties; disableGeoip?: boolean }): Promise<void> {
    await this.#immediate(identifying(message), false);
  }

  /** Says that two ids are one person. */
  alias(message: { distinctId: string; alias: string; disableGeoip?: boolean | undefined }): void {
    this.#capture(aliasing(message), false);
  }

  async aliasImmediate(message: { distinctId: string; alias: string; disableGeoip?: boolean }): Promise<void> {
    await this.#immediate(aliasing(message), false);
  }

  /** Says what a group is like. */
  groupIdentify(message: GroupIdentifyMessage): void {
    this.#capture(grouping(message), false);
  }

  async groupIdentifyImmediate(message: GroupIdentifyMessage): Promise<void> {
    await this.#immediate(grouping(message), false);
  }

  /** Sets properties of a person; those of `propertiesOnce` unless the person has them. */
  setPersonProperties(message: { distinctId: string; properties?: Properties; propertiesOnce?: Properties }): void {
    const [$set, $set_once] = [message.properties, message.propertiesOnce].map(unlessEmpty);
    if ($set ?? $set_once) this.capture({ distinctId: message.distinctId, event: "$set", properties: { $set, $set_once } });
  }

  /** Removes properties of a person. */
  unsetPersonProperties(message: { distinctId: string; properties: string | readonly string[] }): void {
    const $unset = [message.properties].flat().filter((name) => typeof name === "string" && name.trim() !== "");
    if ($unset.length > 0) this.capture({ distinctId: message.distinctId, event: "$set", properties: { $unset } });
  }

  /** Captures an error with its stack and its causes. */
  captureException(error: unknown, distinctId?: string, additionalProperties?: Properties, uuid?: string): void {
    this.capture({ ...exceptionMessage(error, distinctId, additionalProperties), uuid });
  }

  async captureExceptionImmediate(error: unknown, distinctId?: string, additionalProperties?: Properties): Promise<void> {
    await this.captureImmediate(exceptionMessage(error, distinctId, additionalProperties));
  }

  /** Properties of every event from now on. */
  register(properties: Properties): void {
    this.#registered = { ...this.#registered, ...properties };
    this.#hasRegistered = Object.keys(this.#registered).length > 0;
  }

  unregister(name: string): void {
    const { [name]: _, ...rest } = this.#registered;
    this.#registered = {};
    this.register(rest);
  }

  /** Calls `call` with a distinct id, a session id and properties for the events within. */
  withContext<T>(context: ContextData, call: () => T): T {
    return this.#contexts ? this.#contexts.run(this.#inner(context), call) : call();
  }

  /** The same from here to the end of this asynchronous call. */
  enterContext(context: ContextData): void {
    this.#contexts?.enter(this.#inner(context));
  }

  getContext(): ContextData | undefined {
    return this.#contexts?.get();
  }

  /**
   * Asks the server for the flags of one person, once; without an id, of the context's. Without an answer there are no
   * flags in the snapshot, its `error` says why, and so does `error` of {@link on}.
   */
  async evaluateFlags(whose?: string | EvaluateFlagsOptions, options?: EvaluateFlagsOptions): Promise<FeatureFlagEvaluations> {
    const [distinctId, asked] = typeof whose === "object" ? [undefined, whose] : [whose, options ?? {}];
    try {
      return await this.#ask(distinctId ?? this.#contexts?.get()?.distinctId ?? "", asked);
    } catch (error) {
      const why = errorOf(error);
      this.warn(why);
      return new FeatureFlagEvaluations(this.#reader, "", asked, NO_FLAGS, undefined, why);
    }
  }

  async #ask(whose: string, options: EvaluateFlagsOptions): Promise<FeatureFlagEvaluations> {
    const settings = this.#settings;
    const keys = options.flagKeys;
    if (whose.trim() === "" || keys?.length === 0 || settings.disabled || this.#isClosed) {
      return new FeatureFlagEvaluations(this.#reader, "", options, NO_FLAGS);
    }
    const disableGeoip = options.disableGeoip ?? settings.disableGeoip;
    const answer = await ask(this.#platform, questionOf(this.#token, whose, { ...options, disableGeoip }), keys, {
      token: this.#token,
      host: settings.host,
      userAgent: SDK_INFO,
      headers: settings.headers,
      timeoutMs: settings.featureFlagsRequestTimeoutMs,
      retries: settings.featureFlagsRequestMaxRetries,
      signal: this.#stop?.signal,
    });
    return new FeatureFlagEvaluations(this.#reader, whose, options, answer);
  }

  /** One flag. Prefer {@link evaluateFlags}, which asks once for all of them. `undefined` if nobody answers. */
  async getFeatureFlag(key: string, distinctId: string, options: FlagOptions = {}): Promise<FlagValue | undefined> {
    const flags = await this.evaluateFlags(distinctId, { ...options, flagKeys: [key] });
    return flags.getFlag(key, options);
  }

  async isFeatureEnabled(key: string, distinctId: string, options: FlagOptions = {}): Promise<boolean | undefined> {
    const value = await this.getFeatureFlag(key, distinctId, options);
    return value === undefined ? value : value !== false;
  }

  async getFeatureFlagPayload(key: string, distinctId: string, _matchValue?: FlagValue, options: FlagOptions = {}): Promise<Json | undefined> {
    const flags = await this.evaluateFlags(distinctId, { ...options, flagKeys: [key] });
    return flags.getFlagPayload(key);
  }

  /** A flag's value and payload; `undefined` if it is not known. */
  async getFeatureFlagResult(key: string, distinctId: string, options: FlagOptions = {}): Promise<FeatureFlagResult | undefined> {
    const flags = await this.evaluateFlags(distinctId, { ...options, flagKeys: [key] });
    const value = flags.getFlag(key, options);
    if (value === undefined) return undefined;
    return { key, enabled: value !== false, variant: typeof value === "string" ? value : undefined, payload: flags.getFlagPayload(key) };
  }

  async getAllFlags(distinctId: string, options: EvaluateFlagsOptions = {}): Promise<Record<string, FlagValue>> {
    return (await this.getAllFlagsAndPayloads(distinctId, options)).featureFlags;
  }

  async getAllFlagsAndPayloads(distinctId: string, options: EvaluateFlagsOptions = {}): Promise<{ featureFlags: Record<string, FlagValue>; featureFlagPayloads: Record<string, Json> }> {
    const { answer } = await this.evaluateFlags(distinctId, options);
    const [featureFlags, featureFlagPayloads]: [Record<string, FlagValue>, Record<string, Json>] = [{}, {}];
    for (const [key, { value, payload }] of answer.flags) {
      if (value !== undefined) featureFlags[key] = value;
      if (payload !== undefined) featureFlagPayloads[key] = payload;
    }
    return { featureFlags, featureFlagPayloads };
  }

  /** Sends what was captured so far; resolves once all of it has ended. */
  async flush(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.flush()));
  }

  /**
   * Refuses further events, sends the others, and resolves within `shutdownTimeoutMs`, 30 s by default, to the number of
   * events since the start that were not delivered, whatever became of them.
   */
  async shutdown(shutdownTimeoutMs = 30_000): Promise<number> {
    this.#isClosed = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close(shutdownTimeoutMs)));
    this.#stop?.abort();
    const { captured, delivered } = this.stats();
    return captured - delivered;
  }

  /** @internal The uuid of the event that was captured last. */
  lastUuid(isAi = false): string {
    return this.#lanes.get(isAi)?.lastUuid ?? "";
  }

  /** Events that have not ended. */
  get pending(): number {
    const { captured, delivered, undelivered, lost } = this.stats();
    return captured - delivered - undelivered - lost;
  }

  /** How many events there were, and how they ended. */
  stats(): Stats {
    const sum = { ...this.#past, refused: this.#refused };
    for (const { counts } of [...this.#lanes.values(), ...this.#detached]) add(sum, counts);
    return sum;
  }

  /** Calls back for each; returns what ends that. */
  on<K extends keyof Events>(name: K, call: (value: Events[K]) => void): () => void {
    const listeners = this.#listeners[name];
    listeners.add(call);
    return () => listeners.delete(call);
  }

  /** Captures again. */
  enable(): Promise<void> {
    return this.optIn();
  }

  /** Captures nothing from here on; what was captured is sent. */
  disable(): Promise<void> {
    return this.optOut();
  }

  optIn(): Promise<void> {
    this.#isEnabled = !this.#settings.disabled;
    return Promise.resolve();
  }

  optOut(): Promise<void> {
    this.#isEnabled = false;
    return Promise.resolve();
  }

  get isDisabled(): boolean {
    return !this.#isEnabled;
  }

  /** Prints each event, and how it ended. */
  debug(isOn = true): void {
    this.#isDebugging = isOn;
  }

  #inner(context: ContextData): ContextData {
    const outer = this.#contexts?.get();
    return {
      distinctId: context.distinctId ?? outer?.distinctId,
      sessionId: context.sessionId ?? outer?.sessionId,
      properties: { ...outer?.properties, ...context.properties },
    };
  }

  #capture(message: EventMessage, hasContext: boolean, isAi = false): boolean {
    try {
      const event = this.#prepare(message, hasContext);
      if (!event) return false;
      this.#lane(isAi).capture(event);
      return true;
    } catch (error) {
      this.#refuse(error);
      return false;
    }
  }

  async #immediate(message: EventMessage, hasContext: boolean, isAi = false): Promise<Receipt | undefined> {
    try {
      const event = this.#prepare(message, hasContext);
      return event && await this.#lane(isAi).captureImmediate(event);
    } catch (error) {
      this.#refused += 1;
      throw error;
    }
  }

  #refuse(error: unknown): void {
    this.#refused += 1;
    this.warn(errorOf(error));
  }

  /** The event as it is sent; nothing if it is not to be. Throws a `Refusal`. Objects are copied only where they change. */
  #prepare(message: EventMessage, hasContext: boolean): CoreEvent | undefined {
    if (!this.#isEnabled) return undefined;
    if (this.#isClosed) throw new Refusal("event refused", 16, "closed");
    const context = this.#contexts?.get();
    let properties: Properties = message.properties ?? {};
    if (hasContext && (context || this.#hasRegistered)) {
      properties = { ...this.#registered, ...context?.properties, ...properties };
      if (context?.sessionId && !properties["$session_id"]) properties["$session_id"] = context.sessionId;
    }
    let distinctId = message.distinctId ?? context?.distinctId;
    if (distinctId === undefined || distinctId === "") {
      distinctId = crypto.randomUUID();
      properties = { $process_person_profile: false, ...properties };
    }
    let { event, timestamp, uuid } = message;
    if (this.#settings.hooks.length > 0) {
      let hooked: CaptureEvent | null | undefined = { event, distinctId: `${distinctId}`, properties: { ...properties }, timestamp, uuid };
      for (const hook of this.#settings.hooks) {
        try {
          hooked = hook(hooked);
        } catch (error) {
          throw new Error("hoglet: event dropped, before_send threw", { cause: error });
        }
        if (!hooked) return undefined;
      }
      ({ event, distinctId, properties, timestamp, uuid } = hooked);
    }
    const { groups, flags } = message;
    if (flags) properties = { ...flags.properties(), ...properties };
    if (groups && Object.keys(groups).length > 0) properties = { ...properties, $groups: { ...groups, ...objectOf(properties["$groups"]) } };
    const base = this.#base[Number(message.disableGeoip ?? this.#settings.disableGeoip)] ?? NO_BASE;
    let { prefix } = base;
    if (this.#isDebugging || this.#listeners.capture.size > 0 || base.names.some((name) => name in properties)) {
      properties = { ...base.properties, ...properties };
      prefix = "";
      if (this.#isDebugging) console.debug("hoglet: captures", event, properties);
      this.#tell("capture", { event, distinctId: `${distinctId}`, properties, timestamp, uuid });
    }
    return { event, distinctId, properties, prefix, timestamp, uuid };
  }

  #lane(isAi: boolean): Lane {
    const known = this.#lanes.get(isAi);
    if (known) return known;
    const lane = this.begin(isAi, (core) => this.#made(isAi, core));
    this.#lanes.set(isAi, lane);
    return lane;
  }

  /** @internal The first event of a lane is about to be captured. */
  protected begin(_isAi: boolean, make: (core?: Core) => Lane): Lane {
    return make();
  }

  /** @internal A lane takes no more events; the next one begins another. */
  protected detach(lane: Lane): void {
    for (const [isAi, known] of this.#lanes) {
      if (known === lane) this.#lanes.delete(isAi);
    }
    this.#detached.add(lane);
  }

  /** @internal A lane that was detached is over. */
  protected retire(lane: Lane): void {
    this.#detached.delete(lane);
    add(this.#past, lane.counts);
  }

  #made(isAi: boolean, core?: Core): Lane {
    const settings = this.#settings;
    return new Lane(this.#platform, {
      token: this.#token,
      host: settings.host,
      coding: settings.coding,
      headers: settings.headers,
      core: {
        isV0: settings.isV0,
        isAi,
        isHistorical: settings.isHistorical,
        dropsOldest: true,
        queueBytes: this.#platform.capacity.bytes,
        queueEvents: Math.min(settings.maxQueueSize, this.#platform.capacity.events),
        // A burst is sent when it is over, in one request.
        flushAt: this.#platform.isShared ? this.#platform.capacity.events : settings.flushAt,
        flushInterval: settings.flushInterval,
        maxRetries: settings.fetchRetryCount,
        retryInitial: settings.fetchRetryDelay,
        requestTimeout: settings.requestTimeout,
      },
    }, {
      listens: () => this.#isDebugging || this.#listeners.receipt.size > 0,
      receipt: (receipt) => {
        if (this.#isDebugging) console.debug("hoglet: ended", receipt);
        this.#tell("receipt", receipt);
      },
      error: (error) => this.warn(errorOf(error)),
    }, core);
  }

  /** @internal */
  protected warn(error: Error): void {
    this.#tell("error", error);
  }

  /** A listener that throws keeps nobody from hearing. */
  #tell<K extends keyof Events>(name: K, value: Events[K]): void {
    const failed = (error: unknown): void => console.error("hoglet: a listener failed:", error);
    for (const listener of this.#listeners[name]) {
      try {
        const told: unknown = listener(value);
        if (told instanceof Promise) told.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}

export interface FeatureFlagResult {
  key: string;
  enabled: boolean;
  variant: string | undefined;
  payload: Json | undefined;
}

export interface FlagOptions extends EvaluateFlagsOptions {
  sendFeatureFlagEvents?: boolean | undefined;
}

function add(sum: Counts, counts: Counts): void {
  for (const name of Object.keys(counts) as (keyof Counts)[]) sum[name] += counts[name];
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function objectOf(value: unknown): Properties {
  return typeof value === "object" && value !== null ? (value as Properties) : {};
}

function unlessEmpty(properties: Properties | undefined): Properties | undefined {
  return properties && Object.keys(properties).length > 0 ? properties : undefined;
}
