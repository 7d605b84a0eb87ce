/** Writes the bundle of a MODEL that a command names. */
import { UsageError } from "../../base/errors.ts";
import { isBundleName } from "../../files/given/whole-model.ts";
import type { OutputFile } from "../../files/output.ts";
import type { CommandSession } from "../session/command-session.ts";

/** The file to write. @throws UsageError for a name that is not a bundle's; FileError for one that exists, unless the options replace it. */
export async function bundleOutput({ options }: CommandSession, target: string): Promise<OutputFile> {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  if (!isBundleName(target)) throw new UsageError("--bundle", target, "a name that ends in .quern");
  return nodeOutputFile(target, options);
}

/** Writes and commits it. @returns its bytes. */
export async function writeBundle(session: CommandSession, path: string, output: OutputFile): Promise<number> {
  const { bundleModel } = await import("../../compress/convert/write-bundle.ts");
  const { openFiles, openMachine } = await import("../input/open-model.ts");
  await using opened = await openFiles(session, path);
  await using machine = await openMachine(session);
  const { signal, report: onProgress, note: onWarning } = session;
  return (await bundleModel(opened.files, { output, machine, signal, onProgress, onWarning })).bytes;
}
