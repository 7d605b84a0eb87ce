/** A folder where long work keeps what is finished: its files appear whole, one by one, and stay when the program is killed. */
import { checkOutputName, memoryOutput, type OutputFile } from "./output.ts";
import { type FolderSource, filesFolder } from "./source.ts";

/** A folder for work in progress: its files appear whole, can be read back, and are removed when the work is done. */
export interface WorkFolder extends Pick<FolderSource, "name" | "list" | "open"> {
  /** Creates a file that appears when it is committed and is then safe; an older file of that name is replaced. */
  file(name: string): Promise<OutputFile>;
  /** Removes these files, what killed runs left half-written, and the folder itself if nothing else is in it. */
  remove(files: readonly string[]): Promise<void>;
}

/** A work folder in memory, for tests and for work that is stopped and resumed in the same page. */
export function memoryWorkFolder(name: string = "memory"): WorkFolder & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const folder = () => filesFolder(name, Object.fromEntries(files));
  return {
    name,
    files,
    list: () => folder().list(),
    open: (file) => folder().open(file),
    async file(file) {
      checkOutputName(name, file);
      const output = memoryOutput(name);
      const sink = await output.file(file);
      return {
        name: `${name}/${file}`,
        write: (bytes) => sink.write(bytes),
        close: () => sink.close(),
        async commit() {
          await sink.close();
          await output.commit();
          const bytes = output.files.get(file);
          if (bytes !== undefined) files.set(file, bytes);
        },
        abort: () => output.abort(),
        [Symbol.asyncDispose]: () => output.abort(),
      };
    },
    async remove(names) {
      for (const file of names) files.delete(file);
    },
  };
}
