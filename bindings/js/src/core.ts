// The core: one instance of the wasm, which is one client, behind text and objects. Its exports take and give numbers;
// wasm/src/calls.rs says what each of them does. Nothing here knows a network or a timer.
import { CAPTURE_ERRORS, CONFIG_ERRORS, OUTCOMES, TRANSPORT_ERRORS, type Outcome, type TransportError } from "./codes.js";

import type { WasmModule } from "./platform.js";

/** What this sends as `PostHog-Sdk-Info`; the core knows its version, and the tests hold the two together. */
export const SDK_INFO = "hoglet/0.1.0";
const SEED_BYTES = 16;
const UUID_BYTES = 16;

// Limits of the core that errors name; the tests hold the two together.
const MAX_TOKEN_BYTES = 64;
const MAX_NAME_BYTES = 200;
const MAX_DISTINCT_ID_BYTES = 200;
const MAX_EVENT_BYTES = 900 << 10;
const MAX_DEPTH = 32;

const encoder = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * An event or a configuration that cannot be used, and why: `code` is the core's, `reason` its name. An event's own uuid
 * that is none has no code, but -1: the core never sees it. The message names the value and its limit, where there is one.
 */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(what: string, code: number, reason: string, details?: string, cause?: unknown) {
    super(`hoglet: ${what}: ${reason}${details ? `: ${details}` : ""}`, { cause });
    this.name = "Refusal";
    this.code = code;
    this.reason = reason;
  }
}

/** A caller's value as errors name it. Code of the caller's own is not run for it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  const isKind = Object(value) === value || /symbol|bigint/.test(typeof value);
  return isKind ? typeof value : String(value);
}

function refuse(reason: string, details?: string, cause?: unknown): never {
  throw new Refusal("event refused", (CAPTURE_ERRORS as readonly string[]).indexOf(reason), reason, details, cause);
}

/** How an event has ended. */
export interface Receipt {
  readonly uuid: string;
  readonly outcome: Outcome;
  /** Attempts of its request; 0 if none was made. */
  readonly attempts: number;
  /** The status that ended it, or 0. */
  readonly status: number;
  /** The server's words about it, in ASCII, or the transport's error. */
  readonly details: string;
}

/** What a client sends and how much it keeps; numbers that are too large are the most there is. */
export interface CoreOptions {
  /** Capture V0 instead of V1. */
  readonly isV0: boolean;
  /** The lane of `$ai_` events. */
  readonly isAi: boolean;
  readonly isHistorical: boolean;
  /** A full queue drops its oldest events, and does not refuse new ones. */
  readonly dropsOldest: boolean;
  readonly queueBytes: number;
  readonly queueEvents: number;
  readonly flushAt: number;
  readonly flushInterval: number;
  readonly maxRetries: number;
  readonly retryInitial: number;
  readonly requestTimeout: number;
}

export interface CoreEvent {
  readonly event: string;
  readonly distinctId: string | number | bigint;
  readonly properties: unknown;
  /** Members of a JSON object, which no property has the name of: to come before the properties. */
  readonly prefix?: string;
  readonly uuid?: unknown;
  readonly timestamp?: unknown;
}

/** A request to send now. */
export interface CoreRequest {
  readonly id: number;
  readonly attempt: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** Three pieces, of which the second is gone after the next call. */
  readonly body: readonly [Uint8Array, Uint8Array, Uint8Array];
}

/** The exports: every argument and every result is a number, or a boolean that is 0 or 1. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  input(): number;
  input_len(): number;
  record(): number;
  create(...numbers: number[]): number;
  capture(...numbers: number[]): number;
  poll(now: number): number;
  head(id: number, status: number, retryAfterMs: number, now: number): void;
  body(id: number, length: number): number;
  end(id: number, now: number): void;
  fail(id: number, why: number, now: number): void;
  clock(unixMs: number, now: number): void;
  flush(now: number): number;
  is_flushed(mark: number): number;
  close(deadline: number): void;
  leave?(limit: number, now: number): void;
  ended(outcome: number): number;
}

/**
 * Is told how each event ended: the outcome's code first, then what makes a `Receipt`. It is called from within the other
 * methods, and must not call them, nor throw.
 */
export type OnEnded = (outcome: number, receipt: () => Receipt) => void;

