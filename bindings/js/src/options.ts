// What a caller may set, checked once: an option that cannot be used is an error which names it, its limit and its value.
import type { Receipt } from "./core.js";
import { LONGEST_MS, type Coding, type Platform } from "./platform.js";

export type Properties = Record<string, unknown>;

/** An event on its way through `before_send`. */
export interface CaptureEvent {
  event: string;
  distinctId: string;
  properties: Properties;
  timestamp?: Date | string | number | undefined;
  uuid?: string | undefined;
}

/** Returns the event, changed or not, or null to drop it. One that throws drops it as well. */
export type BeforeSend = (event: CaptureEvent) => CaptureEvent | null | undefined;

export interface PostHogOptions {
  /** Where events go; `https://us.i.posthog.com` by default. A path is kept, for reverse proxies. */
  host?: string | undefined;
  /** Events at which a batch is sent; 20 by default. */
  flushAt?: number | undefined;
  /** Milliseconds after which an event is sent; 10,000 by default. */
  flushInterval?: number | undefined;
  /** Events that are kept at most; 1,000 by default, which is also the most. */
  maxQueueSize?: number | undefined;
  /** Milliseconds that an answer is waited for; 10,000 by default. */
  requestTimeout?: number | undefined;
  /** Times a batch is sent again; 3 by default. */
  fetchRetryCount?: number | undefined;
  /** Milliseconds before the first of these, doubling; at least 100, 3,000 by default. */
  fetchRetryDelay?: number | undefined;
  /** Tells the server not to look up where events come from; on by default, as a server is not where its users are. */
  disableGeoip?: boolean | undefined;
  /** Sends bodies as they are; off by default. */
  disableCompression?: boolean | undefined;
  /** `gzip` by default. */
  captureCompression?: "gzip" | "deflate" | "none" | undefined;
  /** `v1` by default; `v0` for servers that do not know it. */
  captureMode?: "v0" | "v1" | undefined;
  /** Marks every batch as a historical migration. */
  historicalMigration?: boolean | undefined;
  /** Headers of every request, for proxies. */
  headers?: Record<string, string> | undefined;
  /** Says in every event that it comes from a server; on by default. */
  isServer?: boolean | undefined;
  /** Hooks that every event passes in order. */
  before_send?: BeforeSend | BeforeSend[] | undefined;
  /** Captures nothing. */
  disabled?: boolean | undefined;
  /** Whether events are captured before `optIn` or `optOut` is called; on by default. */
  defaultOptIn?: boolean | undefined;
  /** Properties of every event. */
  properties?: Properties | undefined;
  /** Is told how each event ended. */
  onReceipt?: ((receipt: Receipt) => void) | undefined;
  /** Is told what goes wrong; `console.error` by default. */
  onError?: ((error: Error) => void) | undefined;
  /** Whether reads of flags are reported as `$feature_flag_called`; on by default. */
  sendFeatureFlagEvents?: boolean | undefined;
  /** Milliseconds that an answer with flags is waited for; 3,000 by default. */
  featureFlagsRequestTimeoutMs?: number | undefined;
  /** Times that flags are asked for again, if no server answered; 1 by default. */
  featureFlagsRequestMaxRetries?: number | undefined;
}

/** The options, each with its value. */
export interface Settings extends Record<keyof typeof NUMBERS, number> {
  readonly host: string;
  readonly disableGeoip: boolean;
  readonly coding: Coding | undefined;
  readonly headers: Record<string, string>;
  readonly isV0: boolean;
  readonly isHistorical: boolean;
  readonly isServer: boolean;
  readonly hooks: readonly BeforeSend[];
  readonly disabled: boolean;
  readonly defaultOptIn: boolean;
  readonly sendFeatureFlagEvents: boolean;
}

const DEFAULT_HOST = "https://us.i.posthog.com";
const MOST = 2 ** 32 - 1;

/** The least and the greatest value of each option that is a number, and its default. */
const NUMBERS = {
  flushAt: [1, MOST, 20],
  flushInterval: [0, LONGEST_MS, 10_000],
  maxQueueSize: [1, 1_000, 1_000],
  requestTimeout: [1, LONGEST_MS, 10_000],
  fetchRetryCount: [0, MOST, 3],
  fetchRetryDelay: [100, LONGEST_MS, 3_000],
  featureFlagsRequestTimeoutMs: [1, LONGEST_MS, 3_000],
  featureFlagsRequestMaxRetries: [0, 255, 1],
} as const;

function number(options: PostHogOptions, name: keyof typeof NUMBERS): number {
  const [least, most, byDefault] = NUMBERS[name];
  const value: unknown = options[name] ?? byDefault;
  if (!(typeof value === "number" && value >= least && value <= most)) {
    throw new RangeError(`hoglet: ${name} is ${String(value)}, it must be ${least} to ${most}`);
  }
  return Math.trunc(value);
}

/** The value that one of these names has, in any case; an unknown one warns and is none. */
function named<T>(what: string, value: string | undefined, names: Record<string, T>, warn: (text: string) => void): T | undefined {
  if (value === undefined) return undefined;
  const found = names[value.trim().toLowerCase()];
  if (found === undefined) warn(`hoglet: ${what} is ${value}, it must be one of ${Object.keys(names).join(", ")}`);
  return found;
}

const MODES = { v1: false, analytics_v1: false, v0: true, legacy: true };
const CODINGS: Record<string, Coding | ""> = { gzip: "gzip", deflate: "deflate", none: "", identity: "" };

export function settingsOf(options: PostHogOptions, platform: Platform, warn: (text: string) => void): Settings {
  const variable = (name: string): string | undefined => platform.variable?.(name);
  const mode = named("captureMode", options.captureMode, MODES, warn)
    ?? named("POSTHOG_CAPTURE_MODE", variable("POSTHOG_CAPTURE_MODE"), MODES, warn);
  const coding = named("captureCompression", options.captureCompression, CODINGS, warn)
    ?? named("POSTHOG_CAPTURE_COMPRESSION", variable("POSTHOG_CAPTURE_COMPRESSION"), CODINGS, warn);
  const hooks = options.before_send ?? [];
  const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[];
  const numbers = Object.fromEntries(names.map((name) => [name, number(options, name)])) as Record<keyof typeof NUMBERS, number>;
  return {
    ...numbers,
    host: urlOf(options.host),
    disableGeoip: options.disableGeoip ?? true,
    coding: options.disableCompression ? undefined : (coding ?? "gzip") || undefined,
    headers: { ...options.headers },
    isV0: mode ?? false,
    isHistorical: options.historicalMigration ?? false,
    isServer: options.isServer ?? true,
    hooks: Array.isArray(hooks) ? hooks : [hooks],
    disabled: options.disabled ?? false,
    defaultOptIn: options.defaultOptIn ?? true,
    sendFeatureFlagEvents: options.sendFeatureFlagEvents ?? true,
  };
}

/** The URL that paths are appended to. */
function urlOf(host: string | undefined): string {
  let url;
  try {
    url = new URL((host ?? "").trim() || DEFAULT_HOST);
  } catch (cause) {
    throw new RangeError(`hoglet: host is ${host}, it must be a URL such as ${DEFAULT_HOST}`, { cause });
  }
  const { protocol, username, password, search, hash } = url;
  if (!["http:", "https:"].includes(protocol) || username || password || search || hash) {
    throw new RangeError(`hoglet: host is ${protocol}//${url.host}, it must be http or https, without user, query, fragment`);
  }
  return url.href.replace(/\/+$/, "");
}
