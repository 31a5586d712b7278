// A host whose network is `fetch`, shared by the requests that it answers: Workers and other edges.
import { Failure, type Answer, type Platform, type WasmModule } from "./platform.js";

export function fetchPlatform(module: () => WasmModule): Platform {
  return {
    module,
    isShared: true,
    capacity: { bytes: 1 << 17, events: 256 },
    now: () => performance.now(),
    later: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    async post(url, headers, body, signal): Promise<Answer> {
      let response: Response;
      try {
        response = await fetch(url, { method: "POST", headers, body: body as BufferSource, redirect: "manual", signal });
      } catch (error) {
        throw new Failure("connect", error);
      }
      const coding = response.headers.get("content-encoding") ?? "";
      const isEncoded = !["identity", ""].includes(coding);
      return { status: response.status, header: (name) => response.headers.get(name), body: pieces(response, isEncoded) };
    },
    async compress(body, coding) {
      const stream = new Blob([body as BlobPart]).stream().pipeThrough(new CompressionStream(coding));
      return new Uint8Array(await new Response(stream).arrayBuffer());
    },
  };
}

async function* pieces(response: Response, isEncoded: boolean): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    // `fetch` fails alike when a body breaks off, and when it is in a coding that it cannot decode.
    throw new Failure(isEncoded ? "unreadable" : "interrupted", error);
  } finally {
    reader.cancel().catch(() => {});
  }
}
