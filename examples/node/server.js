// A server: one client for all requests, an identity a request, exceptions reported, events sent before it ends.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { PostHog } from "hoglet";

const posthog = new PostHog(process.env.POSTHOG_KEY ?? "phc_your_project_token", {
  host: process.env.POSTHOG_HOST ?? "https://eu.i.posthog.com",
  onError: (error) => console.error(error.message),
});
const app = new Hono();

// All that a request captures is of its user, wherever it is captured.
app.use((context, next) => posthog.withContext({ distinctId: context.req.header("x-user") ?? "somebody" }, next));

app.get("/", (context) => {
  posthog.capture({ event: "request", properties: { path: context.req.path } });
  return context.text("hello\n");
});

app.get("/broken", () => {
  throw new Error("this page is broken");
});

app.onError((error, context) => {
  posthog.captureException(error);
  return context.text("sorry\n", 500);
});

const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`);
});

// A signal does not wait for events; this does.
process.once("SIGTERM", () => {
  server.close(async () => {
    console.log(`${await posthog.shutdown()} events were not delivered`);
    process.exit();
  });
});
