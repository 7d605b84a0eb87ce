/** Folders and files of a disk as sources, for Node, Deno and Bun. */
export { nodeFile, nodeFolder } from "./adapter/node.ts";
