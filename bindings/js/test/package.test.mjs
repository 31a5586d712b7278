// The package as a stranger gets it: packed, installed into small programs, compiled against, and linted.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { startServer } from "./server.mjs";

const run = promisify(execFile);
const here = fileURLToPath(new URL("..", import.meta.url));
const tool = (name) => join(here, "node_modules/.bin", name);
let folder, app, tarball, server;

before(async () => {
  server = await startServer();
  folder = await mkdtemp(join(tmpdir(), "hoglet-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: here });
  tarball = join(folder, stdout.trim());
  app = join(folder, "app");
  await run("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", app, tarball]);
});

after(async () => {
  server.stop();
  await rm(folder, { recursive: true });
});

/** Writes a program that captures one event, and returns its path. */
async function program(name, begin) {
  const path = join(app, name);
  await writeFile(path, `${begin}\nconst posthog = new PostHog("phc_app", { host: "${server.url}" });
posthog.capture({ distinctId: "u", event: "${name}" });\n`);
  return path;
}

async function sent(name) {
  const events = await server.shown("events");
  return events.some(({ event }) => event === name);
}

test("ESM, CommonJS and a bundle of each send an event from an installed package", async () => {
  await server.reset();
  const esm = await program("esm.mjs", `import { PostHog } from "hoglet";`);
  const cjs = await program("cjs.cjs", `const { PostHog } = require("hoglet");`);
  for (const [name, path] of [["esm.mjs", esm], ["cjs.cjs", cjs]]) {
    await run(process.execPath, [path]);
    assert.ok(await sent(name), name);
  }
  // A bundle has the wasm beside the folder that it is in, as the package has.
  const bundled = await program("bundled.mjs", `import { PostHog } from "hoglet";`);
  const outfile = join(app, "node_modules/hoglet/dist/bundle/out.mjs");
  await build({ entryPoints: [bundled], bundle: true, platform: "node", format: "esm", outfile });
  await run(process.execPath, [outfile]);
  assert.ok(await sent("bundled.mjs"));
});

test("an edge's bundler finds the wasm, and no built-in of Node", async () => {
  const path = await program("edge.mjs", `import { PostHog } from "hoglet";`);
  const external = ["*.wasm", "cloudflare:*"];
  const { metafile } = await build({ entryPoints: [path], bundle: true, format: "esm", conditions: ["workerd"], external, write: false, metafile: true });
  const imports = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  assert.deepEqual(imports.sort(), ["../hoglet.wasm", "cloudflare:workers"]);
  const wasm = await readFile(join(app, "node_modules/hoglet/dist/hoglet.wasm"));
  assert.ok(await WebAssembly.compile(wasm));
});

test("the types hold under the strictest options and both resolutions, without a browser's", async () => {
  const uses = `
const options: PostHogOptions = { flushAt: 1, before_send: [(event) => (event.event === "x" ? null : event)] };
const posthog: PostHog = new PostHog("phc_app", options);
posthog.capture({ distinctId: "u", event: "e", properties: { n: 1 } });
posthog.on("receipt", ({ outcome, uuid }) => console.log(outcome satisfies Outcome, uuid));
// @ts-expect-error There is no such listener.
posthog.on("other", () => {});
// @ts-expect-error An event has a name.
posthog.capture({ distinctId: "u" });
export async function main(): Promise<number> {
  const flags = await posthog.evaluateFlags("u", { flagKeys: ["a"] });
  const value: boolean | string | undefined = flags.getFlag("a");
  console.log(value);
  return posthog.shutdown();
}\n`;
  await writeFile(join(app, "a.mts"), `import { PostHog, type Outcome, type PostHogOptions } from "hoglet";${uses}`);
  await writeFile(join(app, "b.cts"), `import hoglet = require("hoglet");\nexport const posthog = new hoglet.PostHog("phc");\n`);
  const strict = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022", "--lib", "es2023",
    "--types", "node", "--typeRoots", join(here, "node_modules/@types")];
  await run(tool("tsc"), [...strict, "--module", "node16", "--moduleResolution", "node16", "a.mts", "b.cts"], { cwd: app });
  await run(tool("tsc"), [...strict, "--module", "esnext", "--moduleResolution", "bundler", "a.mts"], { cwd: app });
});

test("publint and arethetypeswrong find nothing", async () => {
  await run(tool("publint"), ["--strict", join(app, "node_modules/hoglet")]);
  const ignored = ["--ignore-rules", "cjs-resolves-to-esm", "--profile", "node16", "--exclude-entrypoints", "hoglet.wasm"];
  await run(tool("attw"), [tarball, ...ignored]);
});
