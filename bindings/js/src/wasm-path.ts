// Where the wasm lies: beside the folder that this is built into.
export const WASM_PATH: URL = new URL("../node.wasm", import.meta.url);