export class Core {
  readonly #wasm: Exports;
  readonly #token: string;
  readonly #options: CoreOptions;
  readonly #memory: Uint8Array;
  readonly #input: Uint8Array;
  readonly #request: Float64Array;
  readonly #uuid: number;
  readonly #maxEventBytes: number;
  /** Whom endings are told. */
  onEnded: OnEnded;

  constructor(wasm: WasmModule, token: string, options: CoreOptions, now: number, onEnded: OnEnded) {
    this.onEnded = onEnded;
    const receipt = (outcome: number, why: number, attempts: number, uuid: number, words: number, length: number): void =>
      this.onEnded(outcome, () => {
        const isStatus = why >= 100;
        let details = String.fromCharCode(...this.#memory.subarray(words, words + length));
        if (why > 0 && !isStatus) details = TRANSPORT_ERRORS[why - 1] ?? "";
        return {
          uuid: this.#uuidAt(uuid),
          outcome: OUTCOMES[outcome] ?? "unconfirmed",
          attempts,
          status: isStatus ? why : 0,
          details,
        };
      });
    const module = wasm as WebAssembly.Module;
    // wasm-bindgen has a name of its own for the one import.
    const [needs] = WebAssembly.Module.imports(module);
    const imports = needs ? { [needs.module]: { [needs.name]: receipt } } : {};
    this.#wasm = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
    if (typeof token !== "string" || token.length > MAX_TOKEN_BYTES) {
      // The wrong key may be a secret one: of a text only the length is told.
      const given = typeof token === "string" ? `has ${(token as string).length}` : `is ${shown(token)}`;
      throw new Refusal("cannot start", 1, "token_length", `token ${given}, it must have 1 to ${MAX_TOKEN_BYTES} characters`);
    }
    this.#token = token;
    this.#options = options;
    this.#maxEventBytes = Math.min(MAX_EVENT_BYTES, options.queueBytes);
    const { buffer } = this.#wasm.memory;
    this.#memory = new Uint8Array(buffer);
    this.#input = new Uint8Array(buffer, this.#wasm.input(), this.#wasm.input_len());
    this.#request = new Float64Array(buffer, this.#wasm.record(), 6);
    this.#uuid = this.#wasm.record() + this.#request.byteLength;

    crypto.getRandomValues(this.#input.subarray(0, SEED_BYTES));
    const { isV0, isAi, isHistorical, dropsOldest } = options;
    const mode = [isV0, isAi, isHistorical, dropsOldest].reduce((sum, is, bit) => sum + (Number(is) << bit), 0);
    const { queueBytes, queueEvents, flushAt, flushInterval, maxRetries, retryInitial, requestTimeout } = options;
    const numbers = [queueBytes, queueEvents, flushAt, flushInterval, maxRetries, retryInitial, requestTimeout].map(u32);
    const code = this.#wasm.create(this.#write(token, SEED_BYTES), mode, ...numbers, now);
    if (code) throw new Refusal("cannot start", code, CONFIG_ERRORS[code] ?? "");
  }

  /** Queues an event; throws a `Refusal`. `lastUuid` is its uuid then. */
  capture({ event, distinctId, properties, prefix = "", uuid, timestamp }: CoreEvent, now: number): void {
    // All of it is read before any of it is written: the caller's own `toJSON` or `toString` may capture as well.
    if (typeof event !== "string") refuse("name_empty", `event is ${shown(event)}, it must be a string`);
    if (!["string", "number", "bigint"].includes(typeof distinctId)) {
      refuse("distinct_id_illegal", `distinctId is ${shown(distinctId)}, it must be a string`);
    }
    const id = `${distinctId}`;
    const json = jsonOf(properties, prefix);
    const hasUuid = uuid !== undefined && uuid !== null;
    const [a, b, c, d] = hasUuid ? uuidNumbers(uuid) : NO_UUID;
    const ownTime = unixMs(timestamp);
    let [nameLength, idLength, jsonLength] = [event.length, id.length, json.length];
    const text = event + id + json;
    // A byte for each character: all of it is ASCII, and the parts have the lengths that they have here.
    if (this.#write(text) !== text.length) {
      nameLength = this.#write(event);
      idLength = this.#write(id, nameLength);
      jsonLength = this.#write(json, nameLength + idLength);
    }
    const code = this.#wasm.capture(nameLength, idLength, jsonLength, Number(hasUuid), a, b, c, d, ownTime, now);
    if (code) this.#refuse(CAPTURE_ERRORS[code] ?? "", nameLength, idLength, nameLength + idLength + jsonLength, timestamp);
  }

  /** Refuses an event whose parts have these lengths in bytes; the core's code names no values. */
  #refuse(reason: string, name: number, id: number, bytes: number, timestamp: unknown): never {
    const { queueBytes, queueEvents } = this.#options;
    const sizes: Record<string, [number, number | string]> = {
      name_too_long: [name, MAX_NAME_BYTES],
      distinct_id_too_long: [id, MAX_DISTINCT_ID_BYTES],
      event_too_large: [bytes, this.#maxEventBytes],
      queue_full: [bytes, `${queueBytes} for ${queueEvents} events`],
    };
    const [size, limit] = sizes[reason] ?? [];
    const others: Record<string, string> = {
      timestamp_invalid: `${shown(timestamp)}, not in the years 0 to 9999`,
      json_invalid: `no object, over ${MAX_DEPTH} deep, or half a character`,
    };
    return refuse(reason, size === undefined ? others[reason] : `${size} bytes, the limit is ${limit}`);
  }

  /** The uuid of the event that was captured last; until the next call. */
  get lastUuid(): string {
    return this.#uuidAt(this.#uuid);
  }

  /**
   * What to do next: a request; or the `now` at which to call again at the latest, infinity for not before the next call
   * of another method.
   */
  poll(now: number): CoreRequest | number {
    const wakesAt = this.#wasm.poll(now);
    if (wakesAt >= 0) return wakesAt;
    const [id = 0, attempt = 0, createdMs = 0, sentMs = 0, start = 0, length = 0] = this.#request;
    const events = this.#memory.subarray(start, start + length);
    const headers: Record<string, string> = { "content-type": "application/json", "user-agent": SDK_INFO };
    if (this.#options.isV0) {
      const head = `{"api_key":${JSON.stringify(this.#token)},"batch":[`;
      const historical = this.#options.isHistorical ? `,"historical_migration":true` : "";
      const tail = `],"sent_at":"${new Date(sentMs).toISOString()}"${historical}}`;
      const path = this.#options.isAi ? "/i/v0/ai/batch/" : "/batch/";
      return { id, attempt, path, headers, body: [encoder.encode(head), events, encoder.encode(tail)] };
    }
    headers["authorization"] = `Bearer ${this.#token}`;
    headers["posthog-sdk-info"] = SDK_INFO;
    headers["posthog-attempt"] = `${attempt}`;
    headers["posthog-request-id"] = this.#uuidAt(this.#uuid);
    headers["posthog-request-timestamp"] = new Date(sentMs).toISOString();
    const head = `{"created_at":"${new Date(createdMs).toISOString()}","batch":[`;
    const path = this.#options.isAi ? "/i/v1/ai/events" : "/i/v1/analytics/events";
    const tail = this.#options.isHistorical ? `],"historical_migration":true}` : "]}";
    return { id, attempt, path, headers, body: [encoder.encode(head), events, encoder.encode(tail)] };
  }

  /** Takes an answer's status and the values of its `Retry-After` and `Date`, if it has them. */
  head(id: number, status: number, retryAfter: string | null, date: string | null, now: number): void {
    this.#wasm.head(id, status, retryAfterMs(retryAfter, date), now);
  }

  /** Takes a piece of the answer's body, of any size; whether more of it are needed. */
  body(id: number, piece: Uint8Array): boolean {
    let isNeeded = true;
    for (let start = 0; isNeeded && start < piece.length; start += this.#input.length) {
      const part = piece.subarray(start, start + this.#input.length);
      this.#input.set(part);
      isNeeded = Boolean(this.#wasm.body(id, part.length));
    }
    return isNeeded;
  }

  /** Takes the end of the answer. */
  end(id: number, now: number): void {
    this.#wasm.end(id, now);
  }

  /** Takes the news that there will be no answer. */
  fail(id: number, why: TransportError, now: number): void {
    this.#wasm.fail(id, TRANSPORT_ERRORS.indexOf(why), now);
  }

  /** Says that it is `unixMs` at `now`. */
  clock(unixMs: number, now: number): void {
    this.#wasm.clock(unixMs, now);
  }

  /** Makes everything captured so far due; returns a mark for `isFlushed`. */
  flush(now: number): number {
    return this.#wasm.flush(now);
  }

  /** Whether everything captured before the mark has ended. */
  isFlushed(mark: number): boolean {
    return Boolean(this.#wasm.is_flushed(mark));
  }

  /** Refuses further events and gives up at `deadline` what is left then. */
  close(deadline: number): void {
    this.#wasm.close(deadline);
  }

  /** Hands everything out at once, in requests of at most `limit` bytes; only where the wasm has it. */
  leave(limit: number, now: number): void {
    this.#wasm.leave?.(limit, now);
  }

  /** How many events have ended with this outcome. */
  ended(outcome: Outcome): number {
    return this.#wasm.ended(OUTCOMES.indexOf(outcome));
  }

  /** Writes text into the input at `start` and returns its bytes. */
  #write(text: string, start = 0): number {
    const { read, written } = encoder.encodeInto(text, this.#input.subarray(start));
    if (read < text.length) refuse("event_too_large", `over ${this.#input.length} bytes, the limit is ${this.#maxEventBytes}`);
    return written;
  }

  #uuidAt(start: number): string {
    let digits = "";
    for (const byte of this.#memory.subarray(start, start + UUID_BYTES)) digits += HEX[byte];
    return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}

/** `number` within 32 bits; wasm would take it modulo 2³². */
function u32(number: number): number {
  return Math.min(Math.max(Math.trunc(number) || 0, 0), 2 ** 32 - 1);
}

/** What `read` makes of a value of the caller's; an error on the way refuses the event. */
function converted<T>(reason: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // A BigInt, a cycle, or an error of the caller's own.
    return refuse(reason, error instanceof Error ? error.message : shown(error), error);
  }
}

/** The properties as JSON, with objects as `$set` and `$set_once`; the core checks the rest. */
function jsonOf(properties: unknown, prefix: string): string {
  const json = converted("json_invalid", () => `${JSON.stringify(properties)}`);
  // What is sent is looked at, whatever a `toJSON` or a getter gave. Hardly any event is parsed.
  if (/"\$set(_once)?":[^{]/.test(json)) {
    const sent = JSON.parse(json) as Record<string, unknown>;
    for (const name of ["$set", "$set_once"]) {
      const value = sent[name] ?? {};
      if (typeof value !== "object" || Array.isArray(value)) refuse("not_an_object", `${name} is ${shown(value)}, it must be an object`);
    }
  }
  // What is no object, the core refuses.
  if (prefix === "" || !json.startsWith("{")) return json;
  return json === "{}" ? `{${prefix}}` : `{${prefix},${json.slice(1)}`;
}

type UuidNumbers = [number, number, number, number];
const NO_UUID: UuidNumbers = [0, 0, 0, 0];

/** Four numbers of 32 bits. */
function uuidNumbers(uuid: unknown): UuidNumbers {
  const text = converted("uuid_invalid", () => String(uuid as string));
  const digits = text.replaceAll("-", "");
  if (!/^[\da-f]{32}$/i.test(digits)) refuse("uuid_invalid", `uuid is ${shown(text)}, it must have 32 hexadecimal digits`);
  return [0, 8, 16, 24].map((start) => Number.parseInt(digits.slice(start, start + 8), 16)) as UuidNumbers;
}

/** A date, its text or its milliseconds as a number; what cannot be read is beyond every limit, and none is not a number. */
function unixMs(timestamp: unknown): number {
  if (timestamp === undefined || timestamp === null) return NaN;
  const isTime = timestamp instanceof Date || typeof timestamp === "string" || typeof timestamp === "number";
  const ms = isTime ? new Date(timestamp).getTime() : NaN;
  return Number.isNaN(ms) ? Infinity : ms;
}

/** Milliseconds that `Retry-After` asks for: seconds, or a date by the clock of the server. 0 if it cannot be read. */
function retryAfterMs(retryAfter: string | null, date: string | null): number {
  const [, seconds] = /^\s*(\d+(?:\.\d+)?)\s*(?:,|$)/.exec(retryAfter ?? "") ?? [];
  const ms = seconds ? Number(seconds) * 1_000 : Date.parse(retryAfter ?? "") - (Date.parse(date ?? "") || Date.now());
  return ms > 0 ? Math.min(ms, 2 ** 31) : 0;
}
