/** Where results go: files that appear whole or not at all. */

export interface FileSink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A folder in the making. Nothing is seen under its name before `commit`; `abort` leaves no trace. */
export interface OutputFolder {
  readonly name: string;
  file(name: string): Promise<FileSink>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** One file in the making, under the same promise. */
export interface OutputFile extends FileSink {
  readonly name: string;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Runs `work` on an output; commits what it wrote, or removes every trace when it throws or is aborted. */
export async function committed<O extends { commit(): Promise<void>; abort(): Promise<void> }, T>(
  output: O,
  work: (output: O) => Promise<T>,
): Promise<T> {
  let result: T;
  try {
    result = await work(output);
    await output.commit();
  } catch (error) {
    await output.abort();
    throw error;
  }
  return result;
}

/** A folder in memory: for browsers and tests. `files` holds what was committed. */
export function memoryOutput(name: string): OutputFolder & { readonly files: ReadonlyMap<string, Uint8Array> } {
  const pieces = new Map<string, Uint8Array[]>();
  const files = new Map<string, Uint8Array>();
  return {
    name,
    files,
    async file(file) {
      const list: Uint8Array[] = [];
      pieces.set(file, list);
      return { write: async (bytes) => void list.push(bytes.slice()), close: async () => {} };
    },
    async commit() {
      for (const [file, list] of pieces) {
        const whole = new Uint8Array(list.reduce((sum, piece) => sum + piece.length, 0));
        let at = 0;
        for (const piece of list) {
          whole.set(piece, at);
          at += piece.length;
        }
        files.set(file, whole);
      }
    },
    async abort() {
      pieces.clear();
    },
  };
}
