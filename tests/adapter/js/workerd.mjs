// The adapter of the npm package in workerd: `cargo adapter workerd` runs it.
//   node workerd.mjs MODE COMPRESSION PORT
import { fileURLToPath } from "node:url";
import { startWorker } from "../../../bindings/js/test/worker/start.mjs";

const [MODE, COMPRESSION, port] = process.argv.slice(2);
const worker = await startWorker(fileURLToPath(new URL("worker.mjs", import.meta.url)), {
  host: "127.0.0.1", port: Number(port), bindings: { MODE, COMPRESSION },
});
console.log((await worker.ready).origin);
