// What a person would write: one client at module scope, shared by all requests.
import { PostHog } from "hoglet";

let posthog;
/** A client of the test's server, which the first request tells. */
const clientOf = (env) => (posthog ??= new PostHog("phc_worker", {
  host: env.POSTHOG, fetchRetryDelay: 100, waitUntilMaxWaitMs: 1_000, onError: (error) => console.log(`told: ${error.message}`),
  leftover: (events) => env.QUEUE.sendBatch(events.map((body) => ({ body }))),
}));
// At module scope nothing may happen.
const unused = new PostHog("phc_unused");

export default {
  async fetch(request, env) {
    const client = clientOf(env);
    const { pathname, searchParams } = new URL(request.url);
    const distinctId = searchParams.get("who") ?? "u";
    switch (pathname) {
      case "/capture":
        client.capture({ distinctId, event: "first" });
        client.capture({ distinctId, event: "second", properties: { path: pathname } });
        return new Response("captured");
      case "/later":
        client.capture({ distinctId, event: "before" });
        await fetch(`${env.POSTHOG}/_/stats`).then((answer) => answer.text());
        client.capture({ distinctId, event: "after" });
        return new Response("captured");
      case "/immediate": {
        const receipt = await client.captureImmediate({ distinctId, event: "now" });
        return Response.json(receipt);
      }
      case "/flags": {
        const flags = await client.evaluateFlags(distinctId);
        client.capture({ distinctId, event: "decided", flags });
        return Response.json(Object.fromEntries(flags.keys.map((key) => [key, flags.getFlag(key)])));
      }
      case "/ai":
        return Response.json({ uuid: client.captureAi({ distinctId, event: "$ai_generation" }) });
      case "/many":
        for (let number = 0; number < 100; number += 1) client.capture({ distinctId, event: `event ${number}` });
        return new Response("captured");
      default:
        return Response.json({ ...client.stats(), pending: client.pending, unused: unused.stats().captured });
    }
  },

  /** Delivers what could not be delivered before; what cannot be even now is tried again by the queue. */
  async queue(batch, env) {
    const client = clientOf(env);
    const left = await client.redeliver(batch.messages.map(({ body }) => body));
    const uuids = new Set(left.map(({ uuid }) => uuid));
    for (const message of batch.messages) {
      if (uuids.has(message.body.uuid)) message.retry();
      else message.ack();
    }
  },
};
