// Feature flags, evaluated at the server: the question, the answer in its three shapes, and the snapshot that a program
// reads. The platform parses JSON; the rules are the core's (core/src/flags), and the tests hold the two together.
import { exchange } from "./exchange.js";
import { Failure, type Platform } from "./platform.js";

export type FlagValue = boolean | string;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface EvaluateFlagsOptions {
  groups?: Record<string, string> | undefined;
  personProperties?: Record<string, unknown> | undefined;
  groupProperties?: Record<string, Record<string, unknown>> | undefined;
  /** The flags that are asked for; all by default. */
  flagKeys?: string[] | undefined;
  disableGeoip?: boolean | undefined;
  deviceId?: string | undefined;
}

/** What an answer says about one flag; without `value` it failed. */
export interface FlagRecord {
  readonly value: FlagValue | undefined;
  readonly payload: Json | undefined;
  readonly id: number | undefined;
  readonly version: number | undefined;
  readonly reason: string | undefined;
  readonly hasExperiment: boolean | undefined;
}

export interface FlagsAnswer {
  readonly flags: ReadonlyMap<string, FlagRecord>;
  readonly hasErrors: boolean;
  readonly isQuotaLimited: boolean;
  readonly wantsMinimalEvents: boolean;
  readonly requestId: string | undefined;
  readonly evaluatedAt: number | undefined;
}

export const NO_FLAGS: FlagsAnswer = {
  flags: new Map(),
  hasErrors: false,
  isQuotaLimited: false,
  wantsMinimalEvents: false,
  requestId: undefined,
  evaluatedAt: undefined,
};

type Members = Record<string, unknown>;

function membersOf(value: unknown): Members | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

/** A member of this type; what is null is as good as absent, and anything else is the wrong type. */
function member<T>(of: Members | undefined, name: string, is: (value: unknown) => value is T, wrong: { is: boolean }): T | undefined {
  const value = of?.[name];
  if (value === undefined || value === null) return undefined;
  if (is(value)) return value;
  wrong.is = true;
  return undefined;
}

const isBool = (value: unknown): value is boolean => typeof value === "boolean";
const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isObject = (value: unknown): value is Members => membersOf(value) !== undefined;

function payloadOf(value: unknown): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") return value as Json;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

/** A flag of v2, or of v4 with a typed value. A known member of the wrong type fails it, and no other. */
function recordOf(said: unknown): FlagRecord {
  const flag = membersOf(said);
  const wrong = { is: flag === undefined };
  const enabled = member(flag, "enabled", isBool, wrong);
  const variant = member(flag, "variant", isText, wrong);
  const isFailed = member(flag, "failed", isBool, wrong) ?? false;
  const reason = member(flag, "reason", isObject, wrong);
  const metadata = member(flag, "metadata", isObject, wrong);
  const words = member(reason, "description", isText, wrong);
  const code = member(reason, "code", isText, wrong);
  const id = member(metadata, "id", isNumber, wrong);
  const version = member(metadata, "version", isNumber, wrong);
  const hasExperiment = member(metadata, "has_experiment", isBool, wrong);
  let payload = payloadOf(metadata?.["payload"]);
  let value: FlagValue | undefined;
  const typed = flag?.["value"];
  if (typed === null) value = false;
  else if (isBool(typed) || isText(typed)) value = typed;
  else if (isNumber(typed) || isObject(typed)) {
    value = true;
    payload = typed as Json;
  } else if (typed !== undefined) wrong.is = true;
  else if (variant && enabled !== false) value = variant;
  else value = enabled;
  if (wrong.is || isFailed) value = undefined;
  return { value, payload: value === undefined ? undefined : payload, id, version, reason: words || code, hasExperiment };
}

/** What an answer says; `undefined` if it has flags in no shape. */
export function answerOf(body: unknown, keys?: readonly string[]): FlagsAnswer | undefined {
  const all = membersOf(body);
  const [flags, values, payloads] = ["flags", "featureFlags", "featureFlagPayloads"].map((name) => membersOf(all?.[name]));
  if (!flags && !values) return undefined;
  const isAsked = ([key]: [string, unknown]): boolean => !keys || keys.includes(key);
  const records = Object.entries(flags ?? values ?? {}).filter(isAsked).map(([key, said]): [string, FlagRecord] => {
    if (flags) return [key, recordOf(said)];
    const value = isBool(said) || (isText(said) && said !== "") ? said : undefined;
    const payload = value === undefined ? undefined : payloadOf(payloads?.[key]);
    return [key, { value, payload, id: undefined, version: undefined, reason: undefined, hasExperiment: undefined }];
  });
  const limited = all?.["quotaLimited"];
  const [requestId, evaluatedAt] = [all?.["requestId"], all?.["evaluatedAt"]];
  return {
    flags: new Map(records),
    hasErrors: all?.["errorsWhileComputingFlags"] === true,
    isQuotaLimited: Array.isArray(limited) ? limited.includes("feature_flags") : limited === true,
    wantsMinimalEvents: all?.["minimalFlagCalledEvents"] === true,
    requestId: isText(requestId) ? requestId : undefined,
    evaluatedAt: isNumber(evaluatedAt) ? evaluatedAt : undefined,
  };
}

