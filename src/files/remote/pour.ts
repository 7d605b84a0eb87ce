/** Copies the body of a response into memory as it arrives. */
import { RemoteError } from "../../base/errors.ts";
import { type Reply, reasonOf } from "./http-client.ts";

export interface Poured {
  readonly bytes: number;
  /** Why the body ended too soon, if it did. */
  readonly broken?: string;
}

/** Fills `into` from its beginning. @throws RemoteError for a body that is longer than `into`. */
export async function pour({ response, watchdog }: Reply, into: Uint8Array, where: string): Promise<Poured> {
  let bytes = 0;
  const reader = response.body?.getReader();
  if (reader === undefined) return { bytes, broken: "it has no body" };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      watchdog.alive();
      if (bytes + value.byteLength > into.byteLength) throw tooLong(where, into.byteLength);
      into.set(value, bytes);
      bytes += value.byteLength;
    }
  } catch (cause) {
    if (cause instanceof RemoteError) {
      await reader.cancel().catch(() => {});
      throw cause;
    }
    return { bytes, broken: reasonOf(cause) };
  }
  return bytes === into.byteLength ? { bytes } : { bytes, broken: "it ended too soon" };
}

/** The whole body, whatever its length, up to `limitBytes`. `onBytes` gets the bytes so far. */
export async function pourAll(
  { response, watchdog }: Reply,
  limitBytes: number,
  where: string,
): Promise<{ readonly pieces: readonly Uint8Array[]; readonly bytes: number; readonly broken?: string }> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  if (reader === undefined) return { pieces, bytes };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { pieces, bytes };
      watchdog.alive();
      bytes += value.byteLength;
      if (bytes > limitBytes) throw tooLong(where, limitBytes);
      pieces.push(value);
    }
  } catch (cause) {
    if (!(cause instanceof RemoteError)) return { pieces, bytes, broken: reasonOf(cause) };
    await reader.cancel().catch(() => {});
    throw cause;
  }
}

function tooLong(where: string, limitBytes: number): RemoteError {
  return new RemoteError(where, `found more bytes than the ${limitBytes} expected`);
}
