// All of it together in Node: API, core, wasm, and real HTTP to the local capture server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { FlagsError, PostHog, Refusal } from "../dist/esm/node.js";
import { startRaw, startServer } from "./server.mjs";

let server;
before(async () => { server = await startServer(); });
after(() => server.stop());

/** A client of the capture server, what it told, and nothing that is the platform's in its events. */
async function start(faults, options, flags) {
  await server.reset(faults, flags);
  const [receipts, errors] = [[], []];
  const posthog = new PostHog("phc_node", {
    host: server.url, fetchRetryDelay: 100, disableGeoip: false, isServer: false,
    onReceipt: (receipt) => receipts.push(receipt), onError: (error) => errors.push(error.message), ...options,
  });
  return { posthog, receipts, errors };
}

/** The stored events, without the system that they come from. */
async function stored() {
  const events = await server.shown("events");
  return events.map(({ event, distinct_id, properties: { $os, $os_version, $arch, ...properties } }) => {
    assert.ok($os && $os_version && $arch);
    return { event, distinct_id, properties };
  });
}

test("ten events arrive once each, through a 503 and a partial retry", async () => {
  const [ok, retry] = [{ result: "ok" }, { result: "retry", details: "not_persisted" }];
  const { posthog, receipts } = await start([{ status: 503 }, { verdicts: [ok, retry, ok, ok, retry] }]);
  const properties = { text: "ä€🦔\n", pi: 3.14, nested: { list: [1, null] } };
  for (let index = 0; index < 10; index += 1) {
    posthog.capture({ distinctId: "ünal", event: `event ${index}`, properties: { ...properties, index } });
  }
  const start_ms = Date.now();
  await posthog.flush();
  const events = await server.shown("events");
  assert.equal(events.length, 10);
  for (const { event, distinct_id, properties: { index, pi }, stored, time_ms } of events) {
    assert.deepEqual([event, distinct_id, pi, stored], [`event ${index}`, "ünal", 3.14, 1]);
    assert.ok(Math.abs(time_ms - start_ms) < 1_000);
  }
  const requests = await server.shown("requests");
  const header = (request, name) => request.headers.find(([key]) => key === name)?.[1];
  assert.deepEqual(requests.map(({ answer }) => answer.status), [503, 200, 200]);
  assert.deepEqual(requests.map((request) => header(request, "posthog-attempt")), ["1", "2", "3"]);
  assert.deepEqual(requests.map((request) => header(request, "content-encoding")), ["gzip", "gzip", "gzip"]);
  assert.equal(new Set(requests.map((request) => header(request, "posthog-request-id"))).size, 1);
  assert.deepEqual(requests.map(({ body }) => body.batch.length), [10, 10, 2]);
  assert.ok(receipts.every(({ outcome }) => outcome === "delivered"));
  assert.equal(await posthog.shutdown(), 0);
});

test("V0 has its path, its envelope and the SDK's name in the properties", async () => {
  const { posthog } = await start([], { captureMode: "v0", historicalMigration: true });
  posthog.capture({ distinctId: "u", event: "e" });
  assert.equal(await posthog.shutdown(), 0);
  const [{ path, body }] = await server.shown("requests");
  assert.deepEqual([path, body.api_key, body.historical_migration, body.batch.length], ["/batch/", "phc_node", true, 1]);
  assert.equal(body.batch[0].properties.$lib, "hoglet");
});

test("a full batch leaves without a flush, and shutdown waits for what is left", async () => {
  const { posthog, receipts } = await start([], { flushAt: 2 });
  for (const event of ["a", "b", "c"]) posthog.capture({ distinctId: "u", event });
  assert.equal(await posthog.shutdown(), 0);
  assert.deepEqual((await server.shown("requests")).map(({ body }) => body.batch.length), [2, 1]);
  assert.equal(receipts.length, 3);
  posthog.capture({ distinctId: "u", event: "late" });
  assert.equal(posthog.stats().refused, 1);
});

test("what cannot be sent is told with its reason, and capture does not throw", async () => {
  const { posthog, errors } = await start([]);
  posthog.capture({ distinctId: "u", event: "" });
  posthog.capture({ distinctId: "u", event: "e", properties: { text: "x".repeat(1 << 20) } });
  posthog.capture({ distinctId: "u", event: "e", properties: { big: 1n } });
  posthog.capture({ distinctId: "u", event: "e", timestamp: "yesterday" });
  await assert.rejects(posthog.captureImmediate({ distinctId: "u" }), (error) => error instanceof Refusal);
  const reasons = errors.map((text) => /^hoglet: event refused: (\w+)/.exec(text)[1]);
  assert.deepEqual(reasons, ["name_empty", "event_too_large", "json_invalid", "timestamp_invalid"]);
  assert.equal(await posthog.shutdown(), 0);
  assert.deepEqual([posthog.stats().refused, await server.shown("requests")], [5, []]);
});

