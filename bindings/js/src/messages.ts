// What a caller says, and the events that calls with names of their own stand for, as posthog-node has them.
import { exceptionProperties } from "./exceptions.js";
import type { FeatureFlagEvaluations } from "./flags.js";
import type { Properties } from "./options.js";

export interface EventMessage {
  /** Whose event it is. Without it, and without one of the context, the event belongs to nobody. */
  distinctId?: string | number | bigint | undefined;
  event: string;
  properties?: Properties | undefined;
  groups?: Record<string, string | number> | undefined;
  /** The flags that were in force. */
  flags?: FeatureFlagEvaluations | undefined;
  timestamp?: Date | string | number | undefined;
  uuid?: string | undefined;
  disableGeoip?: boolean | undefined;
}

export interface GroupIdentifyMessage {
  groupType: string;
  groupKey: string;
  properties?: Properties | undefined;
  distinctId?: string | undefined;
  disableGeoip?: boolean | undefined;
}

export function identifying({ distinctId, properties = {}, disableGeoip }: { distinctId: string; properties?: Properties | undefined; disableGeoip?: boolean | undefined }): EventMessage {
  const { $set, $set_once, $anon_distinct_id, ...rest } = properties;
  const said = { $set: $set ?? rest, $set_once: $set_once ?? {}, ...($anon_distinct_id === undefined ? {} : { $anon_distinct_id }) };
  return { distinctId, event: "$identify", properties: said, disableGeoip };
}

export function aliasing({ distinctId, alias, disableGeoip }: { distinctId: string; alias: string; disableGeoip?: boolean | undefined }): EventMessage {
  return { distinctId, event: "$create_alias", properties: { distinct_id: distinctId, alias }, disableGeoip };
}

export function grouping({ groupType, groupKey, properties = {}, distinctId, disableGeoip }: GroupIdentifyMessage): EventMessage {
  const said = { $group_type: groupType, $group_key: groupKey, $group_set: properties };
  return { distinctId: distinctId || `$${groupType}_${groupKey}`, event: "$groupidentify", properties: said, disableGeoip };
}

export function exceptionMessage(error: unknown, distinctId: string | undefined, additionalProperties: Properties | undefined): EventMessage {
  return { distinctId, event: "$exception", properties: { ...exceptionProperties(error), ...additionalProperties } };
}
