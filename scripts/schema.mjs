// Writes schema/sweep.schema.json from the schema that `quern sweep` checks with. Run: node scripts/schema.mjs
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toJsonSchema } from "@valibot/to-json-schema";
import { bundleModule } from "./bundle.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
mkdirSync("schema", { recursive: true });
await bundleModule("src/cli/sweep/config/sweep-schema.ts", "build/sweep-schema.mjs");
const { SWEEP_SCHEMA } = await import("../build/sweep-schema.mjs");
const json = { title: "quern sweep", ...toJsonSchema(SWEEP_SCHEMA) };
writeFileSync("schema/sweep.schema.json", JSON.stringify(json, null, 2));
execFileSync("node_modules/.bin/biome", ["format", "--write", "schema"], { stdio: "inherit" });
