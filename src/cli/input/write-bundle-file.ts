/** Writes the bundle of a MODEL that a command names. */
import type { CommandSession } from "../session/command-session.ts";

/** @returns the bytes of the file. @throws FileError for one that exists, unless the options replace it. */
export async function writeBundle(
  session: CommandSession,
  path: string,
  target: string,
): Promise<{ readonly bytes: number }> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { bundleModel } = await import("../../compress/bundle/write-bundle.ts");
  const { readModelFiles } = await import("../../model/model.ts");
  const { openFolder, openMachine } = await import("./open-model.ts");
  await using output = await nodeOutputFile(target, session.options);
  const files = await readModelFiles(await openFolder(path, session));
  try {
    await using machine = await openMachine(session);
    const { signal, report: onProgress, note: onWarning } = session;
    return await bundleModel(files, { output, machine, signal, onProgress, onWarning });
  } finally {
    await files.index.close();
  }
}
