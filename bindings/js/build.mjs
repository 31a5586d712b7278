// Builds dist: TypeScript into ESM, Node's half once more into CommonJS, and the wasm beside them. `wasm/build.sh` makes
// the wasm first, for Node and for edges: build.sh beside this file does both.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(here, "node_modules/typescript/bin/tsc"), "-p", here], { stdio: "inherit" });
cpSync(join(here, "pkg/node/hoglet_wasm_bg.wasm"), join(dist, "node.wasm"));
cpSync(join(here, "pkg/edge/hoglet_wasm_bg.wasm"), join(dist, "hoglet.wasm"));

for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(join(here, "../..", name), join(here, name));

const cjs = join(dist, "cjs");
mkdirSync(cjs);
writeFileSync(join(cjs, "package.json"), `{ "type": "commonjs" }\n`);
await build({
  entryPoints: [join(dist, "esm/node.js")],
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  outfile: join(cjs, "node.js"),
  define: { "import.meta.url": "hogletUrl" },
  banner: { js: `const hogletUrl = require("node:url").pathToFileURL(__filename).href;` },
});
for (const name of readdirSync(join(dist, "esm"))) {
  if (name.endsWith(".d.ts")) cpSync(join(dist, "esm", name), join(cjs, name));
}
