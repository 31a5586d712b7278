// hoglet for hosts that load the wasm themselves: an edge, a bundler with a way of its own.
import { EdgeClient, type EdgeOptions } from "./edge-client.js";
import { fetchPlatform } from "./fetch-platform.js";
import type { WasmModule } from "./platform.js";

export * from "./public.js";
export type { EdgeOptions, WireEvent } from "./edge-client.js";

/** A client for PostHog with this wasm, compiled from the package's `hoglet.wasm`. */
export class PostHog extends EdgeClient {
  constructor(wasm: WasmModule | (() => WasmModule), apiKey: string, options: EdgeOptions = {}) {
    super(fetchPlatform(wasm instanceof WebAssembly.Module ? () => wasm : (wasm as () => WasmModule)), () => {}, apiKey, options);
  }
}
