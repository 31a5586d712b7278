// The examples as a newcomer runs them: installed, then node and `wrangler dev`.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./server.mjs";

const run = promisify(execFile);
const folder = (name) => fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
let server;

before(async () => {
  server = await startServer();
  for (const name of ["node", "cloudflare-worker"]) {
    await run("npm", ["ci", "--silent", "--no-audit", "--no-fund"], { cwd: folder(name) });
  }
});

after(() => server.stop());

/** Starts a program that says where it listens. */
async function start(name, args, variables) {
  const env = { ...process.env, POSTHOG_HOST: server.url, WRANGLER_SEND_METRICS: "false", CI: "1", ...variables };
  const child = spawn(process.execPath, args, { cwd: folder(name), env });
  let said = "";
  const url = await new Promise((done, fail) => {
    const read = (piece) => {
      said += piece;
      const [found] = /http:\/\/127\.0\.0\.1:[1-9]\d*(?=\n)/.exec(said) ?? [];
      if (found) done(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => fail(new Error(`${args}: ended with ${code}: ${said}`)));
  });
  return {
    ask: async (path) => (await fetch(url + path, { headers: { "x-user": "anna" } })).text(),
    async end() {
      child.kill("SIGTERM");
      await once(child, "close");
      return said;
    },
  };
}

/** The names of the events that have arrived, once there are so many. */
async function arrived(count) {
  for (let patience = 500; patience > 0; patience -= 1) {
    const events = await server.shown("events");
    if (events.length >= count) return events.map(({ event, distinct_id }) => `${event} of ${distinct_id}`).sort();
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`${(await server.shown("events")).length} of ${count} events have arrived`);
}

test("the script asks for a flag, captures, and has nothing left", async () => {
  await server.reset([], { "new-checkout": true });
  const { stdout, stderr } = await run(process.execPath, ["script.js"], { cwd: folder("node"), env: { ...process.env, POSTHOG_HOST: server.url } });
  assert.deepEqual([stdout, stderr], ["the new checkout; 0 events were not delivered\n", ""]);
  assert.deepEqual(await arrived(3), ["$feature_flag_called of user-1", "$identify of user-1", "import finished of user-1"]);
});

test("the server's requests have their user, and a signal loses nothing", async () => {
  await server.reset();
  const program = await start("node", ["server.js"], { PORT: "0" });
  assert.deepEqual([await program.ask("/"), await program.ask("/broken")], ["hello\n", "sorry\n"]);
  assert.match(await program.end(), /\n0 events were not delivered\n$/);
  assert.deepEqual(await arrived(2), ["$exception of anna", "request of anna"]);
});

for (const config of ["wrangler.jsonc", "wrangler.queue.jsonc"]) {
  test(`wrangler dev runs ${config}`, async () => {
    await server.reset([], { "new-checkout": true });
    const wrangler = ["node_modules/wrangler/bin/wrangler.js", "dev", "--config", config, "--ip", "127.0.0.1", "--port", "0"];
    const program = await start("cloudflare-worker", [...wrangler, "--var", `POSTHOG_HOST:${server.url}`]);
    assert.equal(await program.ask("/page"), "hello\n");
    assert.deepEqual(await arrived(1), ["request of anna"]);
    if (config === "wrangler.jsonc") {
      assert.equal(await program.ask("/flag"), "new checkout\n");
      assert.deepEqual(await arrived(2), ["$feature_flag_called of anna", "request of anna"]);
    }
    await program.end();
  });
}
