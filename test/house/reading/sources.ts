/** The repository as text: which files there are, what they import, where their functions begin and end. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { repositoryFile } from "../../helpers/shared.ts";
import { skeleton } from "./skeleton.ts";

export const SOURCES: readonly string[] = listFiles("src").filter((file) => !file.includes("/generated/"));

/** Every file under a folder, as paths from the root of the repository. Installed packages are left out. */
export function listFiles(folder: string, ending = ".ts"): string[] {
  const root = repositoryFile(folder);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter(
      (path) => path.endsWith(ending) && !path.includes("node_modules/") && statSync(repositoryFile(path)).isFile(),
    )
    .sort();
}

/** What git tracks, or undefined outside a checkout. */
export function trackedFiles(): string[] | undefined {
  try {
    const listed = execFileSync("git", ["ls-files", "-z"], { cwd: repositoryFile(""), encoding: "utf8" });
    return listed.split("\0").filter((path) => path !== "" && existsSync(repositoryFile(path)));
  } catch {
    return undefined;
  }
}

export function readRepository(path: string): string {
  return readFileSync(repositoryFile(path), "utf8");
}

/** The module specifiers of static, dynamic and type-only imports and of re-exports. */
export function specifiersOf(text: string): string[] {
  const code = skeleton(text, "comments");
  const found = code.matchAll(/\bfrom\s*(["'])([^"'\n]+)\1|\bimport\s*\(?\s*(["'])([^"'\n]+)\3/g);
  return [...found].map((match) => match[2] ?? match[4]);
}

/** A relative specifier as a path from the root; undefined for packages. */
export function resolveImport(file: string, specifier: string): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(file), specifier) : undefined;
}

/** Files of `src` that a file imports. Modules of kernels are built. */
export function importsOf(file: string): string[] {
  const specifiers = specifiersOf(readRepository(file)).filter((specifier) => !specifier.endsWith(".wasm"));
  return specifiers.flatMap((specifier) => resolveImport(file, specifier) ?? []);
}

/** Packages and built-ins that a file imports, by package name. */
export function packagesOf(file: string): string[] {
  return specifiersOf(readRepository(file))
    .filter((specifier) => !specifier.startsWith("."))
    .map((specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
}
