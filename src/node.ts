/** Exports access to folders and files on disk, for reading and writing, for Node, Deno and Bun. */
export { nodeFile, nodeFolder, nodeTree } from "./adapter/node.ts";
export { nodeOutput, nodeOutputFile } from "./adapter/node-output.ts";
export { nodeResumable, nodeWorkFolder } from "./adapter/node-work.ts";
