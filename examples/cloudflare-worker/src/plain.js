import { env } from "cloudflare:workers";
import { PostHog } from "hoglet";

// At module scope, for all requests. Making it does nothing.
const posthog = new PostHog(env.POSTHOG_KEY, {
  host: env.POSTHOG_HOST,
  onError: (error) => console.error(error.message),
});

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const distinctId = request.headers.get("x-user") ?? "somebody";
    if (pathname === "/flag") {
      const flags = await posthog.evaluateFlags(distinctId);
      return new Response(flags.isEnabled("new-checkout") ? "new checkout\n" : "old checkout\n");
    }
    posthog.capture({ distinctId, event: "request", properties: { path: pathname } });
    return new Response("hello\n"); // does not wait for PostHog
  },
};
