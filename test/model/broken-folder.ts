/** Copies of a small model folder in memory, with one thing wrong in each. */
import { readdirSync, readFileSync } from "node:fs";
import { type FolderSource, filesFolder } from "../../src/files/source.ts";
import { repositoryFile } from "../helpers/shared.ts";

export type Files = Record<string, Uint8Array>;
export interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}
export type Header = Record<string, HeaderEntry>;

/** The files of a folder of the repository, after `change` had its way. */
export function brokenFolder(path: string, change: (files: Files) => void): FolderSource {
  const root = repositoryFile(path);
  const files: Files = {};
  for (const name of readdirSync(root)) files[name] = new Uint8Array(readFileSync(`${root}/${name}`));
  change(files);
  return filesFolder("broken", files);
}

/** Changes fields of config.json; `undefined` takes one away. */
export function withConfig(fields: Readonly<Record<string, unknown>>): (files: Files) => void {
  return (files) => {
    const config = JSON.parse(new TextDecoder().decode(files["config.json"])) as Record<string, unknown>;
    files["config.json"] = new TextEncoder().encode(JSON.stringify({ ...config, ...fields }));
  };
}

/** Changes the header of model.safetensors, and with it what the same data mean; `data` is the part after the header. */
export function withTensors(change: (header: Header, data: Uint8Array) => void): (files: Files) => void {
  return (files) => {
    const bytes = files["model.safetensors"];
    const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end))) as Header;
    const data = bytes.slice(end);
    change(header, data);
    const text = new TextEncoder().encode(JSON.stringify(header));
    const file = new Uint8Array(8 + text.length + data.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    file.set(data, 8 + text.length);
    files["model.safetensors"] = file;
  };
}
