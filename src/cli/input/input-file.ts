/** Opens a file that a command reads, and closes it in any case. */
import type { ByteSource } from "../../files/source.ts";

export async function withFile<T>(path: string, read: (source: ByteSource) => T | Promise<T>): Promise<T> {
  // Loaded here, so that commands may import this file and still start quickly.
  const { nodeFile } = await import("../../adapter/node.ts");
  const source = await nodeFile(path);
  try {
    return await read(source);
  } finally {
    await source.close?.();
  }
}
