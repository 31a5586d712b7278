// The core: one instance of the wasm, which is one client, behind text and objects. Its exports take and give numbers;
// wasm/src/calls.rs says what each of them does. Nothing here knows a network or a timer.
import { CAPTURE_ERRORS, CONFIG_ERRORS, OUTCOMES, TRANSPORT_ERRORS } from "./codes.mjs";

/** What this sends as `PostHog-Sdk-Info`; the core knows its version, and the tests hold the two together. */
const SDK_INFO = "hoglet/0.1.0";
const PATH = "/i/v1/analytics/events";
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
 * that is none has no code, but -1: the core never sees it. `details`, if there are any, name the value and its limit.
 */
export class Refusal extends Error {
  constructor(what, code, reason, details, cause) {
    super(`hoglet: ${what}: ${reason}${details ? `: ${details}` : ""}`, { cause });
    this.code = code;
    this.reason = reason;
  }
}

/** A caller's value as errors name it. Code of the caller's own is not run for it. */
export function shown(value) {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  const isKind = Object(value) === value || /symbol|bigint/.test(typeof value);
  return isKind ? typeof value : `${value}`;
}

function refuse(reason, details, cause) {
  throw new Refusal("event refused", CAPTURE_ERRORS.indexOf(reason), reason, details, cause);
}

export class Core {
  #wasm;
  #token;
  #options;
  #maxEventBytes;
  #memory;
  #input;
  #request;
  #uuid;

