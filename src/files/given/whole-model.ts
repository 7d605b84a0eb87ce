/** Names of files that hold a whole model: GGUF files and bundles. */

const WHOLE = /\.(?:gguf|quern)$/i;

/** Whether a file of this name holds a whole model. */
export function isWholeModel(name: string): boolean {
  return WHOLE.test(name);
}

export function isBundleName(name: string): boolean {
  return /\.quern$/i.test(name);
}
