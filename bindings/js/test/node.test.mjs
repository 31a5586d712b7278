// All of it together: host, glue, wasm, and real HTTP to the local capture server. Its program is the one that
// HOGLET_CAPTURE_SERVER names, or built by cargo.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { Hoglet } from "../src/node.mjs";

const CARGO = ["cargo", "run", "--quiet", "--package", "capture-server", "--"];

let server, url;

before(async () => {
  const program = process.env.HOGLET_CAPTURE_SERVER;
  const [command, ...args] = [...(program ? [program] : CARGO), "--port", "0", "--quiet"];
  server = spawn(command, args, { cwd: new URL(".", import.meta.url), stdio: ["ignore", "pipe", "inherit"] });
  [url] = await once(createInterface(server.stdout), "line");
});

after(() => server.kill());

async function shown(what) {
  return (await fetch(`${url}/_/${what}`)).json();
}

/** A client of the capture server, which has forgotten everything but these faults. */
async function start(faults, options) {
  await fetch(`${url}/_/`, { method: "DELETE" });
  await fetch(`${url}/_/faults`, { method: "POST", body: JSON.stringify(faults) });
  const receipts = [];
  const onReceipt = (receipt) => receipts.push(receipt);
  const hoglet = new Hoglet("phc_node", { host: url, retryInitial: 100, onReceipt, ...options });
  return { hoglet, receipts };
}

test("ten events arrive once each, through a 503 and a partial retry", async () => {
  const [ok, retry] = [{ result: "ok" }, { result: "retry", details: "not_persisted" }];
  const { hoglet, receipts } = await start([{ status: 503 }, { verdicts: [ok, retry, ok, ok, retry] }]);
  const properties = { text: "ä€🦔\n", pi: 3.14, nested: { list: [1, null] }, $lib: "somebody else's" };
  const uuids = Array.from({ length: 10 }, (_, index) =>
    hoglet.capture({ distinctId: "ünal", event: `event ${index}`, properties: { ...properties, index } }));

  const start_ms = Date.now();
  await hoglet.flush();

  const events = await shown("events");
  const byIndex = events.toSorted((a, b) => a.properties.index - b.properties.index);
  assert.deepEqual(byIndex.map(({ uuid }) => uuid), uuids);
  for (const [index, event] of byIndex.entries()) {
    assert.equal(event.event, `event ${index}`);
    assert.equal(event.distinct_id, "ünal");
    const { $lib, ...kept } = properties;
    assert.deepEqual(event.properties, { ...kept, index });
    assert.equal(event.stored, 1);
    assert.ok(Math.abs(event.time_ms - start_ms) < 1_000, event.time);
  }

  const requests = await shown("requests");
  const header = (request, name) => request.headers.find(([key]) => key === name)[1];
  assert.deepEqual(requests.map(({ answer }) => answer.status), [503, 200, 200]);
  assert.deepEqual(requests.map((request) => header(request, "posthog-attempt")), ["1", "2", "3"]);
  assert.deepEqual(requests.map(({ body }) => body.batch.length), [10, 10, 2]);
  assert.equal(new Set(requests.map((request) => header(request, "posthog-request-id"))).size, 1);
  assert.equal(new Set(requests.map(({ body }) => body.created_at)).size, 1);

  const attempts = Object.fromEntries(receipts.map((receipt) => [receipt.uuid, receipt.attempts]));
  assert.equal(receipts.length, 10);
  assert.ok(receipts.every(({ outcome }) => outcome === "delivered"));
  assert.deepEqual(uuids.map((uuid) => attempts[uuid]), [2, 3, 2, 2, 3, 2, 2, 2, 2, 2]);
  assert.equal(await hoglet.shutdown(), 0);
});

test("a full batch leaves without a flush, and shutdown waits for what is left", async () => {
  const { hoglet, receipts } = await start([], { flushAt: 2 });
  for (const event of ["a", "b", "c"]) hoglet.capture({ distinctId: "u", event });
  assert.equal(await hoglet.shutdown(), 0);
  assert.equal((await shown("events")).length, 3);
  assert.deepEqual((await shown("requests")).map(({ body }) => body.batch.length), [2, 1]);
  assert.equal(receipts.length, 3);
});

test("what cannot be sent is refused with its reason", async () => {
  const { hoglet } = await start([]);
  const refused = (event, why) => assert.throws(() => hoglet.capture(event), new RegExp(`refused: ${why}\\b`));
  refused({ distinctId: "u", event: "" }, "name_empty");
  refused({ distinctId: undefined, event: "e" }, "distinct_id_illegal");
  refused({ distinctId: "u", event: "e", properties: [] }, "json_invalid");
  refused({ distinctId: "u", event: "e", properties: { text: "x".repeat(1 << 20) } }, "event_too_large");
  assert.equal(await hoglet.shutdown(), 0);
  refused({ distinctId: "u", event: "e" }, "closed");
  assert.deepEqual(await shown("requests"), []);
  assert.throws(() => new Hoglet("phx_personal"), /cannot start: personal_token$/);
  assert.throws(() => new Hoglet(), /cannot start: token_length: token is undefined\b/);
  assert.throws(() => hoglet.capture(), /refused: name_empty: event is undefined\b/);
});