/** Why there are no flags. */
export class FlagsError extends Error {
  override readonly name = "FlagsError";
}

export interface AskOptions {
  readonly token: string;
  readonly host: string;
  readonly userAgent: string;
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly signal: AbortSignal | undefined;
}

/** The question about one person. */
export function questionOf(token: string, distinctId: string, options: EvaluateFlagsOptions): Members {
  return {
    token,
    distinct_id: distinctId,
    groups: options.groups ?? {},
    person_properties: { distinct_id: distinctId, ...options.personProperties },
    group_properties: options.groupProperties ?? {},
    geoip_disable: options.disableGeoip ?? false,
    ...(options.deviceId === undefined ? {} : { device_id: options.deviceId }),
    ...(options.flagKeys === undefined ? {} : { flag_keys_to_evaluate: options.flagKeys }),
  };
}

const FIRST_RETRY_MS = 300;
const MAX_RETRY_MS = 30_000;
/** Bytes of an answer that are read, as natively. */
const MAX_ANSWER_BYTES = 1 << 20;

/** Asks, and asks again if no server answered: no response, 502, 504. Rejects with a `FlagsError`. */
export async function ask(platform: Platform, question: Members, keys: readonly string[] | undefined, options: AskOptions): Promise<FlagsAnswer> {
  const body = new TextEncoder().encode(JSON.stringify(question));
  const headers = { "content-type": "application/json", "user-agent": options.userAgent };
  for (let attempt = 0; ; attempt += 1) {
    let [status, bytes] = [0, 0];
    let failure: Failure | undefined;
    const pieces: Uint8Array[] = [];
    const request = { id: 0, attempt, path: "/flags/?v=2", headers, body };
    await exchange(platform, request, { host: options.host, coding: undefined, headers: options.headers, timeoutMs: options.timeoutMs, signal: options.signal }, {
      head: (answer) => { status = answer.status; },
      body: (piece) => (bytes += piece.length) <= MAX_ANSWER_BYTES && Boolean(pieces.push(piece.slice())),
      end: () => {},
      fail: (why) => { failure = why; },
    });
    const isSuccess = status >= 200 && status < 300;
    if (!failure && isSuccess) {
      const answer = answerOf(await parse(pieces), keys);
      if (!answer) throw new FlagsError(`hoglet: the answer with flags cannot be read: ${bytes} bytes, of at most ${MAX_ANSWER_BYTES}`);
      return answer;
    }
    const refused = status !== 0 && !isSuccess;
    const isTransient = refused ? status === 502 || status === 504 : failure?.why !== "unreadable";
    if (!isTransient || attempt >= options.retries || options.signal?.aborted) {
      const why = refused ? `the server refused to evaluate flags: ${status}` : `no answer with flags: ${failure?.why ?? "interrupted"}`;
      throw new FlagsError(`hoglet: ${why}`, { cause: failure });
    }
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** attempt, MAX_RETRY_MS);
    await new Promise<void>((done) => platform.later(waitMs, done));
  }
}

async function parse(pieces: Uint8Array[]): Promise<unknown> {
  try {
    return JSON.parse(await new Blob(pieces as BlobPart[]).text());
  } catch {
    return undefined;
  }
}

/** Whom a snapshot reports reads to. */
export interface FlagReader {
  /** A program has read a flag; `record` is absent where the answer has none. */
  read(snapshot: FeatureFlagEvaluations, key: string, record: FlagRecord | undefined): void;
  warn(text: string): void;
}

/** The flags of one person at one time. Reading asks nobody; each value that is read is reported once. */
export class FeatureFlagEvaluations {
  readonly #reader: FlagReader;
  readonly #accessed: Set<string>;
  readonly #isSlice: boolean;
  readonly distinctId: string;
  readonly groups: Record<string, string> | undefined;
  readonly disableGeoip: boolean | undefined;
  /** Why there is no answer. */
  readonly error: Error | undefined;
  /** @internal */
  readonly answer: FlagsAnswer;

  /** @internal */
  constructor(reader: FlagReader, distinctId: string, options: EvaluateFlagsOptions, answer: FlagsAnswer, accessed?: Set<string>, error?: Error) {
    this.#reader = reader;
    this.#accessed = new Set(accessed);
    this.#isSlice = accessed !== undefined;
    this.distinctId = distinctId;
    this.groups = options.groups;
    this.disableGeoip = options.disableGeoip;
    this.answer = answer;
    this.error = error;
  }

