import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { linksOf } from "./reading/markdown.ts";
import { skeleton } from "./reading/skeleton.ts";
import { listFiles, packagesOf, readRepository, SOURCES } from "./reading/sources.ts";

/** What the library may import at run time. */
const LIBRARY_PACKAGES = ["@assemblyscript/loader", "@huggingface/tokenizers", "fflate"];
/** What evaluation and benchmarks alone may import besides: templates of tasks, schemas, CSV files. */
const EVALUATION_PACKAGES = ["@huggingface/jinja", "papaparse", "valibot"];
/** What the renderer of chat templates alone may import besides, and only when a template is used. */
const CHAT_PACKAGES = ["@huggingface/jinja"];
/** What only the command line may import. */
const CLI_PACKAGES = ["@observablehq/plot", "commander", "linkedom", "picocolors"];

/** A file, or conditions that lead to one. */
type Target = string | { readonly [condition: string]: Target };

interface Package {
  readonly [field: string]: unknown;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Target>>;
  readonly engines: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const root = JSON.parse(readRepository("package.json")) as Package;
const ci = JSON.parse(readRepository("ci/package.json")) as Package;

const targetsOf = (target: Target): string[] =>
  typeof target === "string" ? [target] : Object.values(target).flatMap(targetsOf);
const isBuiltin = (name: string) => name.startsWith("node:") || builtinModules.includes(name);
const isCli = (file: string) => file.startsWith("src/cli/") || file.startsWith("src/report/");
const faultsOf = (files: readonly string[], allowed: (name: string) => boolean) =>
  files.flatMap((file) =>
    packagesOf(file)
      .filter((name) => !allowed(name))
      .map((name) => `${file}: ${name}`),
  );

describe("package.json", () => {
  it("pins every version exactly", () => {
    const versions = [root.dependencies, root.devDependencies, ci.dependencies].flatMap(Object.entries);
    expect(versions.length).toBeGreaterThan(10);
    for (const [name, version] of versions) expect(`${name} ${version}`).toMatch(/ (?:npm:[\w-]+@)?\d+\.\d+\.\d+$/);
  });

  it("asks its users to install no more than the allowed packages", () => {
    const allowed = [...LIBRARY_PACKAGES, ...EVALUATION_PACKAGES, ...CLI_PACKAGES];
    expect(Object.keys(root.dependencies).filter((name) => !allowed.includes(name))).toEqual([]);
    for (const field of ["peerDependencies", "optionalDependencies", "bundledDependencies"])
      expect(root[field]).toBeUndefined();
  });

  it("names files that the build writes", () => {
    const named = Object.values(root.exports).flatMap(targetsOf);
    const files = [...named, ...Object.values(root.bin)].flatMap((file) =>
      file.includes("*") ? ["base", "relaxed"].map((name) => file.replace("*", name)) : [file],
    );
    expect(files.filter((file) => !existsSync(repositoryFile(file)))).toEqual([]);
  });

  it("lists types first, behind a page's own, and default last in every entry of exports", () => {
    const conditionsOf = (target: Target): string[][] =>
      typeof target === "string" ? [] : [Object.keys(target), ...Object.values(target).flatMap(conditionsOf)];
    const found = Object.values(root.exports).flatMap(conditionsOf);
    expect(found.length).toBeGreaterThan(4);
    for (const conditions of found) {
      expect(conditions.filter((condition) => condition !== "browser")[0]).toBe("types");
      expect(conditions.at(-1)).toBe("default");
    }
  });

  it("asks for the Node that README names, and nothing newer is tested as the oldest", () => {
    const oldest = /only Node \((\d+\.\d+) or newer\)/.exec(readRepository("README.md"))?.[1];
    expect(root.engines).toEqual({ node: `>=${oldest}` });
    expect(ci.dependencies["node20"]).toContain(`@${oldest}.`);
  });
});

describe("the packed package", () => {
  const [{ files }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], {
      cwd: repositoryFile(""),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as readonly { readonly files: readonly { readonly path: string }[] }[];
  const packed = files.map(({ path }) => path);

  it("holds the build and the papers, and no weights", () => {
    const tops = new Set(packed.map((path) => path.split("/")[0]));
    const papers = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "package.json"];
    expect([...tops].sort()).toEqual([...papers, "dist", "docs", "models", "schema"].sort());
    expect(packed.filter((path) => path.startsWith("models/"))).toEqual(["models/README.md"]);
  });

  it("holds every file that its own Markdown links to", () => {
    const documents = packed.filter((path) => path.endsWith(".md"));
    expect(documents.length).toBeGreaterThan(8);
    const links = documents.flatMap((file) =>
      linksOf(readRepository(file)).map((link) => ({ file, target: posix.join(posix.dirname(file), link) })),
    );
    expect(links.length).toBeGreaterThan(10);
    const missing = links.filter(
      ({ target }) => !packed.some((path) => path === target || path.startsWith(`${target}/`)),
    );
    expect(missing).toEqual([]);
  });
});

/** What a built script imports at once. */
const importsOf = (file: string): string[] =>
  [...readRepository(file).matchAll(/\b(?:from|import)"([^"`]+)"/g)].map(([, specifier]) => specifier);

/** What a built script imports when it needs it. */
const laterImportsOf = (file: string): string[] =>
  [...readRepository(file).matchAll(/\bimport\(`(\.[^`]+)`\)/g)].map(([, specifier]) => specifier);

/** A built script and all that it imports. */
function filesBehind(file: string, imports = importsOf, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const own = imports(file).filter((name) => name.startsWith("."));
  for (const name of own) filesBehind(posix.join(posix.dirname(file), name), imports, seen);
  return seen;
}

describe("the scripts of dist", () => {
  it("import packages that the package asks for, and no other", () => {
    const imported = new Set(
      listFiles("dist", ".js")
        .flatMap(importsOf)
        .filter((name) => !name.startsWith(".")),
    );
    const packages = [...imported].filter((name) => !isBuiltin(name));
    expect(packages.length).toBeGreaterThan(4);
    expect(packages.filter((name) => !(name in root.dependencies))).toEqual([]);
  });

  it("are few behind each entry, since each file that a runtime opens takes time", () => {
    for (const entry of ["core", "web", "index", "node", "quantize", "evaluate", "bench", "cli/main"])
      expect([entry, filesBehind(`dist/${entry}.js`).size <= 10]).toEqual([entry, true]);
    expect([...filesBehind("dist/web.js")].flatMap(importsOf).filter((name) => name.startsWith("node:"))).toEqual([]);
  });

  it("load and run models in a page, from URLs too, without packages that only evaluation needs", () => {
    const files = [...filesBehind("dist/web.js", (file) => [...importsOf(file), ...laterImportsOf(file)])];
    expect(files.filter((file) => /remote-folder|compile-template|gguf/.test(file)).length).toBeGreaterThanOrEqual(3);
    const packages = new Set(files.flatMap(importsOf).filter((name) => !name.startsWith(".")));
    expect([...packages].filter((name) => ![...LIBRARY_PACKAGES, ...CHAT_PACKAGES].includes(name))).toEqual([]);
  });
});

describe("versions", () => {
  it("of library and package are one", () => {
    expect(readRepository("src/base/version.ts")).toContain(`"${root.version}"`);
  });
});

describe("imports of packages", () => {
  it("stay within the allowed ones in the library", () => {
    const evaluates = (file: string) => /^src\/(?:eval|bench)\//.test(file);
    const chats = (file: string) => file.startsWith("src/text/jinja/");
    const library = SOURCES.filter((file) => !isCli(file));
    const allowed = (name: string) => isBuiltin(name) || LIBRARY_PACKAGES.includes(name);
    const core = library.filter((file) => !evaluates(file) && !chats(file));
    expect(faultsOf(core, allowed)).toEqual([]);
    expect(faultsOf(library.filter(chats), (name) => allowed(name) || CHAT_PACKAGES.includes(name))).toEqual([]);
    expect(faultsOf(library.filter(evaluates), (name) => allowed(name) || EVALUATION_PACKAGES.includes(name))).toEqual(
      [],
    );
  });

  it("stay within the declared ones on the command line", () => {
    expect(faultsOf(SOURCES.filter(isCli), (name) => isBuiltin(name) || name in root.dependencies)).toEqual([]);
  });

  it("touch Node's own modules in adapters and on the command line only", () => {
    const portable = SOURCES.filter((file) => !isCli(file) && !file.startsWith("src/adapter/"));
    expect(portable.length).toBeGreaterThan(40);
    expect(faultsOf(portable, (name) => !isBuiltin(name))).toEqual([]);
  });
});

describe("sources of the library", () => {
  const portable = SOURCES.filter((file) => !isCli(file));

  it("print nothing", () => {
    const printing = portable.filter((file) => /\bconsole\s*\./.test(skeleton(readRepository(file), "strings")));
    expect(printing).toEqual([]);
  });

  // Engines compute these differently: whatever reaches a number uses src/base/exact-math.ts instead.
  it("compute no function whose bits an engine may choose", () => {
    const inexact =
      /\bMath\.(?:exp|expm1|log|log2|log10|log1p|pow|sin|cos|tan|a?sinh?|a?cosh?|a?tanh?|atan2|cbrt|hypot)\b/;
    expect(portable.filter((file) => inexact.test(skeleton(readRepository(file), "strings")))).toEqual([]);
  });
});
