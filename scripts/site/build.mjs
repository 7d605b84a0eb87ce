// Builds the page to site/dist: scripts by Rolldown, style sheets joined, fonts, default models and the study's data beside them.
import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { HEADERS } from "./headers.mjs";
import { machinesData } from "./machines-data.mjs";
import { studyData } from "./study-data.mjs";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));
const OUT = "site/dist";
/** The models that the page offers at once, with the files that a model needs. */
const MODELS = ["fable-mixtral", "fable-deepseek"];
const MODEL_FILES = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];
const FONTS = { literata: "literata-latin-wght-normal", "instrument-sans": "instrument-sans-latin-wght-normal" };
/** Most bytes of all scripts after gzip. */
const MOST_SCRIPT = 300_000;

async function bundle(input) {
  const build = await rolldown({
    input,
    platform: "browser",
    logLevel: "warn",
    tsconfig: "site/tsconfig.json",
    transform: { target: "es2022" },
  });
  await build.write({
    dir: OUT,
    format: "esm",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "parts/[name]-[hash].js",
  });
  await build.close();
}

/** Joins the style sheets in the order of their names. */
function writeStyle() {
  const sheets = readdirSync("site/style")
    .sort()
    .map((name) => readFileSync(`site/style/${name}`, "utf8"));
  writeFileSync(
    join(OUT, "site.css"),
    sheets
      .join("")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/\n\s*/g, "\n")
      .replace(/^\n/, ""),
  );
}

/** The model's files, as links where the file system has them. */
function placeModel(name) {
  mkdirSync(join(OUT, "models", name), { recursive: true });
  for (const file of MODEL_FILES) {
    const [from, to] = [`models/${name}/${file}`, join(OUT, "models", name, file)];
    if (!existsSync(from)) continue;
    try {
      linkSync(from, to);
    } catch {
      cpSync(from, to);
    }
  }
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(join(OUT, "fonts"), { recursive: true });
await bundle({ site: "site/src/main.tsx" });
await bundle({ worker: "site/src/worker/main.ts" });
writeStyle();
for (const [name, file] of Object.entries(FONTS))
  cpSync(`node_modules/@fontsource-variable/${name}/files/${file}.woff2`, join(OUT, "fonts", `${name}.woff2`));
cpSync("site/index.html", join(OUT, "index.html"));
for (const file of readdirSync("site/assets")) cpSync(`site/assets/${file}`, join(OUT, basename(file)));
MODELS.forEach(placeModel);
writeFileSync(join(OUT, "study.json"), JSON.stringify(studyData()));
writeFileSync(join(OUT, "machines.json"), JSON.stringify(machinesData()));
/** Static hosts that read this file send the headers. */
writeFileSync(
  join(OUT, "_headers"),
  [`/*`, ...Object.entries(HEADERS).map(([name, value]) => `  ${name}: ${value}`), ""].join("\n"),
);
const scripts = readdirSync(OUT, { recursive: true }).filter((name) => name.endsWith(".js"));
const bytes = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(OUT, name))).length, 0);
console.log(`site/dist: ${scripts.length} scripts, ${bytes} bytes after gzip`);
if (bytes > MOST_SCRIPT)
  throw new Error(`site/dist: found ${bytes} bytes of script after gzip, expected at most ${MOST_SCRIPT}`);
