// What a host lends a client: a network, a clock, timers. Each host's file implements it; nothing else knows one.
import type { TransportError } from "./codes.js";

/** A `WebAssembly.Module`, which only a browser's types have a name for. */
export type WasmModule = object;

export interface Platform {
  /** The wasm, compiled; asked for at the first event. */
  module(): WasmModule;
  /** What the wasm was built for: bytes of events in wire form, and events. */
  readonly capacity: { readonly bytes: number; readonly events: number };
  /** Milliseconds that never go back. */
  now(): number;
  /** Calls back after `ms`, without keeping the process alive for it; returns what cancels that. */
  later(ms: number, call: () => void): () => void;
  /**
   * Sends a POST and resolves at the answer's head; rejects with a `Failure`, also once `signal` is aborted. The body is
   * the platform's to keep.
   */
  post(url: string, headers: Record<string, string>, body: Uint8Array, signal: AbortSignal): Promise<Answer>;
  /** The body compressed; absent where nothing compresses. */
  compress?(body: Uint8Array, coding: Coding): Promise<Uint8Array>;
  /**
   * Whether requests that the host answers share the client, so that nothing with a tie to one of them may be kept for
   * another: a promise, a signal, a timer.
   */
  readonly isShared?: boolean;
  /** Properties of every event: the system it comes from. */
  readonly properties?: Record<string, unknown>;
  /** An environment variable. */
  variable?(name: string): string | undefined;
}

/** What a body may be compressed as, by the names of HTTP. */
export type Coding = "gzip" | "deflate";

export interface Answer {
  readonly status: number;
  /** A header's value, by its name in lower case. */
  header(name: string): string | null;
  /** The body in pieces; throws a `Failure`. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** There is no answer, or no more of it. */
export class Failure extends Error {
  readonly why: TransportError;

  constructor(why: TransportError, cause?: unknown) {
    super(`${why}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.why = why;
  }
}

/** The longest that `setTimeout` and `AbortSignal.timeout` keep, in milliseconds. */
export const LONGEST_MS = 2 ** 31 - 1;