  /**
   * `onReceipt` is called with `{ uuid, outcome, attempts, status, details }` when an event has ended. It is called from
   * within the other methods, and must not call them. What it throws goes to `console.error`: it would end the instance.
   */
  constructor(module, token, options, now, onReceipt) {
    const receipt = (outcome, why, attempts, uuid, words, length) => {
      const isStatus = why >= 100;
      let details = String.fromCharCode(...this.#memory.subarray(words, words + length));
      if (why > 0 && !isStatus) details = TRANSPORT_ERRORS[why - 1];
      const status = isStatus ? why : 0;
      try {
        onReceipt({ uuid: this.#uuidAt(uuid), outcome: OUTCOMES[outcome], attempts, status, details });
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) throw error;
        console.error("hoglet: onReceipt failed:", error);
      }
    };
    // wasm-bindgen has a name of its own for the one import.
    const [{ module: from, name }] = WebAssembly.Module.imports(module);
    this.#wasm = new WebAssembly.Instance(module, { [from]: { [name]: receipt } }).exports;
    if (typeof token !== "string" || token.length > MAX_TOKEN_BYTES) {
      // The wrong key may be a secret one: of a text only the length is told.
      const given = typeof token === "string" ? `has ${token.length}` : `is ${shown(token)}`;
      const details = `token ${given}, it must have 1 to ${MAX_TOKEN_BYTES} characters`;
      throw new Refusal("cannot start", 1, CONFIG_ERRORS[1], details);
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
    const { queueBytes, queueEvents, flushAt, flushInterval, maxRetries, retryInitial, requestTimeout } = options;
    const numbers = [queueBytes, queueEvents, flushAt, flushInterval, maxRetries, retryInitial, requestTimeout].map(u32);
    const code = this.#wasm.create(this.#write(token, SEED_BYTES), ...numbers, now);
    if (code) throw new Refusal("cannot start", code, CONFIG_ERRORS[code]);
  }

  /** Queues an event and returns its uuid; throws a `Refusal`. */
  capture({ event, distinctId, properties, uuid, timestamp }, now) {
    // All is read before any is written: the caller's own `toJSON` or `toString` may capture too.
    if (typeof event !== "string") {
      refuse("name_empty", `event is ${shown(event)}, it must be a string`);
    }
    if (!["string", "number", "bigint"].includes(typeof distinctId)) {
      refuse("distinct_id_illegal", `distinctId is ${shown(distinctId)}, it must be a string`);
    }
    const name = event;
    const id = `${distinctId}`;
    const json = jsonOf(properties);
    const ownUuid = uuidNumbers(uuid);
    const ownTime = unixMs(timestamp);
    let lengths = [name.length, id.length, json.length];
    const text = name + id + json;
    // A byte for each character: all of it is ASCII, and the parts have the lengths that they have here.
    if (this.#write(text) !== text.length) {
      let end = 0;
      lengths = [name, id, json].map((part) => {
        const length = this.#write(part, end);
        end += length;
        return length;
      });
    }
    const hasUuid = uuid !== undefined && uuid !== null;
    const code = this.#wasm.capture(...lengths, hasUuid, ...ownUuid, ownTime, now);
    if (code) this.#refuse(CAPTURE_ERRORS[code], lengths, timestamp);
    return this.#uuidAt(this.#uuid);
  }

  /** Refuses an event whose parts have these lengths; the core's code names no values. */
  #refuse(reason, [name, id, json], timestamp) {
    const { queueBytes, queueEvents } = this.#options;
    const bytes = name + id + json;
    const maxBytes = this.#maxEventBytes;
    refuse(reason, {
      name_too_long: `event has ${name} bytes, the limit is ${MAX_NAME_BYTES}`,
      distinct_id_too_long: `distinctId has ${id} bytes, the limit is ${MAX_DISTINCT_ID_BYTES}`,
      timestamp_invalid: `timestamp is ${shown(timestamp)}, it must be in the years 0 to 9999`,
      json_invalid: `properties must be an object, at most ${MAX_DEPTH} deep, of whole characters`,
      event_too_large: `it has ${bytes} bytes before its uuid and time, the limit is ${maxBytes}`,
      queue_full: `it has ${bytes} bytes, the queue ${queueBytes} for ${queueEvents} events`,
    }[reason]);
  }

  /**
   * What to do next: `{ request }`, with its `id`, `path`, `headers`, and `body`, three pieces of which the second is
   * gone after the next call; or the `now` at which to call again at the latest, `{ wakesAt }`.
   */
  poll(now) {
    const wakesAt = this.#wasm.poll(now);
    if (wakesAt >= 0) return { wakesAt };
    const [id, attempt, createdMs, sentMs, start, length] = this.#request;
    const headers = {
      "content-type": "application/json",
      "user-agent": SDK_INFO,
      authorization: `Bearer ${this.#token}`,
      "posthog-sdk-info": SDK_INFO,
      "posthog-attempt": `${attempt}`,
      "posthog-request-id": this.#uuidAt(this.#uuid),
      "posthog-request-timestamp": new Date(sentMs).toISOString(),
    };
    const body = [
      encoder.encode(`{"created_at":"${new Date(createdMs).toISOString()}","batch":[`),
      this.#memory.subarray(start, start + length),
      encoder.encode("]}"),
    ];
    return { request: { id, path: PATH, headers, body } };
  }

  /** Takes an answer's status and the values of its `Retry-After` and `Date`, if it has them. */
  head(id, status, retryAfter, date, now) {
    this.#wasm.head(id, status, retryAfterMs(retryAfter, date), now);
  }

  /** Takes a piece of the answer's body, of any size; whether more of it are needed. */
  body(id, piece) {
    let isNeeded = true;
    for (let start = 0; isNeeded && start < piece.length; start += this.#input.length) {
      const part = piece.subarray(start, start + this.#input.length);
      this.#input.set(part);
      isNeeded = Boolean(this.#wasm.body(id, part.length));
    }
    return isNeeded;
  }

  /** Takes the end of the answer. */
  end(id, now) {
    this.#wasm.end(id, now);
  }

  /** Takes the news that there will be no answer: one of `TRANSPORT_ERRORS`. */
  fail(id, why, now) {
    this.#wasm.fail(id, TRANSPORT_ERRORS.indexOf(why), now);
  }

  /** Says that it is `unixMs` at `now`. */
  clock(unixMs, now) {
    this.#wasm.clock(unixMs, now);
  }

  /** Makes everything captured so far due; returns a mark for `isFlushed`. */
  flush(now) {
    return this.#wasm.flush(now);
  }

  /** Whether everything captured before the mark has ended. */
  isFlushed(mark) {
    return Boolean(this.#wasm.is_flushed(mark));
  }

  /** Refuses further events and gives up at `deadline` what is left then. */
  close(deadline) {
    this.#wasm.close(deadline);
  }

  /** Hands everything out at once, in requests of at most `limit` bytes. */
  leave(limit, now) {
    this.#wasm.leave(limit, now);
  }

  /** How many events have ended as each of `OUTCOMES`. */
  stats() {
    return Object.fromEntries(OUTCOMES.map((outcome, code) => [outcome, this.#wasm.ended(code)]));
  }

  /** Writes text into the input at `start` and returns its bytes. */
  #write(text, start = 0) {
    const { read, written } = encoder.encodeInto(text, this.#input.subarray(start));
    if (read < text.length) {
      const bytes = this.#input.length;
      refuse("event_too_large", `it has over ${bytes} bytes, the limit is ${this.#maxEventBytes}`);
    }
    return written;
  }

  #uuidAt(start) {
    let digits = "";
    for (const byte of this.#memory.subarray(start, start + UUID_BYTES)) digits += HEX[byte];
    return digits.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}

/** `number` within 32 bits; wasm would take it modulo 2³². */
function u32(number) {
  return Math.min(Math.max(Math.trunc(number) || 0, 0), 2 ** 32 - 1);
}

/** What `read` makes of a value of the caller's; an error on the way refuses the event. */
function converted(reason, read) {
  try {
    return read();
  } catch (error) {
    // A BigInt, a cycle, or an error of the caller's own.
    return refuse(reason, error instanceof Error ? error.message : shown(error), error);
  }
}

/** The properties as JSON, with objects as `$set` and `$set_once`; the core checks the rest. */
function jsonOf(properties) {
  const json = converted("json_invalid", () => `${JSON.stringify(properties)}`);
  // What is sent is looked at, whatever a `toJSON` or a getter gave. Hardly any event is parsed.
  if (/"\$set(_once)?":[^{]/.test(json)) {
    const sent = JSON.parse(json);
    for (const name of ["$set", "$set_once"]) {
      const value = sent[name] ?? {};
      if (typeof value !== "object" || Array.isArray(value)) {
        refuse("not_an_object", `${name} is ${shown(value)}, it must be an object`);
      }
    }
  }
  return json;
}

/** Four numbers of 32 bits; zeroes for none. */
function uuidNumbers(uuid) {
  const text = converted("uuid_invalid", () => `${uuid ?? "0".repeat(32)}`);
  const digits = text.replaceAll("-", "");
  if (!/^[\da-f]{32}$/i.test(digits)) {
    refuse("uuid_invalid", `uuid is ${shown(text)}, it must have 32 hexadecimal digits`);
  }
  return [0, 8, 16, 24].map((start) => Number.parseInt(digits.slice(start, start + 8), 16));
}

/** A date, its text or its milliseconds as a number; what cannot be read is beyond every limit, and none is not a number. */
function unixMs(timestamp) {
  if (timestamp === undefined || timestamp === null) return NaN;
  const isTime = timestamp instanceof Date || ["string", "number"].includes(typeof timestamp);
  const ms = isTime ? new Date(timestamp).getTime() : NaN;
  return Number.isNaN(ms) ? Infinity : ms;
}

/** Milliseconds that `Retry-After` asks for: seconds, or a date by the clock of the server. 0 if it cannot be read. */
function retryAfterMs(retryAfter, date) {
  const [, seconds] = /^\s*(\d+(?:\.\d+)?)\s*(?:,|$)/.exec(retryAfter ?? "") ?? [];
  const ms = seconds ? seconds * 1_000 : Date.parse(retryAfter) - (Date.parse(date) || Date.now());
  return ms > 0 ? Math.min(ms, 2 ** 31) : 0;
}
