// Requests by node:http and node:https over connections that stay open. `fetch` takes three times the time of the main
// thread for each.
import * as http from "node:http";
import * as https from "node:https";
import type { TransportError } from "./codes.js";
import { Failure, type Answer } from "./platform.js";

/** Connections to each host at most: two lanes, and questions for flags. */
const MAX_SOCKETS = 64;

const agents = {
  "http:": new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: "lifo" }),
  "https:": new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: "lifo" }),
};

/** What Node's error codes are to the core; anything else is a broken connection. */
const FAILURES: Record<string, TransportError> = {
  EAI_AGAIN: "dns",
  ENOTFOUND: "dns",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  ENETUNREACH: "connect",
  ETIMEDOUT: "timeout",
  HPE_HEADER_OVERFLOW: "unreadable",
};

function failure(error: unknown): Failure {
  const code = String((error as { code?: unknown }).code ?? "");
  const isTls = code.startsWith("ERR_TLS") || code.includes("CERT") || code.startsWith("ERR_SSL") || code === "EPROTO";
  return new Failure(FAILURES[code] ?? (isTls ? "tls" : "interrupted"), error);
}

export function post(url: string, headers: Record<string, string>, body: Uint8Array, signal: AbortSignal): Promise<Answer> {
  return send(url, headers, body, signal, true);
}

function send(url: string, headers: Record<string, string>, body: Uint8Array, signal: AbortSignal, mayRepeat: boolean): Promise<Answer> {
  const target = new URL(url);
  const isTls = target.protocol === "https:";
  const options: https.RequestOptions = {
    method: "POST",
    headers: { ...headers, "content-length": String(body.length) },
    agent: agents[isTls ? "https:" : "http:"],
    signal,
  };
  return new Promise((done, fail) => {
    const request = (isTls ? https : http).request(target, options);
    let hasAnswer = false;
    request.on("response", (response) => {
      hasAnswer = true;
      done(answerOf(response));
    });
    request.on("error", (error) => {
      if (hasAnswer) return;
      // The server may close a connection just as it is used again; then it has read nothing of it.
      const isStale = request.reusedSocket && (error as { code?: unknown }).code === "ECONNRESET" && mayRepeat;
      if (isStale && !signal.aborted) send(url, headers, body, signal, false).then(done, fail);
      else fail(failure(error));
    });
    request.end(body);
  });
}

function answerOf(response: http.IncomingMessage): Answer {
  return {
    status: response.statusCode ?? 0,
    header: (name) => {
      const value = response.headers[name];
      return (Array.isArray(value) ? value[0] : value) ?? null;
    },
    body: pieces(response),
  };
}

async function* pieces(response: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response) yield piece as Uint8Array;
    if (!response.complete) throw new Failure("interrupted", "the answer broke off");
  } catch (error) {
    throw error instanceof Failure ? error : failure(error);
  } finally {
    // Read to the end, a connection stays open for the next request.
    response.resume();
  }
}
