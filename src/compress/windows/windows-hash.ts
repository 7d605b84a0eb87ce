/** What tells the tokens of one calibration run from those of another. */
import { sha256 } from "../../files/sha256.ts";
import type { Windows } from "./window-batch.ts";

/** SHA-256 of each window's length and ids, int32 little endian: the same ids cut otherwise are other windows. */
export function windowsHash(windows: Windows): Promise<string> {
  return sha256(Int32Array.from(windows.flatMap((window) => [window.length, ...window])));
}
