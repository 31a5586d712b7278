// hoglet in Cloudflare Workers: one client at module scope, shared by all requests.
import { waitUntil } from "cloudflare:workers";
import wasm from "../hoglet.wasm";
import { EdgeClient, type EdgeOptions } from "./edge-client.js";
import { fetchPlatform } from "./fetch-platform.js";

export * from "./public.js";
export type { EdgeOptions, WireEvent } from "./edge-client.js";

/** A client for PostHog. Making one does nothing, so that it can be made where the module begins. */
export class PostHog extends EdgeClient {
  constructor(apiKey: string, options: EdgeOptions = {}) {
    super(fetchPlatform(() => wasm), waitUntil, apiKey, options);
  }
}
