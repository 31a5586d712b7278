// The public compliance harness's adapter interface around the npm package, whatever host it is in. What the routes are,
// src/lib.rs says.

/** What V1 calls an event's options, and the properties that ask for them. */
const OPTIONS = {
  cookieless_mode: "$cookieless_mode",
  disable_skew_correction: "$ignore_sent_at",
  process_person_profile: "$process_person_profile",
  product_tour_id: "$product_tour_id",
};

/**
 * Answers what the harness asks, with its clients, one a `test_id`: a status, and what to tell.
 * `settle` waits until a client has sent what other requests captured.
 */
export function routesOf({ PostHog, name, mode, compression, settle }) {
  const sdks = new Map();

  function init(test, { api_key, host, flush_at, flush_interval_ms, max_retries, enable_compression, disable_geoip, historical_migration }) {
    const sdk = { lastError: null };
    sdk.client = new PostHog(api_key, {
      host,
      flushAt: flush_at,
      flushInterval: flush_interval_ms,
      fetchRetryCount: max_retries,
      fetchRetryDelay: 1_000,
      captureMode: mode,
      captureCompression: enable_compression ? compression : "none",
      disableGeoip: disable_geoip ?? false,
      historicalMigration: historical_migration ?? false,
      isServer: false,
      headers: test ? { "x-test-id": test } : {},
      onError: (error) => { sdk.lastError = error.message; },
    });
    sdks.set(test, sdk);
    return { success: true };
  }

  function capture(sdk, { distinct_id, event, properties, timestamp, uuid, options }, isAi) {
    const { client } = sdk;
    const asked = Object.entries(options ?? {}).filter(([, value]) => value !== null);
    const sentinels = Object.fromEntries(asked.map(([name, value]) => [OPTIONS[name], value]));
    const message = { distinctId: distinct_id, event, properties: { ...properties, ...sentinels }, timestamp, uuid };
    const before = client.stats().captured;
    const given = isAi ? client.captureAi(message) : client.capture(message);
    if (client.stats().captured === before) throw new Error(sdk.lastError ?? "refused");
    return { success: true, uuid: given ?? client.lastUuid(isAi) };
  }

  const routes = {
    "/health": () => ({
      sdk_name: `hoglet-${name}`,
      sdk_version: "0.1.0",
      adapter_version: "0.1.0",
      supports_parallel: true,
      capabilities: [...(mode === "v0" ? ["capture_v0", "capture_ai_v0"] : ["capture_v1"]), ...(compression === "none" ? [] : [`encoding_${compression}`])],
    }),
    "/capture": (sdk, body) => capture(sdk, body, false),
    "/capture_ai": (sdk, body) => capture(sdk, body, true),
    "/get_feature_flag": async ({ client }, { key, distinct_id, person_properties, groups, group_properties, disable_geoip }) => {
      const flags = await client.evaluateFlags(distinct_id, {
        flagKeys: [key], personProperties: person_properties, groups, groupProperties: group_properties, disableGeoip: disable_geoip ?? undefined,
      });
      if (flags.error) throw flags.error;
      return { success: true, value: flags.getFlag(key) ?? null };
    },
    "/flush": async ({ client }) => {
      await settle(client);
      return { success: true, events_flushed: client.stats().delivered };
    },
    "/state": ({ client, lastError }) => {
      const { captured, delivered, retries } = client.stats();
      return { pending_events: client.pending, total_events_captured: captured, total_events_sent: delivered, total_retries: retries, last_error: lastError, requests_made: [] };
    },
  };

  async function told(path, test, body) {
    if (path === "/init" || path === "/reset") {
      await sdks.get(test)?.client.shutdown(0);
      sdks.delete(test);
      return path === "/init" ? init(test, body) : { success: true };
    }
    const route = routes[path];
    if (!route) throw new Error(`no such endpoint: ${path}`);
    const sdk = sdks.get(test);
    if (!sdk && path !== "/health") throw new Error("not initialised: POST /init comes first");
    return route(sdk, body);
  }

  return async (url, text) => {
    const { pathname, searchParams } = new URL(url, "http://adapter");
    try {
      return [200, await told(pathname, searchParams.get("test_id") ?? undefined, text ? JSON.parse(text) : {})];
    } catch (error) {
      return [400, { success: false, error: error.message }];
    }
  };
}
