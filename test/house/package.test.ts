import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { skeleton } from "./reading/skeleton.ts";
import { listFiles, packagesOf, readRepository, SOURCES } from "./reading/sources.ts";

/** What loading and running models may import. */
const LIBRARY_PACKAGES = ["@assemblyscript/loader", "@huggingface/tokenizers", "fflate"];
/** What evaluation and benchmarks alone may import besides: templates of tasks, schemas. */
const EVALUATION_PACKAGES = ["@huggingface/jinja", "valibot"];
/** What the server alone may import besides. */
const SERVER_PACKAGES = ["hono", "valibot"];
/** What the renderer of chat templates alone may import besides, and only when a template is used. */
const CHAT_PACKAGES = ["@huggingface/jinja"];
/** What only the command line may import. */
const CLI_PACKAGES = ["@hono/node-server", "@observablehq/plot", "aws4fetch", "bullmq", "commander", "ioredis", "pg"];
/** What users install with the package. The others are parts of its scripts, or installed by those who draw reports. */
const INSTALLED = ["@assemblyscript/loader", "@huggingface/jinja", "@huggingface/tokenizers", "commander"];
const PEERS = ["@observablehq/plot", "aws4fetch", "bullmq", "ioredis", "pg", "quern-server"];
const BUNDLED = ["@hono/node-server", "fflate", "hono", "valibot"];
const SERVER_BUNDLED = ["@hono/node-server", "hono", "valibot"];
/** Scripts of the server, for which the package has no room: those of a checkout, or of the package beside it. */
const CHECKOUT_ONLY = ["dist/chunks/server.js", "dist/chunks/listen.js"];
const MOST_BYTES = 1_000_000;

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
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
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
    expect(Object.keys(root.dependencies)).toEqual(INSTALLED);
    expect(Object.keys(root.peerDependencies)).toEqual(PEERS);
    expect(root["peerDependenciesMeta"]).toEqual(Object.fromEntries(PEERS.map((name) => [name, { optional: true }])));
    for (const field of ["optionalDependencies", "bundledDependencies"]) expect(root[field]).toBeUndefined();
    for (const script of ["preinstall", "install", "postinstall"]) expect(root.scripts[script]).toBeUndefined();
  });

  it("names files that the build writes", () => {
    const named = Object.values(root.exports).flatMap(targetsOf);
    const files = [...named, ...Object.values(root.bin)].map((file) =>
      file.replace("*", file.includes("/chunks/") ? "core.js" : "base"),
    );
    expect(files.filter((file) => !existsSync(repositoryFile(file)))).toEqual([]);
  });

  it("lists runtimes by name, default last, and types first for each; Bun takes what is Node's", () => {
    const conditionsOf = (target: Target): string[][] =>
      typeof target === "string" ? [] : [Object.keys(target), ...Object.values(target).flatMap(conditionsOf)];
    const [runtimes, ...rest] = Object.values(root.exports).flatMap(conditionsOf);
    expect(runtimes).toEqual(["workerd", "browser", "deno", "node", "default"]);
    expect(rest.length).toBeGreaterThan(10);
    for (const conditions of rest) expect(conditions).toEqual(["types", "default"]);
  });

  it("leads to modules of Node only where there is a file system", () => {
    const main = root.exports["."] as Readonly<Record<string, Readonly<Record<string, string>>>>;
    const others = Object.entries(root.exports).flatMap(([entry, target]) =>
      /^\.\/(?:node|chunks|wasm|package)/.test(entry) || entry === "."
        ? []
        : [(target as (typeof main)[string])["default"]],
    );
    const portable = [...["workerd", "browser", "default"].map((runtime) => main[runtime]["default"]), ...others];
    expect(portable.length).toBe(8);
    for (const file of portable) expect(everythingBehind(file.slice(2)).filter((name) => isBuiltin(name))).toEqual([]);
    expect(everythingBehind("dist/index.js").some(isBuiltin)).toBe(true);
  });

  it("asks for the Node that README names, and nothing newer is tested as the oldest", () => {
    const oldest = /only Node \((\d+\.\d+) or newer\)/.exec(readRepository("README.md"))?.[1];
    expect(root.engines).toEqual({ node: `>=${oldest}` });
    expect(ci.dependencies["node20"]).toContain(`@${oldest}.`);
  });
});