test("an option that cannot be used is named, with its limit and its value", () => {
  const message = (options) => {
    try {
      new PostHog("phc_node", options);
      return "";
    } catch (error) {
      return error instanceof RangeError ? error.message : `${error}`;
    }
  };
  assert.equal(message({ flushAt: 0 }), "hoglet: flushAt is 0, it must be 1 to 4294967295");
  for (const requestTimeout of [0, NaN, Infinity, 2 ** 31, "1000"]) {
    assert.equal(message({ requestTimeout }), `hoglet: requestTimeout is ${requestTimeout}, it must be 1 to 2147483647`);
  }
  for (const host of ["us.i.posthog.com", "ftp://x", "http://u:p@x", "http://x/?a", "http://x/#a"]) {
    assert.match(message({ host }), /^hoglet: host is /);
    assert.doesNotMatch(message({ host }), /:p@/);
  }
  for (const host of ["", "  ", undefined, "http://x/prefix//"]) assert.equal(message({ host }), "");
});

test("an answer that cannot be read is not asked for again: the events may be stored", async () => {
  for (const answer of [
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    `HTTP/1.1 200 OK\r\n${"X-Padding: x\r\n".repeat(3_000)}Content-Length: 2\r\n\r\n{}`,
  ]) {
    const raw = await startRaw([answer]);
    const { posthog, receipts } = await start([], { host: raw.host });
    posthog.capture({ distinctId: "u", event: "e" });
    assert.equal(await posthog.shutdown(), 1);
    assert.deepEqual(receipts.map(({ outcome }) => outcome), ["unconfirmed"]);
    assert.equal(raw.requests.length, 1);
    assert.match(raw.requests[0], /accept-encoding: identity\r\n/i);
    raw.stop();
  }
});

test("identity, groups, exceptions and people's properties are events as posthog-node makes them", async () => {
  const { posthog } = await start([]);
  posthog.identify({ distinctId: "u", properties: { email: "a@b.c", $set_once: { first: 1 } } });
  posthog.identify({ distinctId: "u", properties: { $set: { plan: "pro" }, $set_once: { first: 1 } } });
  posthog.alias({ distinctId: "u", alias: "v" });
  posthog.groupIdentify({ groupType: "company", groupKey: "acme", properties: { seats: 3 } });
  posthog.setPersonProperties({ distinctId: "u", properties: { a: 1 }, propertiesOnce: { b: 2 } });
  posthog.setPersonProperties({ distinctId: "u", properties: {} });
  posthog.setPersonProperties({ distinctId: "u", properties: { a: 1 }, propertiesOnce: {} });
  posthog.unsetPersonProperties({ distinctId: "u", properties: "a" });
  posthog.unsetPersonProperties({ distinctId: "u", properties: ["b", " ", "c"] });
  posthog.unsetPersonProperties({ distinctId: "u", properties: [] });
  posthog.captureException(new TypeError("bad", { cause: new Error("worse") }), "u", { tag: 1 });
  await posthog.captureExceptionImmediate("thrown", "u", { tag: 2 });
  const events = await stored();
  await posthog.shutdown();
  const [exception, thrown] = events.splice(-2);
  assert.deepEqual([thrown.event, thrown.properties.tag], ["$exception", 2]);
  assert.deepEqual(events, [
    { event: "$identify", distinct_id: "u", properties: { $set: { email: "a@b.c" }, $set_once: { first: 1 } } },
    { event: "$identify", distinct_id: "u", properties: { $set: { plan: "pro" }, $set_once: { first: 1 } } },
    { event: "$create_alias", distinct_id: "u", properties: { distinct_id: "u", alias: "v" } },
    { event: "$groupidentify", distinct_id: "$company_acme", properties: { $group_type: "company", $group_key: "acme", $group_set: { seats: 3 } } },
    { event: "$set", distinct_id: "u", properties: { $set: { a: 1 }, $set_once: { b: 2 } } },
    { event: "$set", distinct_id: "u", properties: { $set: { a: 1 } } },
    { event: "$set", distinct_id: "u", properties: { $unset: ["a"] } },
    { event: "$set", distinct_id: "u", properties: { $unset: ["b", "c"] } },
  ]);
  const { $exception_list: list, tag } = exception.properties;
  assert.deepEqual([exception.event, tag, list.map(({ type, value }) => [type, value])], ["$exception", 1, [["TypeError", "bad"], ["Error", "worse"]]]);
  assert.equal(list[0].stacktrace.frames.at(-1).filename, fileURLToPath(import.meta.url));
});

