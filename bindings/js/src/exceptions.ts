// An exception as the server's error tracking reads it: a list, the outermost first, each with its stack.

interface Frame {
  platform: "node:javascript";
  lang: "javascript";
  filename: string;
  function: string;
  lineno?: number;
  colno?: number;
  in_app: boolean;
}

/** Causes that are followed at most. */
const MAX_CAUSES = 5;
/** Frames that are kept of a stack, the innermost. */
const MAX_FRAMES = 50;

/** The properties of a `$exception` event. */
export function exceptionProperties(error: unknown): Record<string, unknown> {
  const list = [];
  let next: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && next !== undefined && next !== null; depth += 1) {
    const isError: boolean = next instanceof Error;
    const { name, message, stack, cause }: Error = next instanceof Error ? next : { name: "Error", message: textOf(next) };
    const frames = framesOf(stack ?? "");
    list.push({
      type: name || "Error",
      value: message,
      mechanism: { type: "generic", handled: true, synthetic: !isError },
      ...(frames.length > 0 ? { stacktrace: { type: "raw", frames } } : {}),
    });
    next = cause;
  }
  return { $exception_list: list, $exception_level: "error" };
}

function textOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
}

/** The frames of V8's text, the outermost first. */
function framesOf(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split("\n")) {
    const [, name, place] = /^\s*at (?:(.+?) \()?(.+?)\)?$/.exec(line) ?? [];
    if (!place) continue;
    const [, file = place, lineno, colno] = /^(.*?):(\d+):(\d+)$/.exec(place) ?? [];
    const filename = file.replace(/^file:\/\//, "");
    frames.push({
      platform: "node:javascript",
      lang: "javascript",
      filename,
      function: name ?? "?",
      ...(lineno ? { lineno: Number(lineno) } : {}),
      ...(colno ? { colno: Number(colno) } : {}),
      in_app: !filename.startsWith("node:") && !filename.includes("node_modules"),
    });
  }
  return frames.slice(0, MAX_FRAMES).reverse();
}
