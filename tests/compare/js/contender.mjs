// One run of one contender, in a process of its own; prints its figures as JSON.
//   node contender.mjs hoglet|posthog-node URL EVENTS
import { performance } from "node:perf_hooks";

const [name, host, events] = process.argv.slice(2);
/** Events until the next flush: both queue them all. */
const BURST = 500;
const properties = {
  plan: "enterprise", $current_url: "https://app.example.com/projects/42?tab=settings", seats: 25, balance: -1250, ratio: 0.731, trial: false,
  referrer: null, tags: ["beta", "eu"], device: { os: "Linux", cores: 8 }, note: "said \"yes\"\n",
};

const start = performance.now();
process.env.POSTHOG_CAPTURE_MODE = "v1";
const { PostHog } = await import(name);
const posthog = new PostHog("phc_compare", { host, flushAt: 100, flushInterval: 10_000, maxQueueSize: 1_000, captureMode: "v1" });
posthog.capture({ distinctId: "first", event: "first" });
const first = performance.now() - start;
await posthog.flush();

async function run(count) {
  let called = 0;
  const [cpu, loop, begin] = [process.cpuUsage(), performance.eventLoopUtilization(), performance.now()];
  for (let number = 0; number < count; number += BURST) {
    const before = performance.now();
    for (let index = 0; index < BURST; index += 1) {
      posthog.capture({ distinctId: `user-${index % 7}`, event: "paid", properties: { ...properties, number: number + index } });
    }
    called += performance.now() - before;
    await posthog.flush();
  }
  const [took, { active }, { user, system }] = [performance.now() - begin, performance.eventLoopUtilization(loop), process.cpuUsage(cpu)];
  return { call: (called * 1_000) / count, main: (active * 1_000) / count, cpu: (user + system) / count, rate: (count * 1_000) / took };
}

await run(5_000);
await fetch(`${host}/_/take`);
const figures = await run(Number(events));
const { requests, bytes, paths } = await (await fetch(`${host}/_/take`)).json();
if (paths.some((path) => !path.startsWith("/i/v1/"))) throw new Error(`${name} is not in Capture V1: ${paths}`);
console.log(JSON.stringify({ ...figures, bytes: bytes / events, requests, memory: process.resourceUsage().maxRSS / 1_024, first }));
await posthog.shutdown();
process.exit();
