// Prints what a program with hoglet weighs, by esbuild, minified: a line each of a name, bytes, bytes by gzip and by
// brotli. `build.sh` comes first.
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const dist = fileURLToPath(new URL("dist/", import.meta.url));

async function script(entry, platform) {
  const { outputFiles: [{ contents }] } = await build({
    entryPoints: [`${dist}esm/${entry}`], bundle: true, minify: true, format: "esm", platform, target: "es2022", write: false,
    external: ["cloudflare:*", "*.wasm"], conditions: platform === "node" ? ["node"] : ["workerd"],
  });
  return contents;
}

function print(name, ...parts) {
  const sum = (size) => parts.reduce((total, part) => total + size(part), 0);
  const gzip = (part) => gzipSync(part, { level: 9 }).length;
  console.log(`${name}: ${sum((part) => part.length)} ${sum(gzip)} ${sum((part) => brotliCompressSync(part).length)}`);
}

const [node, edge] = ["node.wasm", "hoglet.wasm"].map((name) => readFileSync(dist + name));
const [nodeScript, edgeScript] = [await script("node.js", "node"), await script("workerd.js", "neutral")];
print("Node: wasm", node);
print("Node: JavaScript", nodeScript);
print("Node: both", node, nodeScript);
print("Workers: wasm", edge);
print("Workers: JavaScript", edgeScript);
print("Workers: both", edge, edgeScript);
