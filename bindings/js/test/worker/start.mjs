// A Worker in a real workerd, by miniflare: bundled as wrangler does it, with the package that was built.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));

/** Starts the Worker whose module is `entry`, with options of miniflare. */
export async function startWorker(entry, options) {
  const { outputFiles: [{ text }] } = await build({
    entryPoints: [entry], bundle: true, format: "esm", conditions: ["workerd"], write: false,
    alias: { hoglet: `${dist}esm/workerd.js` },
    plugins: [{
      name: "modules of the runtime",
      setup(build) {
        build.onResolve({ filter: /\.wasm$/ }, () => ({ path: "./hoglet.wasm", external: true }));
        build.onResolve({ filter: /^cloudflare:/ }, ({ path }) => ({ path, external: true }));
      },
    }],
  });
  const worker = new Miniflare({
    compatibilityDate: "2026-04-01", cf: false, telemetry: { enabled: false },
    modules: [
      { type: "ESModule", path: "worker.mjs", contents: text },
      { type: "CompiledWasm", path: "hoglet.wasm", contents: readFileSync(`${dist}hoglet.wasm`) },
    ],
    ...options,
  });
  await worker.ready;
  return worker;
}
