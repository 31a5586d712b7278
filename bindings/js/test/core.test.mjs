// The wasm and the JavaScript around it, in virtual time and without a network.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CAPTURE_ERRORS, CONFIG_ERRORS, OUTCOMES, TRANSPORT_ERRORS } from "../dist/esm/codes.js";
import { Core as PlainCore, Refusal } from "../dist/esm/core.js";

const MODULE = new WebAssembly.Module(readFileSync(new URL("../dist/node.wasm", import.meta.url)));
const OPTIONS = {
  queueBytes: 1 << 20, queueEvents: 1_024, flushAt: 20, flushInterval: 10_000, maxRetries: 3, retryInitial: 100,
  requestTimeout: 10_000,
};
/** A core whose capture returns the uuid, and which makes a receipt of every ending. */
class Core extends PlainCore {
  constructor(module, token, options, now, onReceipt) {
    const modes = { isV0: false, isAi: false, isHistorical: false, dropsOldest: false };
    super(module, token, { ...modes, ...options }, now, (_, receipt) => onReceipt(receipt()));
  }

  capture(event, now) {
    super.capture(event, now);
    return this.lastUuid;
  }

  poll(now) {
    const next = super.poll(now);
    return typeof next === "number" ? { wakesAt: next } : { request: next };
  }

  stats() {
    return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, this.ended(outcome)]));
  }
}

/** The stack comes first in memory, and ends here. */
const STACK_BYTES = 4_096;

function start(options = {}, onReceipt = () => {}) {
  const core = new Core(MODULE, "phc_core", { ...OPTIONS, ...options }, 0, onReceipt);
  core.clock(Date.UTC(2026, 10, 27), 0);
  return core;
}

function event(number, more) {
  return { event: `event ${number}`, distinctId: "u", properties: {}, ...more };
}

/** The request that is due, with its body read. */
function send(core, now) {
  const { request } = core.poll(now);
  assert.ok(request, `nothing to send at ${now}`);
  return { ...request, body: JSON.parse(Buffer.concat(request.body)) };
}

/** Answers a request: every event of it is stored. */
function deliver(core, { id, body }, now, pieceLength = Infinity) {
  const results = Object.fromEntries(body.batch.map(({ uuid }) => [uuid, { result: "ok" }]));
  answer(core, id, { results }, now, pieceLength);
}

function answer(core, id, answer, now, pieceLength = Infinity) {
  core.head(id, 200, null, null, now);
  const bytes = new TextEncoder().encode(JSON.stringify(answer));
  for (let start = 0; start < bytes.length; start += pieceLength) core.body(id, bytes.subarray(start, start + pieceLength));
  core.end(id, now);
}

/** An instance without the JavaScript around it, which has a client, unless it is told not to. */
function instance(receipt = () => {}, options = OPTIONS) {
  const [{ module, name }] = WebAssembly.Module.imports(MODULE);
  const { exports } = new WebAssembly.Instance(MODULE, { [module]: { [name]: receipt } });
  const bytes = new Uint8Array(exports.memory.buffer);
  const write = (text) => new TextEncoder().encodeInto(text, bytes.subarray(exports.input())).written;
  if (options) {
    write("16 random bytes.phc_raw");
    assert.equal(exports.create(7, 0, ...Object.values(options), 0), 0);
  }
  return { exports, bytes, write };
}

test("the wasm needs one import, and exports nothing but memory and functions of numbers", () => {
  assert.deepEqual(WebAssembly.Module.imports(MODULE).map(({ kind }) => kind), ["function"]);
  const exports = WebAssembly.Module.exports(MODULE);
  assert.deepEqual(exports.filter(({ kind }) => kind !== "function"), [{ name: "memory", kind: "memory" }]);
  assert.ok(exports.every(({ name }) => !name.startsWith("__")));
});