test("an option that cannot be used is named, with its limit and its value", () => {
  const message = (options) => {
    try {
      new Hoglet("phc_node", options);
      return "";
    } catch (error) {
      return error.message.replace(/^hoglet: /, "");
    }
  };
  assert.equal(message({ flushAt: 0 }), "flushAt is 0, it must be a number from 1 to 4294967295");
  const range = "it must be a number from 1 to 2147483647";
  for (const [requestTimeout, shown] of [
    [0, "0"], [NaN, "NaN"], [Infinity, "Infinity"], [2 ** 31, "2147483648"],
    [2 ** 32, "4294967296"], ["1000", '"1000"'], [null, "null"], [1_000n, "bigint"],
    [Symbol("s"), "symbol"], [{}, "object"],
  ]) {
    assert.equal(message({ requestTimeout }), `requestTimeout is ${shown}, ${range}`);
  }
  assert.equal(message({ onReceipt: 7 }), "onReceipt is 7, it must be a function");
  const password = `http://u:${"p".repeat(200)}`;
  for (const [host, shown] of [
    ["us.i.posthog.com", '"us.i.posthog.com"'], ["localhost:80", '"localhost:80"'],
    ["ftp://x", '"ftp://x"'], ["http://x:99999", '"http://x:99999"'],
    ["http://x/?a", '"http://x/?a"'], ["http://x/#a", '"http://x/#a"'],
    [`${password}@x`, '"…@x"'], [`${password}@[`, '"…@["'],
    [7, "7"], [{}, "object"], [Symbol("s"), "symbol"],
  ]) {
    const rule = "http or https without a user, query or fragment";
    const whole = `host is ${shown}, it must be ${rule}, such as https://us.i.posthog.com`;
    assert.equal(message({ host }), whole);
  }
});

test("requests go to the paths under the host, by default PostHog's", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url) => {
    asked.push(url);
    return new Response("", { status: 401 });
  });
  const path = "/i/v1/analytics/events";
  const byDefault = [undefined, null, "", " \n"].map((host) => [host, "https://us.i.posthog.com"]);
  for (const [host, base] of [
    ...byDefault,
    ["http://x/", "http://x"], ["http://x/?", "http://x"], ["http://x/#", "http://x"],
    [" HTTP://X:80/pre/fix// ", "http://x/pre/fix"], [new URL("https://x:8000"), "https://x:8000"],
  ]) {
    const hoglet = new Hoglet("phc_node", { host });
    hoglet.capture({ distinctId: "u", event: "e" });
    await hoglet.shutdown();
    assert.equal(asked.pop(), `${base}${path}`);
  }
});

test("any timeout within its limits sends", async () => {
  for (const requestTimeout of [1_500.5, 2 ** 31 - 1]) {
    const { hoglet } = await start([], { requestTimeout });
    hoglet.capture({ distinctId: "u", event: "e" });
    assert.equal(await hoglet.shutdown(5_000), 0);
  }
});

/** A server that answers each request with the next of these, byte for byte, and counts them. */
async function raw(t, answers) {
  const requests = [];
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      text += piece;
      const [, length] = /content-length: (\d+)/i.exec(text) ?? [];
      const end = text.indexOf("\r\n\r\n");
      if (end < 0 || text.length < end + 4 + Number(length)) return;
      requests.push(text);
      text = "";
      socket.end(answers[requests.length - 1] ?? "");
    });
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return { requests, host: `http://127.0.0.1:${server.address().port}` };
}

test("an answer that cannot be read is not asked for again, as it may say stored", async (t) => {
  for (const answer of [
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    `HTTP/1.1 200 OK\r\n${"X-Padding: x\r\n".repeat(3_000)}Content-Length: 2\r\n\r\n{}`,
  ]) {
    const { requests, host } = await raw(t, [answer]);
    const { hoglet, receipts } = await start([], { host, requestTimeout: 5_000 });
    hoglet.capture({ distinctId: "u", event: "e" });
    assert.equal(await hoglet.shutdown(), 1);
    assert.deepEqual(receipts.map(({ outcome }) => outcome), ["unconfirmed"]);
    assert.equal(requests.length, 1);
    assert.match(requests[0], /accept-encoding: identity\r\n/i);
  }
});