test("registered properties, contexts and hooks meet in the order that posthog-node has", async () => {
  const before_send = [
    (event) => ({ ...event, properties: { ...event.properties, hooked: true } }),
    (event) => (event.event === "secret" ? null : event),
    (event) => {
      if (event.event === "throws") throw new Error("mine");
      return event;
    },
  ];
  const { posthog, errors } = await start([], { before_send });
  posthog.register({ a: "registered", b: "registered", c: "registered" });
  await posthog.withContext({ distinctId: "ctx", sessionId: "s-1", properties: { b: "context", c: "context" } }, async () => {
    await null;
    posthog.capture({ event: "in", properties: { c: "own" } });
    posthog.withContext({ properties: { b: "inner" } }, () => posthog.capture({ event: "inner" }));
    posthog.identify({ distinctId: "u", properties: { email: "x" } });
  });
  posthog.unregister("a");
  posthog.capture({ event: "nobody's" });
  for (const event of ["secret", "throws"]) posthog.capture({ distinctId: "u", event });
  posthog.optOut();
  posthog.capture({ distinctId: "u", event: "opted out" });
  await posthog.shutdown();
  const [first, inner, identify, nobodys, ...rest] = await server.shown("events");
  const said = ({ a, b, c, hooked }) => [a, b, c, hooked];
  assert.deepEqual([first.distinct_id, said(first.properties)], ["ctx", ["registered", "context", "own", true]]);
  assert.equal(first.session_id, "s-1");
  assert.deepEqual(said(inner.properties), ["registered", "inner", "context", true]);
  assert.deepEqual(said(identify.properties), [undefined, undefined, undefined, true]);
  assert.deepEqual(nobodys.options, { process_person_profile: false });
  assert.deepEqual(rest, []);
  assert.deepEqual(errors, ["hoglet: event dropped, before_send threw"]);
});

test("flags are asked for once, read from a snapshot, reported once, and attached to events", async () => {
  const flags = { on: true, off: false, color: "blue", layout: { value: { columns: 2 } }, broken: { failed: true } };
  const { posthog, errors } = await start([], {}, flags);
  const snapshot = await posthog.evaluateFlags("u", { groups: { company: "acme" }, personProperties: { plan: "pro" } });
  assert.deepEqual([...snapshot.keys].sort(), ["color", "layout", "off", "on"]);
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(["on", "off", "color", "broken", "absent"].map((key) => snapshot.getFlag(key)), [true, false, "blue", undefined, undefined]);
  }
  assert.equal(snapshot.getFlagPayload("on"), undefined);
  assert.deepEqual([snapshot.isEnabled("absent", { defaultValue: true }), snapshot.isEnabled("off")], [true, false]);
  posthog.capture({ distinctId: "u", event: "paid", flags: snapshot.only(["on", "color"]), properties: { n: 1 } });
  assert.deepEqual(await posthog.getAllFlags("u"), Object.fromEntries(snapshot.keys.map((key) => [key, snapshot.getFlag(key)])));
  await posthog.shutdown();
  const events = await stored();
  const called = events.filter(({ event }) => event === "$feature_flag_called").map(({ properties: { $feature_flag: key, $feature_flag_response: value, $feature_flag_error: error, $groups } }) => {
    assert.deepEqual($groups, { company: "acme" });
    return [key, value, error?.split(",").pop()];
  });
  assert.deepEqual(called, [
    ["on", true, "errors_while_computing_flags"], ["off", false, "errors_while_computing_flags"],
    ["color", "blue", "errors_while_computing_flags"], ["broken", null, "evaluation_failed"],
    ["absent", null, "flag_missing"], ["layout", true, "errors_while_computing_flags"],
  ]);
  const { properties } = events.find(({ event }) => event === "paid");
  assert.deepEqual(properties, { $active_feature_flags: ["color", "on"], "$feature/color": "blue", "$feature/on": true, n: 1 });
  assert.deepEqual(errors, []);
});

test("one flag is a result with its payload, and nothing if it is not known", async () => {
  const { posthog } = await start([], {}, { color: { value: "blue", payloads: { blue: { hex: "#00f" } } }, off: false });
  const silent = { sendFeatureFlagEvents: false };
  assert.deepEqual(await posthog.getFeatureFlagResult("color", "u"), { key: "color", enabled: true, variant: "blue", payload: { hex: "#00f" } });
  assert.deepEqual(await posthog.getFeatureFlagResult("off", "u", silent), { key: "off", enabled: false, variant: undefined, payload: undefined });
  assert.equal(await posthog.getFeatureFlagResult("absent", "u", silent), undefined);
  await posthog.shutdown();
  assert.deepEqual((await stored()).map(({ properties }) => properties.$feature_flag), ["color"]);
});

test("an answer with flags of over 1 MiB is not read, and names the limit", async () => {
  const body = JSON.stringify({ flags: {}, padding: "x".repeat(1 << 20) });
  const raw = await startRaw([`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`]);
  const posthog = new PostHog("phc_node", { host: raw.host, onError: () => {} });
  const { error } = await posthog.evaluateFlags("u");
  raw.stop();
  assert.match(error.message, /cannot be read: \d+ bytes, of at most 1048576$/);
});

