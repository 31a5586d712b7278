// The adapter of the npm package as a Worker; workerd.mjs starts it.
import { PostHog } from "hoglet";
import { routesOf } from "./routes.mjs";

/**
 * A Worker's client sends together what is captured in one go. The harness captures each event by a request of its own, and
 * counts on `flushAt`: so what belongs together is gathered here first, as a program would, and captured in one go.
 */
class Gathering extends PostHog {
  #gathered = [];
  #flushAt;

  constructor(apiKey, options) {
    super(apiKey, options);
    this.#flushAt = options.flushAt ?? 20;
    this.interval = options.flushInterval ?? 1_000;
  }

  capture(message) {
    const uuid = message.uuid ?? crypto.randomUUID();
    this.#gathered.push({ ...message, uuid });
    if (this.#gathered.length >= this.#flushAt) this.release();
    else if (this.#gathered.length === 1) setTimeout(() => this.release(), this.interval);
    return uuid;
  }

  release() {
    for (const message of this.#gathered.splice(0)) super.capture(message);
  }

  get pending() {
    return super.pending + this.#gathered.length;
  }

  stats() {
    const stats = super.stats();
    return { ...stats, captured: stats.captured + this.#gathered.length };
  }
}

/** Sends what is gathered, and looks whether all has ended: what another request sends cannot be waited for. */
async function settle(client) {
  client.release();
  while (client.pending > 0) await new Promise((done) => setTimeout(done, 10));
}

let answer;
export default {
  async fetch(request, env) {
    answer ??= routesOf({ PostHog: Gathering, name: "workerd", mode: env.MODE, compression: env.COMPRESSION, settle });
    const [status, told] = await answer(request.url, await request.text());
    return Response.json(told, { status });
  },
};
