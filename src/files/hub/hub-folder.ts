/** A model of the hub as a folder, read by ranges: for pages and other runtimes without a disk. */
import type { ByteSource, FolderSource } from "../source.ts";
import { HubClient, type HubOptions } from "./hub-client.ts";
import { checkHubName, inRepository, modelOf } from "./hub-files.ts";
import { parseHubReference, shownReference } from "./hub-reference.ts";

/**
 * @param reference `hf:OWNER/NAME[/FILE.gguf][@REVISION]`
 * @throws UsageError for another form, or a repository of several models; RemoteError where the hub does not give it.
 */
export async function hubFolder(reference: string, options: HubOptions = {}): Promise<FolderSource> {
  const parsed = parseHubReference(reference);
  const client = new HubClient(parsed, options);
  const { commit, files: all, isComplete } = await client.version();
  const model = modelOf(parsed, all);
  const { files, listed } = model;
  const name = shownReference(parsed);
  const opened = new Map<string, Promise<ByteSource>>();
  return {
    name,
    list: async () => [...listed],
    async open(file) {
      checkHubName(name, file);
      const found = files.get(file) ?? (isComplete ? undefined : await client.find(inRepository(model, file), commit));
      if (found === undefined) return undefined;
      const source = opened.get(file) ?? client.open(found, commit);
      opened.set(file, source);
      source.catch(() => opened.delete(file));
      return source;
    },
    async close() {
      opened.clear();
    },
  };
}