describe("the packed package", () => {
  const [{ files, unpackedSize }] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], {
      cwd: repositoryFile(""),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as readonly { readonly files: readonly { readonly path: string }[]; readonly unpackedSize: number }[];
  const packed = files.map(({ path }) => path);

  it("is small", () => {
    expect(unpackedSize).toBeLessThan(MOST_BYTES);
  });

  it("holds the build, and no documents but README and licences", () => {
    const tops = new Set(packed.map((path) => path.split("/")[0]));
    expect([...tops].sort()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
    const kinds = packed.filter((path) => path.startsWith("dist/")).map((path) => /\.(?:d\.ts|\w+)$/.exec(path)?.[0]);
    expect([...new Set(kinds)].sort()).toEqual([".d.ts", ".js", ".md", ".wasm"]);
  });

  it("leaves out the scripts of the server, which nothing but `quern serve` imports", () => {
    for (const file of CHECKOUT_ONLY) {
      expect([existsSync(repositoryFile(file)), packed.includes(file)]).toEqual([true, false]);
      const name = posix.basename(file);
      const importing = listFiles("dist", ".js").filter((each) => readRepository(each).includes(`/${name}`));
      expect(importing.filter((each) => !CHECKOUT_ONLY.includes(each))).toEqual(["dist/chunks/program.js"]);
    }
    expect([...filesBehind("dist/cli/main.js")].filter((file) => CHECKOUT_ONLY.includes(file))).toEqual([]);
  });

  it("names the packages that its scripts contain, with their licences", () => {
    const notices = readRepository("dist/THIRD-PARTY.md");
    expect([...notices.matchAll(/^- (\S+) \d/gm)].map(([, name]) => name).sort()).toEqual(["fflate", "valibot"]);
    expect(notices).toMatch(/\(MIT\)[\s\S]*permission notice of these is that of the file LICENSE/);
    expect(readRepository("LICENSE")).toContain("Permission is hereby granted");
  });
});

describe("quern-server", () => {
  const inServer = (file: string) => readRepository(`build/quern-server/${file}`);
  const about = JSON.parse(inServer("package.json")) as Package;

  it("goes with the package of its version, and holds the scripts that the package leaves out", () => {
    expect([about.version, about.peerDependencies, root.peerDependencies["quern-server"]]).toEqual([
      root.version,
      { quern: root.version },
      root.version,
    ]);
    expect(about.exports).toEqual({ ".": "./server.js", "./listen": "./listen.js" });
    for (const file of CHECKOUT_ONLY) {
      const script = inServer(posix.basename(file));
      const taken = [...script.matchAll(/from"([^"]+)"/g)].map(([, name]) => name).filter((name) => !isBuiltin(name));
      expect(taken.length).toBeGreaterThan(0);
      for (const name of taken)
        expect(existsSync(repositoryFile(`dist/${name.replace(/^quern\//, "")}`)), name).toBe(true);
      expect(script).not.toMatch(/["'`]\.\//);
    }
  });

  it("declares what src/server.ts exports, without names of the package's inside", () => {
    const types = inServer("server.d.ts");
    const names = (text: string) => [...text.matchAll(/^export (?:declare )?(?:class|function|interface) (\w+)/gm)];
    expect(
      names(types)
        .map(([, name]) => name)
        .sort(),
    ).toEqual(["HttpServer", "ServerOptions", "createServer"]);
    expect([...types.matchAll(/from "([^"]+)"/g)].map(([, name]) => name)).toEqual(["quern"]);
    expect(inServer("listen.d.ts")).not.toMatch(/ from "/);
  });

  it("names the packages that its scripts contain", () => {
    const names = [...inServer("THIRD-PARTY.md").matchAll(/^- (\S+) \d/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(SERVER_BUNDLED);
  });
});

/** What a built script imports at once. */
const importsOf = (file: string): string[] =>
  [...readRepository(file).matchAll(/(?<!")\b(?:from|import)"([^"`\s;]+)"/g)].map(([, specifier]) => specifier);

/** What a built script imports when it needs it. */
const laterImportsOf = (file: string): string[] =>
  [...readRepository(file).matchAll(/\bimport\(["`]([^"`]+)["`]\)/g)].map(([, specifier]) => specifier);

/** A built script and all that it imports. */
function filesBehind(file: string, imports = importsOf, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const own = imports(file).filter((name) => name.startsWith("."));
  for (const name of own) filesBehind(posix.join(posix.dirname(file), name), imports, seen);
  return seen;
}

/** What the scripts behind a built script import from elsewhere, at once or later. */
function everythingBehind(file: string): string[] {
  const files = [...filesBehind(file, (each) => [...importsOf(each), ...laterImportsOf(each)])];
  return [...new Set(files.flatMap(importsOf).filter((name) => !name.startsWith(".")))];
}

describe("the scripts of dist", () => {
  it("import packages that the package asks for, and no other", () => {
    const imported = new Set(
      listFiles("dist", ".js")
        .flatMap((file) => [...importsOf(file), ...laterImportsOf(file)])
        .filter((name) => !name.startsWith(".")),
    );
    const packages = [...imported].filter((name) => !isBuiltin(name));
    expect(packages.sort()).toEqual([...INSTALLED, ...PEERS].filter((name) => name !== "quern-server").sort());
  });

  it("are few behind each entry, since each file that a runtime opens takes time", () => {
    for (const entry of [
      "core",
      "web",
      "workerd",
      "index",
      "node",
      "quantize",
      "evaluate",
      "bench",
      "worker",
      "cli/main",
    ])
      expect([entry, filesBehind(`dist/${entry}.js`).size <= 10]).toEqual([entry, true]);
    expect([...filesBehind("dist/web.js")].flatMap(importsOf).filter((name) => name.startsWith("node:"))).toEqual([]);
  });

  it("import each other in no circle: what they declare is there before anything calls it", () => {
    const files = listFiles("dist", ".js");
    const inCircles = files.filter((file) => {
      const next = importsOf(file).filter((name) => name.startsWith("."));
      return next.some((name) => filesBehind(posix.join(posix.dirname(file), name)).has(file));
    });
    expect(files.length).toBeGreaterThan(20);
    expect(inCircles).toEqual([]);
  });

  it("load and run models in a page, from URLs too, without packages that only evaluation needs", () => {
    const files = [...filesBehind("dist/web.js", (file) => [...importsOf(file), ...laterImportsOf(file)])];
    expect(files.filter((file) => /remote-folder|compile-template|gguf/.test(file)).length).toBeGreaterThanOrEqual(3);
    const packages = everythingBehind("dist/web.js");
    expect(packages.filter((name) => ![...LIBRARY_PACKAGES, ...CHAT_PACKAGES].includes(name))).toEqual([]);
    for (const later of ["quantize", "evaluate", "bench", "program"])
      expect(files).not.toContain(`dist/chunks/${later}.js`);
  });
});

describe("jsr.json", () => {
  const jsr = JSON.parse(readRepository("jsr.json")) as Pick<Package, "version" | "imports"> & {
    readonly exports: Readonly<Record<string, string>>;
  };

  it("has the package's version, entries and packages", () => {
    expect(jsr.version).toBe(root.version);
    const entries = Object.keys(root.exports).filter((entry) => !/chunks|wasm|package/.test(entry));
    expect(Object.keys(jsr.exports).filter((entry) => entry !== "./web")).toEqual(entries);
    for (const file of Object.values(jsr.exports)) expect(SOURCES).toContain(file.slice(2));
    const versions = { ...root.dependencies, ...root.devDependencies };
    const named = [...new Set([...LIBRARY_PACKAGES, ...EVALUATION_PACKAGES])].sort();
    expect(jsr.imports).toEqual(Object.fromEntries(named.map((name) => [name, `npm:${name}@${versions[name]}`])));
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
    const serves = (file: string) => file.startsWith("src/server/");
    const core = library.filter((file) => !evaluates(file) && !chats(file) && !serves(file));
    expect(faultsOf(core, allowed)).toEqual([]);
    expect(faultsOf(library.filter(chats), (name) => allowed(name) || CHAT_PACKAGES.includes(name))).toEqual([]);
    expect(faultsOf(library.filter(serves), (name) => allowed(name) || SERVER_PACKAGES.includes(name))).toEqual([]);
    expect(faultsOf(library.filter(evaluates), (name) => allowed(name) || EVALUATION_PACKAGES.includes(name))).toEqual(
      [],
    );
  });

  it("stay within the declared ones on the command line", () => {
    const isOfProgram = (name: string) => [...CLI_PACKAGES, ...BUNDLED].includes(name);
    expect(faultsOf(SOURCES.filter(isCli), (name) => isBuiltin(name) || isOfProgram(name))).toEqual([]);
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

  // The operator is `Math.pow` by another name. Powers of 2 are exact everywhere; other figures are multiplied out.
  it("raise only 2 to a power, where numbers reach a logit, a scale, a token or a plan", () => {
    const rooms = /^src\/(?:base|wasm|tensor|format|nn|quant|policy|model|runtime|compress)\//;
    const code = (file: string) => skeleton(readRepository(file), "strings");
    const powers = portable.filter((file) => rooms.test(file) && /\*\*/.test(code(file)));
    expect(powers.length).toBeGreaterThan(5);
    expect(powers.filter((file) => /(?<!\b2 )\*\*/.test(code(file)))).toEqual([]);
  });
});