test("memory never grows, and a quarter of the stack is never used", () => {
  const { exports, bytes, write } = instance();
  const { byteLength } = exports.memory.buffer;
  assert.throws(() => exports.memory.grow(1), RangeError);
  const json = JSON.stringify({ text: "ä".repeat(1_000), $session_id: "s", $process_person_profile: " TRUE\n" });
  for (let round = 1; round <= 3; round += 1) {
    let length = write(`eu${json}`) - 2;
    let code = 0;
    while (code === 0) code = exports.capture(1, 1, length, false, 0, 0, 0, 0, NaN, round);
    assert.equal(CAPTURE_ERRORS[code], "queue_full");
    while (exports.poll(round) === -1) {
      const [id] = new Float64Array(exports.memory.buffer, exports.record(), 1);
      exports.head(id, 200, 0, round);
      length = write(`{"results":{"${"0".repeat(32)}":{"result":"ok"}}}`);
      exports.body(id, length);
      exports.end(id, round);
    }
    assert.equal(exports.poll(round), Infinity);
  }
  assert.equal(exports.memory.buffer.byteLength, byteLength);
  assert.equal(bytes.buffer, exports.memory.buffer);
  const used = STACK_BYTES - bytes.subarray(0, STACK_BYTES).findIndex((byte) => byte !== 0);
  assert.ok(used > 0 && used <= STACK_BYTES * 3 / 4, `${used} bytes of stack`);
});

test("two clients at once are two instances", () => {
  const ended = [[], []];
  const cores = ended.map((receipts) => start({ flushAt: 2 }, (receipt) => receipts.push(receipt.uuid)));
  const uuids = cores.map((core) => [core.capture(event(1), 1)]);
  cores.forEach((core, index) => uuids[index].push(core.capture(event(2), 2)));
  const requests = cores.map((core) => send(core, 3));
  assert.notEqual(requests[0].headers["posthog-request-id"], requests[1].headers["posthog-request-id"]);
  cores.toReversed().forEach((core, index) => deliver(core, requests[1 - index], 4));
  assert.deepEqual(ended, uuids);
});

