// All of it together in a real workerd, by miniflare.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "./server.mjs";
import { startWorker } from "./worker/start.mjs";

let server, worker;

before(async () => {
  server = await startServer();
  worker = await startWorker(fileURLToPath(new URL("worker/worker.mjs", import.meta.url)), {
    bindings: { POSTHOG: server.url },
    queueProducers: { QUEUE: "leftover" },
    queueConsumers: { leftover: { maxBatchSize: 100, maxBatchTimeout: 0.1, maxRetries: 10, retryDelay: 0 } },
  });
});

after(async () => {
  await worker.dispose();
  server.stop();
});

const ask = async (path) => (await worker.dispatchFetch(`http://worker${path}`)).text();

/** Waits until nothing of an earlier test is on its way, and begins anew. */
async function reset(...anew) {
  while (JSON.parse(await ask("/stats")).pending > 0) await new Promise((done) => setTimeout(done, 20));
  await server.reset(...anew);
}

/** The events that have arrived once there are so many. */
async function arrived(count) {
  for (let patience = 1_000; patience > 0; patience -= 1) {
    const events = await server.shown("events");
    if (events.length >= count) return events;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${(await server.shown("events")).length} of ${count} events have arrived`);
}

test("the response does not wait, and the events arrive in one request", async () => {
  await reset([{ delay_ms: 500 }]);
  const start = performance.now();
  assert.equal(await ask("/capture"), "captured");
  const took = performance.now() - start;
  const events = await arrived(2);
  assert.ok(performance.now() - start > took);
  assert.deepEqual(events.map(({ event, distinct_id }) => [event, distinct_id]), [["first", "u"], ["second", "u"]]);
  assert.equal((await server.shown("requests")).length, 1);
  assert.deepEqual(events[0].properties, { $geoip_disable: true, $is_server: true });
});

test("what is on its way is pending, also to another request", async () => {
  await reset([{ status: 503 }]);
  const before = JSON.parse(await ask("/stats"));
  await ask("/capture");
  const { captured, pending } = JSON.parse(await ask("/stats"));
  assert.deepEqual([captured - before.captured, pending], [2, 2]);
  await arrived(2);
});

test("a hundred requests at once share a client, and nothing of it crosses between them", async () => {
  await reset(Array(20).fill({ status: 503 }));
  const paths = Array.from({ length: 100 }, (_, who) => `/later?who=${who}`);
  assert.deepEqual(await Promise.all(paths.map(ask)), Array(100).fill("captured"));
  const events = await arrived(200);
  assert.equal(events.length, 200);
  assert.equal(new Set(events.map(({ uuid }) => uuid)).size, 200);
  assert.ok(events.every(({ stored }) => stored === 1));
});

test("an event can be waited for, through a 503", async () => {
  await reset([{ status: 503 }]);
  const receipt = JSON.parse(await ask("/immediate"));
  assert.deepEqual([receipt.outcome, receipt.attempts], ["delivered", 2]);
});

test("flags are asked for, and attached", async () => {
  await reset([], { on: true, color: "blue" });
  assert.deepEqual(JSON.parse(await ask("/flags")), { color: "blue", on: true });
  const events = await arrived(3);
  assert.deepEqual(events.map(({ event }) => event).sort(), ["$feature_flag_called", "$feature_flag_called", "decided"]);
  const decided = events.find(({ event }) => event === "decided");
  assert.deepEqual(decided.properties.$active_feature_flags, ["color", "on"]);
});

test("the AI lane is a burst of its own", async () => {
  await reset();
  const { uuid } = JSON.parse(await ask("/ai"));
  const [event] = await arrived(1);
  assert.deepEqual([event.uuid, event.lane], [uuid, "v1_ai"]);
});

test("what a failing server does not take in time goes through a queue, and arrives once", async () => {
  // More refusals than the first second of attempts meets.
  await reset(Array(12).fill({ status: 503 }));
  assert.equal(await ask("/many?who=late"), "captured");
  const events = await arrived(100);
  assert.deepEqual(new Set(events.map(({ event }) => event)).size, 100);
  assert.ok(events.every(({ stored, distinct_id }) => stored === 1 && distinct_id === "late"));
  const [first] = events;
  assert.deepEqual(first.properties, { $geoip_disable: true, $is_server: true });
});

test("at module scope nothing happens, and everything adds up", async () => {
  await reset();
  const { captured, delivered, lost, pending, refused, unused } = JSON.parse(await ask("/stats"));
  assert.ok(captured >= delivered && delivered > 300);
  assert.deepEqual([lost, pending, refused, unused], [0, 0, 0, 0]);
});
