import { env } from "cloudflare:workers";
import { PostHog } from "hoglet";

const posthog = new PostHog(env.POSTHOG_KEY, {
  host: env.POSTHOG_HOST,
  onError: (error) => console.error(error.message),
  // A queue takes at most 100 messages at once.
  leftover: async (events) => {
    for (let from = 0; from < events.length; from += 100) {
      await env.LEFTOVER.sendBatch(events.slice(from, from + 100).map((body) => ({ body })));
    }
  },
});

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const distinctId = request.headers.get("x-user") ?? "somebody";
    posthog.capture({ distinctId, event: "request", properties: { path: pathname } });
    return new Response("hello\n");
  },

  /** Delivers what could not be delivered before; what cannot be even now waits in the queue for another time. */
  async queue(batch) {
    const left = await posthog.redeliver(batch.messages.map(({ body }) => body));
    const uuids = new Set(left.map(({ uuid }) => uuid));
    for (const message of batch.messages) {
      if (uuids.has(message.body.uuid)) message.retry();
      else message.ack();
    }
  },
};
