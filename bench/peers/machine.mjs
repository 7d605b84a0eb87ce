// Facts of the machine and versions of what is measured.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import { ROOT } from "./engines/lineup.mjs";
import { chromiumVersion } from "./hosts/chromium-host.mjs";

const said = (command, args) => spawnSync(command, args, { encoding: "utf8", cwd: ROOT }).stdout?.trim() ?? "";

/** Instructions that decide the speed of matrix products. */
const FEATURES = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8"];

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;

/** The line of /proc/cpuinfo or a file like it that begins with `key`. */
const lineOf = (file, key) => new RegExp(`^${key}\\s*:\\s*(.*)$`, "m").exec(readFileSync(file, "utf8"))?.[1] ?? "";

export function describeMachine({ node, chromium }) {
  const flags = lineOf("/proc/cpuinfo", "flags").split(" ");
  return {
    processor: cpus()[0].model,
    cores: cpus().length,
    features: FEATURES.filter((name) => flags.includes(name)),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: type(),
    node: said(node, ["--version"]),
    chromium: chromium === undefined ? undefined : chromiumVersion(chromium).split(" built")[0],
    packages: Object.fromEntries(
      ["node-llama-cpp", "@wllama/wllama", "onnxruntime-web"].map((name) => [name, versionOf(name)]),
    ),
    commit: said("git", ["rev-parse", "--short", "HEAD"]),
  };
}
