// The local capture server. Its program is the one that HOGLET_CAPTURE_SERVER names, or built by cargo.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

const CARGO = ["cargo", "run", "--quiet", "--package", "capture-server", "--"];

/** Starts it; `stop` ends it. */
export async function startServer() {
  const program = process.env.HOGLET_CAPTURE_SERVER;
  const [command, ...args] = [...(program ? [program] : CARGO), "--port", "0", "--quiet"];
  const child = spawn(command, args, { cwd: new URL(".", import.meta.url), stdio: ["ignore", "pipe", "inherit"] });
  const [url] = await once(createInterface(child.stdout), "line");
  const control = async (path, options) => {
    const answer = await fetch(`${url}/_/${path}`, options);
    return answer.status === 204 ? undefined : answer.text();
  };
  return {
    url,
    stop: () => child.kill(),
    /** Forgets everything but these faults, and these flags. */
    async reset(faults = [], flags = {}) {
      await control("", { method: "DELETE" });
      await control("faults", { method: "POST", body: JSON.stringify(faults) });
      await control("flags", { method: "PUT", body: JSON.stringify(flags) });
    },
    shown: async (what) => JSON.parse(await control(what)),
  };
}

/** A server that answers each request with the next of these texts, byte for byte, and keeps what it read. */
export async function startRaw(answers) {
  const requests = [];
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      const [, length] = /content-length: (\d+)/i.exec(text) ?? [];
      const end = text.indexOf("\r\n\r\n");
      if (end < 0 || text.length < end + 4 + Number(length)) return;
      requests.push(text);
      text = "";
      socket.end(answers[requests.length - 1] ?? "");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { requests, host: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}
