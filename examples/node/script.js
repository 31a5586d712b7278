// A short script: captures, asks for a flag, and says what could not be delivered.
import { PostHog } from "hoglet";

const posthog = new PostHog(process.env.POSTHOG_KEY ?? "phc_your_project_token", {
  host: process.env.POSTHOG_HOST ?? "https://eu.i.posthog.com",
  onError: (error) => console.error(error.message),
});

const flags = await posthog.evaluateFlags("user-1");
posthog.identify({ distinctId: "user-1", properties: { plan: "pro" } });
const checkout = flags.isEnabled("new-checkout") ? "new" : "old";
posthog.capture({ distinctId: "user-1", event: "import finished", properties: { rows: 42 }, flags });

const undelivered = await posthog.shutdown();
console.log(`the ${checkout} checkout; ${undelivered} events were not delivered`);
process.exitCode = undelivered > 0 ? 1 : 0;
