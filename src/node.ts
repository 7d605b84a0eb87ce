/** Folders and files of a disk, to read and to write, for Node, Deno and Bun. */
export { nodeFile, nodeFolder, nodeTree } from "./adapter/node.ts";
export { nodeOutput, nodeOutputFile } from "./adapter/node-output.ts";
export { nodeResumable, nodeWorkFolder } from "./adapter/node-work.ts";
