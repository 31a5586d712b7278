// What a bundler and a runtime know, and TypeScript does not.
declare module "cloudflare:workers" {
  export function waitUntil(promise: Promise<unknown>): void;
}

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