  /** The keys of the flags that have a value. */
  get keys(): string[] {
    return [...this.answer.flags].filter(([, { value }]) => value !== undefined).map(([key]) => key);
  }

  isEnabled(key: string, { defaultValue = false, sendFeatureFlagEvents }: { defaultValue?: boolean; sendFeatureFlagEvents?: boolean } = {}): boolean {
    const value = this.#value(key, sendFeatureFlagEvents);
    return value === undefined ? defaultValue : value !== false;
  }

  /** The value: on or off, or the variant's name; `undefined` if the answer does not have it, or it failed. */
  getFlag(key: string, { sendFeatureFlagEvents }: { sendFeatureFlagEvents?: boolean | undefined } = {}): FlagValue | undefined {
    return this.#value(key, sendFeatureFlagEvents);
  }

  /** The payload. No access to the flag's value: nothing is reported. */
  getFlagPayload(key: string): Json | undefined {
    return this.answer.flags.get(key)?.payload;
  }

  /** These flags without those that were not read. */
  onlyAccessed(): FeatureFlagEvaluations {
    return this.#slice([...this.#accessed]);
  }

  /** These flags alone, to attach them to events. */
  only(keys: string[]): FeatureFlagEvaluations {
    const missing = keys.filter((key) => !this.answer.flags.has(key));
    if (missing.length > 0) this.#reader.warn(`hoglet: no such flags: ${missing.join(", ")}`);
    return this.#slice(keys);
  }

  /** @internal What events say when these flags are attached. */
  properties(): Record<string, unknown> {
    const properties: Record<string, unknown> = {};
    const active: string[] = [];
    for (const [key, { value }] of this.answer.flags) {
      if (value === undefined) continue;
      properties[`$feature/${key}`] = value;
      if (value !== false) active.push(key);
    }
    if (active.length > 0) properties["$active_feature_flags"] = active.sort();
    return properties;
  }

  #slice(keys: string[]): FeatureFlagEvaluations {
    const flags = new Map([...this.answer.flags].filter(([key]) => keys.includes(key)));
    const { groups, disableGeoip } = this;
    return new FeatureFlagEvaluations(this.#reader, this.distinctId, { groups, disableGeoip }, { ...this.answer, flags }, this.#accessed);
  }

  #value(key: string, sends: boolean | undefined): FlagValue | undefined {
    const record = this.answer.flags.get(key);
    this.#accessed.add(key);
    // A slice does not have what was filtered out, which says nothing about the server.
    const isReported = this.distinctId !== "" && sends !== false && (record !== undefined || !this.#isSlice);
    if (isReported) this.#reader.read(this, key, record);
    return record?.value;
  }
}

/** @internal What `$feature_flag_called` says about a read. */
export function calledProperties({ answer, groups }: FeatureFlagEvaluations, key: string, record: FlagRecord | undefined): Record<string, unknown> {
  const isMinimal = answer.wantsMinimalEvents && record?.hasExperiment === false;
  const response = record?.value ?? null;
  const errors = [
    answer.hasErrors && "errors_while_computing_flags",
    answer.isQuotaLimited && "quota_limited",
    record !== undefined && record.value === undefined && "evaluation_failed",
    record === undefined && "flag_missing",
  ].filter(Boolean);
  return {
    $feature_flag: key,
    $feature_flag_response: response,
    ...(isMinimal ? {} : { [`$feature/${key}`]: response }),
    locally_evaluated: false,
    ...(isMinimal ? {} : { $feature_flag_payload: record?.payload }),
    $feature_flag_has_experiment: record?.hasExperiment,
    $feature_flag_id: record?.id || undefined,
    $feature_flag_version: record?.version || undefined,
    $feature_flag_reason: record?.reason || undefined,
    $feature_flag_request_id: answer.requestId || undefined,
    $feature_flag_evaluated_at: answer.evaluatedAt || undefined,
    ...(errors.length > 0 ? { $feature_flag_error: errors.join(",") } : {}),
    ...(groups && Object.keys(groups).length > 0 ? { $groups: groups } : {}),
  };
}

/** Accesses that were reported, the oldest of which make room. */
export class Tracker {
  static readonly #MOST = 50_000;
  readonly #seen = new Set<string>();

  /** Whether it is new. */
  insert(snapshot: FeatureFlagEvaluations, key: string, value: FlagValue | undefined): boolean {
    const groups = Object.entries(snapshot.groups ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const access = JSON.stringify([snapshot.distinctId, key, value ?? null, groups]);
    if (this.#seen.has(access)) return false;
    if (this.#seen.size >= Tracker.#MOST) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
    this.#seen.add(access);
    return true;
  }
}
