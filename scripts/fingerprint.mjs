// Content hashes of folders, so that builds and installs run only when their inputs changed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** SHA-256 over names and contents of all files under `paths` (missing ones count as empty). */
export function fingerprint(paths) {
  const hash = createHash("sha256");
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      if (path.endsWith("generated")) return;
      for (const name of readdirSync(path).sort()) visit(join(path, name));
    } else {
      hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
    }
  };
  for (const path of paths) visit(path);
  return hash.digest("hex");
}

/** Whether the stamp file holds exactly this text. */
export function isFresh(stamp, text) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === text;
}