test("an answer in a coding that breaks off is asked for again", async (t) => {
  const again = new Error("reset");
  again.cause = { code: "ECONNRESET" };
  const reset = new ReadableStream({ pull: (body) => body.error(again) });
  const answers = [
    new Response(reset, { headers: { "content-encoding": "gzip" } }),
    new Response("", { status: 401 }),
  ];
  t.mock.method(globalThis, "fetch", async () => answers.shift());
  const receipts = [];
  const onReceipt = ({ outcome }) => receipts.push(outcome);
  const hoglet = new Hoglet("phc_node", { retryInitial: 100, onReceipt });
  hoglet.capture({ distinctId: "u", event: "e" });
  await hoglet.shutdown();
  assert.deepEqual(receipts, ["rejected"]);
});

test("two clients share nothing", async () => {
  const first = await start([], { flushAt: 2 });
  const receipts = [];
  const second = new Hoglet("phc_second", { host: url, onReceipt: (receipt) => receipts.push(receipt) });
  const uuids = ["a", "b"].flatMap((event) =>
    [first.hoglet, second].map((hoglet) => hoglet.capture({ distinctId: "u", event })));
  assert.equal(new Set(uuids).size, 4);
  assert.deepEqual(await Promise.all([first.hoglet.shutdown(), second.shutdown()]), [0, 0]);
  assert.deepEqual(first.receipts.map(({ uuid }) => uuid), [uuids[0], uuids[2]]);
  assert.deepEqual(receipts.map(({ uuid }) => uuid), [uuids[1], uuids[3]]);
  const tokens = (await shown("requests")).map(({ headers }) => headers.find(([key]) => key === "authorization")[1]);
  assert.deepEqual(tokens.toSorted(), ["Bearer phc_node", "Bearer phc_second"]);
});

test("after a trap another instance goes on, and what was queued counts as not delivered", async (t) => {
  const { mock } = t.mock.method(console, "error", () => {});
  const { Instance } = WebAssembly;
  let traps = 1;
  t.mock.method(WebAssembly, "Instance", function (module, imports) {
    const { exports } = new Instance(module, imports);
    // A length beyond the memory: a trap of the instance's own.
    const capture = (...numbers) => exports.capture(...(traps-- === 0 ? [2 ** 31] : numbers));
    return { exports: { ...exports, capture } };
  });
  const { hoglet, receipts } = await start([]);
  hoglet.capture({ distinctId: "u", event: "lost" });
  const flushed = hoglet.flush();
  assert.throws(() => hoglet.capture({ distinctId: "u", event: "traps" }), /event lost/);
  await flushed;
  hoglet.capture({ distinctId: "u", event: "kept" });
  assert.equal(await hoglet.shutdown(), 1);
  assert.equal(receipts.length, 1);
  assert.throws(() => hoglet.capture({ distinctId: "u", event: "e" }), /refused: closed$/);
  assert.deepEqual(mock.calls.map(({ arguments: [what] }) => what), ["hoglet: restarted, 1 events are lost:"]);
});

test("shutdown counts every event that was not delivered", async () => {
  const faults = [{ status: 400 }, { status: 503 }, { verdicts: [{ result: "warning" }, { result: "drop" }] }];
  const { hoglet, receipts } = await start(faults, { maxRetries: 0 });
  for (const batch of [["a"], ["b"], ["c", "d"]]) {
    for (const event of batch) hoglet.capture({ distinctId: "u", event });
    await hoglet.flush();
  }
  assert.deepEqual(receipts.map(({ outcome }) => outcome), ["rejected", "exhausted", "warning", "dropped"]);
  assert.equal(await hoglet.shutdown(), 3);
});

test("a callback that throws or rejects is reported once, and everything goes on", async (t) => {
  const { mock } = t.mock.method(console, "error", () => {});
  for (const onReceipt of [() => { throw new Error("mine"); }, async () => { throw new Error("mine"); }]) {
    const { hoglet } = await start([], { onReceipt });
    for (const event of ["a", "b", "c"]) hoglet.capture({ distinctId: "u", event });
    assert.equal(await hoglet.shutdown(), 0);
    assert.equal((await shown("events")).length, 3);
  }
  const told = mock.calls.map(({ arguments: [what, error] }) => `${what} ${error.message}`);
  assert.deepEqual(told, Array(2).fill("hoglet: onReceipt failed: mine"));
});

test("shutdown gives up in time and says how many events it could not send", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address();
  await new Promise((closed) => nobody.close(closed));
  const { hoglet, receipts } = await start([], { host: `http://127.0.0.1:${port}/` });
  const uuid = hoglet.capture({ distinctId: "u", event: "e" });
  assert.equal(await hoglet.shutdown(250), 1);
  // The waits between attempts are random, so their number is.
  assert.equal(receipts.length, 1);
  const [{ attempts, ...receipt }] = receipts;
  assert.ok(attempts >= 1, `${attempts} attempts`);
  assert.deepEqual(receipt, { uuid, outcome: "abandoned", status: 0, details: "" });
});
