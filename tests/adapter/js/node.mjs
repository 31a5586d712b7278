// The adapter of the npm package in Node: `cargo adapter node` runs it.
//   node node.mjs MODE COMPRESSION PORT
import { createServer } from "node:http";
import { PostHog } from "../../../bindings/js/dist/esm/node.js";
import { routesOf } from "./routes.mjs";

const [mode, compression, port] = process.argv.slice(2);
const answer = routesOf({ PostHog, name: "node", mode, compression, settle: (client) => client.flush() });

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const [status, told] = await answer(request.url, Buffer.concat(pieces).toString());
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(told));
}).listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
