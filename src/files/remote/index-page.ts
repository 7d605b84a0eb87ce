/** Finds weights of unusual names in the page that many servers make of a folder without an index of its own. */
import { RemoteError } from "../../base/errors.ts";
import { joined } from "../source.ts";
import { type HttpClient, remotePlace } from "./http-client.ts";
import { pourAll } from "./pour.ts";
import { discard } from "./range-reader.ts";

const MOST_BYTES = 1024 * 1024;
const MOST_NAMES = 1000;
const LINK = /\bhref\s*=\s*["']?([^"'\s<>]+\.(?:safetensors|gguf|quern))["'\s>]/gi;

/** Names of files of weights that the page links to; none where there is no such page. */
export async function namesOfIndexPage(client: HttpClient, folder: URL): Promise<string[]> {
  const place = remotePlace(folder);
  try {
    const reply = await client.send(place, { headers: { accept: "text/html" } });
    try {
      const { ok, headers } = reply.response;
      if (!ok || !/^text\/html\b/i.test(headers.get("content-type") ?? "")) return [];
      const { pieces, bytes } = await pourAll(reply, MOST_BYTES, place.name);
      return namesIn(new TextDecoder().decode(joined(pieces, bytes)), folder);
    } finally {
      await discard(reply);
    }
  } catch (error) {
    if (error instanceof RemoteError) return [];
    throw error;
  }
}

/** Links to files of the folder itself; those that lead elsewhere are passed over. */
function namesIn(page: string, folder: URL): string[] {
  const names = new Set<string>();
  for (const [, link] of page.matchAll(LINK)) {
    if (names.size === MOST_NAMES) break;
    const url = URL.canParse(link, folder.href) ? new URL(link, folder) : undefined;
    if (url?.origin !== folder.origin || !url.pathname.startsWith(folder.pathname)) continue;
    const name = decoded(url.pathname.slice(folder.pathname.length));
    if (name !== undefined && !/[/\\\0]/.test(name)) names.add(name);
  }
  return [...names];
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
