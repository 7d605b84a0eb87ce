/** Fetches the files of a model that lies beside the page, and tells how much of them has arrived. */
import { RemoteError } from "../../../src/base/errors.ts";
import type { Progress } from "../../../src/model/model.ts";

/** A model needs the first three; the others say more about it. */
const FILES = ["config.json", "tokenizer.json", "model.safetensors", "generation_config.json", "tokenizer_config.json"];
const NEEDED = 3;

export async function fetchModel(
  folder: URL,
  { signal, tell }: { readonly signal?: AbortSignal; readonly tell?: (step: Progress) => void },
): Promise<ReadonlyMap<string, Blob>> {
  const sums = { done: 0, total: 0 };
  const told = () => tell?.({ phase: "download", ...sums, unit: "bytes" });
  const found = await Promise.all(
    FILES.map(async (name, i) => {
      const response = await asked(new URL(name, folder), signal);
      if (response.status === 404 && i >= NEEDED) return [name, undefined] as const;
      if (!response.ok)
        throw new RemoteError(name, `the server answered ${response.status}`, { status: response.status });
      sums.total += Number(response.headers.get("content-length") ?? 0);
      return [
        name,
        await counted(response, name, (bytes) => {
          sums.done += bytes;
          told();
        }),
      ] as const;
    }),
  );
  return new Map(found.flatMap(([name, blob]) => (blob === undefined ? [] : [[name, blob]])));
}

async function asked(url: URL, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, { signal });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new RemoteError(url.pathname, "the server cannot be reached", { cause });
  }
}

/** The body, with its pieces counted as they arrive. A body that ends early is an error. */
async function counted(response: Response, name: string, onBytes: (bytes: number) => void): Promise<Blob> {
  const expected = response.headers.get("content-length");
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    if (response.body === null) return await response.blob();
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      pieces.push(next.value);
      length += next.value.length;
      onBytes(next.value.length);
    }
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new RemoteError(name, `the download was cut after ${length} of ${expected ?? "an unknown number of"} bytes`, {
      cause,
    });
  }
  if (expected !== null && response.headers.get("content-encoding") === null && length !== Number(expected))
    throw new RemoteError(name, `the download ended after ${length} of ${expected} bytes`);
  return new Blob(pieces);
}
