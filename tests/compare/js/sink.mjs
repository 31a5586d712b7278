// What both contenders send to, in a process of its own: counts requests and bytes, and answers each event of Capture V1 `ok`.
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

let [requests, bytes] = [0, 0];
const paths = new Set();
const server = createServer(async (request, response) => {
  if (request.url === "/_/take") {
    response.end(JSON.stringify({ requests, bytes, paths: [...paths] }));
    [requests, bytes] = [0, 0];
    paths.clear();
    return;
  }
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  requests += 1;
  bytes += body.length + request.rawHeaders.reduce((sum, text) => sum + text.length + 2, request.url.length + 16);
  paths.add(request.url.split("?")[0]);
  const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  const { batch } = JSON.parse(text.toString());
  const results = Object.fromEntries(batch.map(({ uuid }) => [uuid, { result: "ok" }]));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ results }));
}).listen(0, "127.0.0.1", () => process.send(`http://127.0.0.1:${server.address().port}`));
process.on("disconnect", () => process.exit());
