// The names of the core's codes: `OutcomeKind`, `TransportError`, `CaptureError`, `ConfigError`. A code never changes.

/** How an event ended. */
export const OUTCOMES = ["delivered", "warning", "accepted", "dropped", "absent", "unconfirmed", "rejected", "exhausted",
  "undeliverable", "evicted", "abandoned"] as const;

export const TRANSPORT_ERRORS = ["dns", "connect", "tls", "timeout", "interrupted", "unreadable"] as const;

/** By code; 0 is none. */
export const CAPTURE_ERRORS = ["", "name_empty", "name_too_long", "name_reserved", "name_not_ai", "distinct_id_empty",
  "distinct_id_too_long", "distinct_id_illegal", "timestamp_invalid", "json_invalid", "too_deep", "not_an_object",
  "uuid_nil", "uuid_queued", "event_too_large", "queue_full", "closed"] as const;

/** By code; 0 is none. */
export const CONFIG_ERRORS = ["", "token_length", "token_character", "personal_token", "sdk_info", "user_agent", "path",
  "compression_needs_v1", "seed_is_zero", "no_storage", "too_small"] as const;

export type Outcome = (typeof OUTCOMES)[number];
export type TransportError = (typeof TRANSPORT_ERRORS)[number];
