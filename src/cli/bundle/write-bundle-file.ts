/** Writes the bundle of a MODEL that a command names. */
import { UsageError } from "../../base/errors.ts";
import { isBundleName } from "../../files/given/whole-model.ts";
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
  const { openFolder, openMachine } = await import("../input/open-model.ts");
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

/** Refuses the path of a bundle before hours of work. @throws UsageError for a name that is not one's; FileError for a file that exists. */
export async function requireNewBundle(target: string, options: { readonly force?: boolean }): Promise<void> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  if (!isBundleName(target)) throw new UsageError("--bundle", target, "a name that ends in .quern");
  await using _output = await nodeOutputFile(target, options);
}
