// `cargo compare js`: hoglet and posthog-node in Node, both in Capture V1 with gzip, in turn, several times; medians. What is
// captured, how often it is flushed, and the server are the same.
//   node compare.mjs [ROUNDS] [EVENTS]
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const [rounds = "5", events = "20000"] = process.argv.slice(2);
const CONTENDERS = ["hoglet", "posthog-node"];
const FIGURES = {
  call: "µs a call of `capture`", main: "µs of the main thread an event, all in", cpu: "µs of CPU an event, all threads", rate: "events a second",
  bytes: "bytes sent an event", requests: "requests", memory: "peak memory, MB", first: "ms from import to the first event captured",
};
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const sink = fork(here("sink.mjs"));
const [url] = await once(sink, "message");
const measured = Object.fromEntries(CONTENDERS.map((name) => [name, []]));
for (let round = 1; round <= Number(rounds); round += 1) {
  for (const name of CONTENDERS) {
    const { stdout } = await run(process.execPath, [here("contender.mjs"), name, url, events]);
    measured[name].push(JSON.parse(stdout));
  }
}
sink.disconnect();

const median = (name, figure) => measured[name].map((run) => run[figure]).sort((a, b) => a - b)[Math.floor(rounds / 2)];
const shown = (value) => (value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
console.log(`| ${events} events, ${rounds} rounds | ${CONTENDERS.join(" | ")} | theirs / ours |\n| --- | ---: | ---: | ---: |`);
for (const [figure, title] of Object.entries(FIGURES)) {
  const [ours, theirs] = CONTENDERS.map((name) => median(name, figure));
  console.log(`| ${title} | ${shown(ours)} | ${shown(theirs)} | ${(theirs / ours).toFixed(2)} |`);
}
