// One request of a core over a platform: compressed, sent, and its answer read as far as the core needs it.
import type { CoreRequest } from "./core.js";
import { Failure, type Answer, type Coding, type Platform } from "./platform.js";

/** Where the parts of an answer go; each may be too late, and then says that no more are needed. */
export interface Feed {
  readonly head: (answer: Answer) => void;
  readonly body: (piece: Uint8Array) => boolean;
  readonly end: () => void;
  readonly fail: (failure: Failure) => void;
}

/** What a request takes of its core, which may move in memory with the next call. */
export interface Outgoing {
  readonly id: number;
  readonly attempt: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

export function outgoing({ id, attempt, path, headers, body }: CoreRequest): Outgoing {
  const whole = new Uint8Array(body[0].length + body[1].length + body[2].length);
  let end = 0;
  for (const piece of body) {
    whole.set(piece, end);
    end += piece.length;
  }
  return { id, attempt, path, headers, body: whole };
}

export interface ExchangeOptions {
  readonly host: string;
  readonly coding: Coding | undefined;
  /** Headers of the caller's own. */
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
  /** Aborts it before its time. */
  readonly signal: AbortSignal | undefined;
}

/** Sends a request and feeds its answer; never rejects. */
export async function exchange(platform: Platform, request: Outgoing, options: ExchangeOptions, feed: Feed): Promise<void> {
  const { host, coding, timeoutMs, signal } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const stop = signal ? AbortSignal.any([timeout, signal]) : timeout;
  try {
    const headers: Record<string, string> = { ...options.headers, ...request.headers, "accept-encoding": "identity" };
    let { body } = request;
    const compressed = coding && (await platform.compress?.(body, coding));
    if (coding && compressed && compressed.length < body.length) {
      body = compressed;
      headers["content-encoding"] = coding;
    }
    const answer = await platform.post(host + request.path, headers, body, stop);
    feed.head(answer);
    for await (const piece of answer.body) {
      if (!feed.body(piece)) break;
    }
    feed.end();
  } catch (error) {
    feed.fail(stop.aborted ? new Failure("timeout", error) : error instanceof Failure ? error : new Failure("interrupted", error));
  }
}
