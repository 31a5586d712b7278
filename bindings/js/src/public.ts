// What every host exports beside its `PostHog`.
export type { Outcome, TransportError } from "./codes.js";
export { Refusal, type Receipt } from "./core.js";
export type { ContextData, Events, FeatureFlagResult, FlagOptions, Stats } from "./client.js";
export type { EventMessage, GroupIdentifyMessage } from "./messages.js";
export { FeatureFlagEvaluations, FlagsError, type EvaluateFlagsOptions, type FlagValue, type Json } from "./flags.js";
export type { BeforeSend, CaptureEvent, PostHogOptions, Properties } from "./options.js";