test("after a trap an instance answers nothing any more, and another one starts anew", () => {
  const { exports } = instance();
  const traps = (call) => assert.throws(call, WebAssembly.RuntimeError);
  traps(() => exports.capture(exports.input_len(), 1, 0, false, 0, 0, 0, 0, NaN, 1));
  assert.equal(exports.poll(1), Infinity, "lengths are looked at before the client is touched");
  traps(() => instance(undefined, null).exports.poll(1));
  traps(() => exports.create(1, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const core = start({}, () => core.flush(5));
  core.capture(event(1), 1);
  core.close(2);
  traps(() => core.poll(3));
  traps(() => core.poll(4));
  const next = start();
  next.capture(event(2), 5);
  next.flush(5);
  assert.equal(send(next, 5).body.batch[0].event, "event 2");
});

test("a refused event says why, as a code and as a name", () => {
  const core = start({ queueEvents: 1 });
  const refused = (more, code, reason) => assert.throws(() => core.capture(event(1, more), 1), (error) => {
    assert.ok(error instanceof Refusal);
    assert.deepEqual([error.code, error.reason], [code, reason]);
    return new RegExp(`^hoglet: event refused: ${reason}(: [^]+)?$`).test(error.message);
  });
  const uuid = "0190a6c2-3b4d-7e5f-8a9b-c0d1e2f3a4b5";
  for (const event of ["", undefined, null, 7, {}]) refused({ event }, 1, "name_empty");
  refused({ event: "ä".repeat(101) }, 2, "name_too_long");
  refused({ event: "$performance_event" }, 3, "name_reserved");
  refused({ distinctId: " \u2003" }, 5, "distinct_id_empty");
  for (const distinctId of [undefined, null, true, {}, Symbol("u")]) refused({ distinctId }, 7, "distinct_id_illegal");
  refused({ timestamp: "yesterday" }, 8, "timestamp_invalid");
  for (const timestamp of [1e15, true, [], {}, new Date(NaN)]) refused({ timestamp }, 8, "timestamp_invalid");
  for (const properties of [[], null, undefined, () => {}, { toJSON: () => "text" }, { half: "\ud800" }]) {
    refused({ properties }, 9, "json_invalid");
  }
  const cycle = {};
  cycle.itself = cycle;
  const thrown = { toJSON: () => { throw new Error("mine"); } };
  for (const value of [cycle, 1n, thrown]) refused({ properties: { value } }, 9, "json_invalid");
  refused({ properties: { $set_once: new Date(0) } }, 11, "not_an_object");
  refused({ properties: { toJSON: () => ({ $set: 1 }) } }, 11, "not_an_object");
  for (const value of ["text", 5, []]) refused({ properties: { $set: value } }, 11, "not_an_object");
  refused({ uuid: "not a uuid" }, -1, "uuid_invalid");
  refused({ uuid: uuid.replaceAll(/\w/g, "0") }, 12, "uuid_nil");
  for (const length of [(1 << 20) - 100, 1 << 20]) refused({ properties: { text: "x".repeat(length) } }, 14, "event_too_large");
  assert.equal(core.capture(event(1, { uuid: uuid.toUpperCase(), timestamp: "2026-11-27T01:00:00+01:00" }), 1), uuid);
  refused({ uuid }, 13, "uuid_queued");
  refused({}, 15, "queue_full");
  core.close(9);
  refused({}, 16, "closed");
  const [sent] = send(core, 2).body.batch;
  assert.deepEqual([sent.uuid, sent.timestamp], [uuid, "2026-11-27T00:00:00.000Z"]);
});

test("a refusal names the limit and the value, and no key", () => {
  const core = start({ queueBytes: 400, queueEvents: 2 });
  const why = (work) => {
    try {
      work();
      return "";
    } catch (error) {
      assert.ok(error instanceof Refusal, `${error.stack}`);
      return error.message.replace(/^hoglet: (event refused|cannot start): /, "");
    }
  };
  const own = { toString: () => { throw new Error("mine"); } };
  for (const [more, message] of [
    [{ event: "ä".repeat(101) }, "name_too_long: 202 bytes, the limit is 200"],
    [{ event: null }, "name_empty: event is null, it must be a string"],
    [{ distinctId: "u".repeat(201) },
      "distinct_id_too_long: 201 bytes, the limit is 200"],
    [{ distinctId: own }, "distinct_id_illegal: distinctId is object, it must be a string"],
    [{ timestamp: "soon" },
      'timestamp_invalid: "soon", not in the years 0 to 9999'],
    [{ properties: null },
      "json_invalid: no object, over 32 deep, or half a character"],
    [{ properties: { a: 1n } }, "json_invalid: Do not know how to serialize a BigInt"],
    [{ properties: { a: { toJSON: own.toString } } }, "json_invalid: mine"],
    [{ properties: { a: { toJSON: () => { throw Symbol("s"); } } } }, "json_invalid: symbol"],
    [{ properties: { $set: [] } }, "not_an_object: $set is object, it must be an object"],
    [{ uuid: "7" }, 'uuid_invalid: uuid is "7", it must have 32 hexadecimal digits'],
    [{ uuid: own }, "uuid_invalid: mine"],
    [{ uuid: Symbol("u") }, 'uuid_invalid: uuid is "Symbol(u)", it must have 32 hexadecimal digits'],
    [{ properties: { a: "x".repeat(400) } },
      "event_too_large: 416 bytes, the limit is 400"],
    [{ properties: { a: "x".repeat(1 << 20) } },
      "event_too_large: over 1048576 bytes, the limit is 400"],
  ]) {
    assert.equal(why(() => core.capture(event(1, more), 1)), message);
  }
  const full = "queue_full: 10 bytes, the limit is 400 for 2 events";
  for (const message of ["", "", full]) {
    const absent = { uuid: null, timestamp: null };
    assert.equal(why(() => core.capture(event(1, absent), 1)), message);
  }
  const limit = "it must have 1 to 64 characters";
  const startWith = (token) => why(() => new Core(MODULE, token, OPTIONS, 0, () => {}));
  assert.equal(startWith("k".repeat(65)), `token_length: token has 65, ${limit}`);
  assert.equal(startWith(undefined), `token_length: token is undefined, ${limit}`);
});

test("what is sent as $set is an object, whatever a getter or a toJSON gives the next time", () => {
  const core = start();
  const turns = (first, second) => {
    let count = 0;
    return () => count++ === 0 ? first : second;
  };
  const refused = (properties) =>
    assert.throws(() => core.capture(event(1, { properties }), 1), { reason: "not_an_object" });
  for (const [first, second] of [[5, {}], [{}, 5]]) {
    for (const properties of [
      Object.defineProperty({}, "$set", { enumerable: true, get: turns(first, second) }),
      { $set: { toJSON: turns(first, second) } },
      { toJSON: turns({ $set: first }, { $set: second }) },
    ]) {
      if (first === 5) refused(properties);
      else core.capture(event(1, { properties }), 1);
    }
  }
  for (const $set of [undefined, null, { toJSON: () => null }, () => 5]) {
    core.capture(event(1, { properties: { $set, text: '"$set":5', nested: { $set: 5 } } }), 1);
  }
  core.flush(1);
  const sets = send(core, 1).body.batch.map(({ properties }) => properties.$set ?? {});
  assert.deepEqual(sets, Array(7).fill({}));
});

test("a configuration that cannot be used says why", () => {
  const token = (token, options) => () => new Core(MODULE, token, { ...OPTIONS, ...options }, 0, () => {});
  for (const [make, code, reason] of [
    [token(""), 1, "token_length"],
    [token("x".repeat(65)), 1, "token_length"],
    [token("x".repeat(1 << 21)), 1, "token_length"],
    [token(undefined), 1, "token_length"],
    [token("phc ä"), 2, "token_character"],
    [token("phx_personal"), 3, "personal_token"],
    [token("phc", { queueEvents: 0 }), 9, "no_storage"],
    [token("phc", { queueBytes: (1 << 20) + 1 }), 9, "no_storage"],
    [token("phc", { flushAt: -1 }), 10, "too_small"],
    [token("phc", { requestTimeout: NaN }), 10, "too_small"],
  ]) {
    assert.throws(make, ({ message, ...error }) => {
      assert.deepEqual(error, { name: "Refusal", code, reason });
      return new RegExp(`^hoglet: cannot start: ${reason}(: .+)?$`).test(message);
    });
  }
  start({ flushInterval: Infinity }).capture(event(1), 1);
});

/** The text of a file of the core. */
function source(file) {
  return readFileSync(new URL(`../../../core/src/${file}.rs`, import.meta.url), "utf8");
}

test("limits that errors name are those of the core", () => {
  const script = readFileSync(new URL("../src/core.ts", import.meta.url), "utf8");
  for (const [name, file, text] of [
    ["MAX_TOKEN_BYTES", "config"],
    ["MAX_NAME_BYTES", "capture_error"],
    ["MAX_DISTINCT_ID_BYTES", "capture_error"],
    ["MAX_DEPTH", "json/lexical"],
    ["MAX_EVENT_BYTES", "config", "max_event_bytes: "],
  ]) {
    const [, value] = script.match(new RegExp(`^const ${name} = (.+);$`, "m"));
    const line = text ? `${text}${value},` : `const ${name}: usize = ${value};`;
    assert.ok(source(file).includes(line), name);
  }
});

test("names belong to the codes that the core has", () => {
  const coded = (text) => [...text.matchAll(/, (\d+), "([a-z_]+)"\)|\s(\d+),\s+"([a-z_]+)",\s/g)];
  for (const [file, names] of [["capture_error", CAPTURE_ERRORS], ["config", CONFIG_ERRORS]]) {
    const codes = coded(source(file)).map(([, a, b, c, d]) => [Number(a ?? c), b ?? d]);
    assert.ok(codes.length > 8, file);
    for (const [code, name] of codes) assert.equal(names[code], name === "flush_at" ? "too_small" : name);
  }
  for (const [list, names] of [["kinds", OUTCOMES], ["errors", TRANSPORT_ERRORS]]) {
    const [, text] = source("receipt").match(new RegExp(`let ${list} = \\[(.*?)\\];`, "s"));
    assert.deepEqual([...text.matchAll(/"(\w+)"/g)].map(([, name]) => name), names);
  }
});

test("text of any kind arrives as it was", () => {
  const core = start();
  const events = [
    { event: "ascii", distinctId: "u", properties: { a: 1 } },
    { event: "ümlaut", distinctId: "🦔", properties: { "ä€": ["🦔\n\"\\"], b: { c: null } } },
    { event: "e", distinctId: "u", properties: { "{": "ä", "€": "}" } },
    { event: "half a pair \ud83e", distinctId: "\udd94", properties: {} },
  ];
  for (const event of events) core.capture(event, 1);
  core.flush(1);
  const { batch } = send(core, 1).body;
  for (const [index, { event, distinctId, properties }] of events.entries()) {
    assert.equal(batch[index].event, event.toWellFormed());
    assert.equal(batch[index].distinct_id, distinctId.toWellFormed());
    assert.deepEqual(batch[index].properties, properties);
  }
});

test("sentinels leave the properties, and a request says what it is", () => {
  const core = start();
  const properties = {
    $process_person_profile: "FALSE", $session_id: "s", $window_id: 7, $lib: "x", $set: { a: 1 }, kept: true,
  };
  const uuid = core.capture(event(1, { properties }), 1);
  core.flush(1);
  const { path, headers, body } = send(core, 1_500);
  const [{ version }] = [...readFileSync(new URL("../../../Cargo.toml", import.meta.url), "utf8")
    .matchAll(/^version = "(?<version>.*)"$/gm)].map(({ groups }) => groups);
  assert.deepEqual(body, {
    created_at: "2026-11-27T00:00:01.500Z",
    batch: [{
      event: "event 1", uuid, distinct_id: "u", timestamp: "2026-11-27T00:00:00.001Z",
      properties: { $set: { a: 1 }, kept: true }, session_id: "s", options: { process_person_profile: false },
    }],
  });
  assert.equal(path, "/i/v1/analytics/events");
  const { "posthog-request-id": request, ...others } = headers;
  assert.match(request, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.deepEqual(others, {
    "content-type": "application/json",
    "user-agent": `hoglet/${version}`,
    authorization: "Bearer phc_core",
    "posthog-sdk-info": `hoglet/${version}`,
    "posthog-attempt": "1",
    "posthog-request-timestamp": "2026-11-27T00:00:01.500Z",
  });
});

test("an answer in pieces of any size ends every event as the server says", () => {
  for (const pieceLength of [1, 7, Infinity]) {
    const receipts = [];
    const core = start({}, ({ uuid, ...receipt }) => receipts.push(receipt));
    for (const number of [1, 2, 3, 4]) core.capture(event(number), 1);
    core.flush(1);
    const { id, body } = send(core, 1);
    const verdicts = [
      { result: "ok" }, { result: "drop", details: "spam" }, { result: "limited" }, { result: "warning", details: "ä" },
    ];
    const results = Object.fromEntries(body.batch.map(({ uuid }, index) => [uuid, verdicts[index]]));
    answer(core, id, { results }, 2, pieceLength);
    assert.deepEqual(receipts.map(({ outcome, attempts, status, details }) => `${outcome} ${attempts} ${status} ${details}`),
      ["delivered 1 0 ", "dropped 1 0 spam", "accepted 1 0 limited", "warning 1 0 ?"]);
    const { delivered, warning, accepted, dropped, ...others } = core.stats();
    assert.deepEqual([delivered, warning, accepted, dropped], [1, 1, 1, 1]);
    assert.ok(Object.values(others).every((count) => count === 0));
  }
});

test("a body larger than the input is taken in parts", () => {
  const ended = [];
  const core = start({}, ({ outcome }) => ended.push(outcome));
  core.capture(event(1), 1);
  core.flush(1);
  const { id, body: { batch: [{ uuid }] } } = send(core, 1);
  core.head(id, 200, null, null, 2);
  const padding = " ".repeat(1 << 20);
  const isNeeded = core.body(id, new TextEncoder().encode(`{${padding}"results":{"${uuid}":{"result":"ok"}}}`));
  assert.equal(isNeeded, false);
  assert.deepEqual(ended, ["delivered"]);
});

test("why there was no delivery is a status or a name", () => {
  const receipts = [];
  const core = start({ maxRetries: 0 }, ({ outcome, status, details }) => receipts.push(`${outcome} ${status} ${details}`));
  const fail = (end) => {
    core.capture(event(1), 1);
    core.flush(1);
    end(send(core, 1).id);
  };
  for (const why of TRANSPORT_ERRORS) fail((id) => core.fail(id, why, 1));
  for (const status of [503, 401]) {
    fail((id) => {
      core.head(id, status, null, null, 1);
      core.end(id, 1);
    });
  }
  const failed = TRANSPORT_ERRORS.map((why) => why === "unreadable" ? "unconfirmed 0 " : `exhausted 0 ${why}`);
  assert.deepEqual(receipts, [...failed, "exhausted 503 ", "rejected 401 "]);
});

test("what a caller's value captures while it is read does not mix with its event", () => {
  const core = start();
  const captures = (number) => ({ toJSON: () => core.capture(event(number), 1), toString: () => core.capture(event(number), 1) });
  core.capture(event(1, { properties: { inner: captures(2) } }), 1);
  // The uuid of the inner event is taken already, so that the outer one is refused.
  assert.throws(() => core.capture(event(3, { uuid: captures(4) }), 1), { reason: "uuid_queued" });
  core.flush(1);
  const { batch } = send(core, 1).body;
  assert.deepEqual(batch.map(({ event }) => event), ["event 2", "event 1", "event 4"]);
  assert.equal(batch[1].properties.inner, batch[0].uuid);
});

test("Retry-After is seconds or a date", () => {
  const date = (s) => new Date(Date.UTC(2026, 10, 27, 0, 0, s)).toUTCString();
  for (const [retryAfter, now, least] of [
    ["7", null, 7_000],
    ["1.5", null, 1_500],
    [" 3, 60", null, 3_000],
    [date(9), date(4), 5_000],
    [date(4), date(9), 100],
    ["soon", date(4), 100],
    ["-5", null, 100],
    ["600", null, 30_000],
    [null, null, 100],
  ]) {
    const core = start();
    core.capture(event(1), 1);
    core.flush(1);
    const { id } = send(core, 1);
    core.head(id, 503, retryAfter, now, 1);
    core.end(id, 1);
    const { wakesAt } = core.poll(1);
    assert.equal(wakesAt - 1, least, retryAfter);
  }
});

test("a page that leaves hands everything out at once, in bodies of a limited size", () => {
  const core = start();
  for (let number = 0; number < 10; number += 1) core.capture(event(number, { properties: { text: "x".repeat(500) } }), 1);
  core.leave(2_000, 2);
  const sizes = [];
  const names = [];
  for (let next = core.poll(2); next.request; next = core.poll(2)) {
    const body = Buffer.concat(next.request.body);
    sizes.push(body.length);
    names.push(...JSON.parse(body).batch.map(({ event }) => event));
  }
  assert.ok(Math.max(...sizes) <= 2_000, sizes);
  assert.deepEqual(names, Array.from({ length: 10 }, (_, number) => `event ${number}`));
});
