// Makes `quern-server`, the package of the server, in build/quern-server: two scripts of dist/ that take the rest from the `quern` beside them, of
// the same version. `quern` itself has no room for them below its megabyte.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { thirdPartyNotices } from "./notices.mjs";

export const SERVER_PACKAGE = "build/quern-server";
const NAME = "quern-server";
const SCRIPTS = ["server", "listen"];
/** Packages that only the server contains, and one that `quern` contains too. */
const ONLY_SERVER = ["hono", "@hono/node-server"];
const CONTAINED = [...ONLY_SERVER, "valibot"];

const README = `# ${NAME}

The HTTP server of [Quern](https://www.npmjs.com/package/quern): its models answer requests of the OpenAI API, and every answer has the same bits as the request alone.

\`\`\`sh
npm install quern ${NAME}
npx quern serve MODEL --port 8080
\`\`\`

As a \`fetch\` handler on any runtime:

\`\`\`js
import { loadModel } from "quern";
import { createServer } from "${NAME}";

const server = createServer({ models: { story: () => loadModel("models/fable-mixtral") } });
const response = await server.fetch(new Request("http://server/v1/models"));
console.log(await response.json());
await server.close();
\`\`\`
`;

/** Whether a package's folder is one of those that only the server contains. */
export const isOnlyServers = (folder) => ONLY_SERVER.some((name) => folder.endsWith(`node_modules/${name}`));

/** The declarations of `server`, which three modules have, as one file: the model is what `loadModel` gives. */
function declarationsOf(folder) {
  const files = ["server/server-options.d.ts", "server/http-server.d.ts", "server.d.ts"];
  const [options, ...others] = files.map((file) =>
    readFileSync(`${folder}/${file}`, "utf8").replace(
      /^(?:import|export) (?:type )?\{.*\} from .*\n|^\/\*\* Exports .*\n/gm,
      "",
    ),
  );
  const model = 'import type { loadModel } from "quern";\n\ntype Model = Awaited<ReturnType<typeof loadModel>>;\n';
  const shown = options.replace(/^\/\*\* Limits that[\s\S]*/m, "");
  return [model, shown, ...others].join("\n");
}

/** @returns the declarations, to be read before those of dist are gathered. */
export function serverDeclarations(folder) {
  return { server: declarationsOf(folder), listen: readFileSync(`${folder}/cli/serve/listen.d.ts`, "utf8") };
}

/** Writes the package, once dist has its scripts. */
export function writeServerPackage(declarations) {
  const { version, license, engines } = JSON.parse(readFileSync("package.json", "utf8"));
  rmSync(SERVER_PACKAGE, { recursive: true, force: true });
  mkdirSync(SERVER_PACKAGE, { recursive: true });
  for (const name of SCRIPTS) {
    const script = readFileSync(`dist/chunks/${name}.js`, "utf8");
    const outside = script.replace(/\bfrom"\.\/([\w-]+\.js)"/g, 'from"quern/chunks/$1"');
    writeFileSync(`${SERVER_PACKAGE}/${name}.js`, outside);
    writeFileSync(`${SERVER_PACKAGE}/${name}.d.ts`, declarations[name]);
  }
  const about = {
    ...{ name: NAME, version, description: "The HTTP server of Quern, with the endpoints of the OpenAI API.", license },
    ...{ type: "module", engines, exports: { ".": "./server.js", "./listen": "./listen.js" } },
    peerDependencies: { quern: version },
  };
  writeFileSync(`${SERVER_PACKAGE}/package.json`, `${JSON.stringify(about, null, 2)}\n`);
  writeFileSync(`${SERVER_PACKAGE}/README.md`, README);
  copyFileSync("LICENSE", `${SERVER_PACKAGE}/LICENSE`);
  const notices = thirdPartyNotices(new Set(CONTAINED.map((name) => `node_modules/${name}`)));
  writeFileSync(`${SERVER_PACKAGE}/THIRD-PARTY.md`, notices);
}