test("flags are asked for again after a 502 and no other refusal, and an empty question asks nobody", async () => {
  for (const [statuses, expected] of [[[502], true], [[502, 502], undefined], [[500], undefined]]) {
    await server.reset([], { a: true });
    await fetch(`${server.url}/_/faults?flags`, { method: "POST", body: JSON.stringify(statuses.map((status) => ({ status }))) });
    const errors = [];
    const posthog = new PostHog("phc_node", { host: server.url, onError: (error) => errors.push(error) });
    assert.equal(await posthog.isFeatureEnabled("a", "u"), expected);
    assert.ok(errors.every((error) => error instanceof FlagsError));
    assert.deepEqual((await posthog.evaluateFlags("")).keys, []);
    assert.equal(errors.length, expected ? 0 : 1);
    await posthog.shutdown();
  }
});

test("the AI lane is a client of its own", async () => {
  const { posthog, errors } = await start([]);
  const uuid = posthog.captureAi({ distinctId: "u", event: "$ai_generation", properties: { $ai_model: "m" } });
  assert.equal(posthog.captureAi({ distinctId: "u", event: "other" }), undefined);
  assert.match(errors[0], /name_not_ai/);
  assert.equal(await posthog.captureAiImmediate({ distinctId: "u", event: "$ai_span" }).then((own) => typeof own), "string");
  await posthog.shutdown();
  const events = await server.shown("events");
  assert.deepEqual([events[0].uuid, events[0].lane, events.length], [uuid, "v1_ai", 2]);
});

test("a trap never reaches the caller: it is told once, and another instance goes on", async (t) => {
  const { posthog, errors } = await start([]);
  const { Instance } = WebAssembly;
  t.after(() => { WebAssembly.Instance = Instance; });
  let poll;
  WebAssembly.Instance = class {
    constructor(...args) {
      const { exports } = new Instance(...args);
      this.exports = { ...exports, poll: (now) => (poll ? poll() : exports.poll(now)) };
    }
  };
  posthog.capture({ distinctId: "u", event: "lost" });
  poll = () => { throw new WebAssembly.RuntimeError("unreachable"); };
  posthog.capture({ distinctId: "u", event: "traps" });
  poll = undefined;
  posthog.capture({ distinctId: "u", event: "kept" });
  assert.equal(await posthog.shutdown(), 2);
  assert.deepEqual(errors, ["hoglet: restarted, 2 events are lost"]);
  assert.deepEqual((await stored()).map(({ event }) => event), ["kept"]);
});

test("listeners that throw or reject are reported, and everything goes on", async (t) => {
  const { mock } = t.mock.method(console, "error", () => {});
  for (const onReceipt of [() => { throw new Error("mine"); }, async () => { throw new Error("mine"); }]) {
    const { posthog } = await start([], { onReceipt });
    for (const event of ["a", "b"]) posthog.capture({ distinctId: "u", event });
    assert.equal(await posthog.shutdown(), 0);
  }
  const told = mock.calls.map(({ arguments: [what, error] }) => `${what} ${error.message}`);
  assert.deepEqual(told, Array(4).fill("hoglet: a listener failed: mine"));
});

test("shutdown gives up in time and says how many events it could not send", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address();
  await new Promise((closed) => nobody.close(closed));
  const { posthog, receipts } = await start([], { host: `http://127.0.0.1:${port}/` });
  posthog.capture({ distinctId: "u", event: "e" });
  assert.equal(await posthog.shutdown(250), 1);
  assert.deepEqual(receipts.map(({ outcome }) => outcome), ["abandoned"]);
});

test("a process sends what is queued when it has nothing left to do, as ESM and as CommonJS", async () => {
  await server.reset();
  const path = (file) => JSON.stringify(fileURLToPath(new URL(`../dist/${file}`, import.meta.url)));
  const body = `new PostHog("phc_exit", { host: "${server.url}" }).capture({ distinctId: "u", event: "at exit" });`;
  const run = promisify(execFile);
  await run(process.execPath, ["--unhandled-rejections=strict", "--input-type=module", "-e", `import { PostHog } from ${path("esm/node.js")}; ${body}`]);
  await run(process.execPath, ["--unhandled-rejections=strict", "-e", `const { PostHog } = require(${path("cjs/node.js")}); ${body}`]);
  assert.deepEqual((await stored()).map(({ event }) => event), ["at exit", "at exit"]);
});

test("nothing happens at construction", async () => {
  const before = process.getActiveResourcesInfo().length;
  const posthog = new PostHog("phc_node", {});
  assert.equal(process.getActiveResourcesInfo().length, before);
  assert.equal(await posthog.shutdown(), 0);
});
