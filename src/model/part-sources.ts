/** What a model is opened from: sources of its configuration, its text and its tensors, whatever the container. */
import type { JsonObject } from "../base/json.ts";
import type { FolderSource } from "../files/source.ts";
import type { TextParts } from "./text/text-parts.ts";
import type { StoredTensors } from "./weights/locate.ts";

export interface ConfigSource {
  /** Name of the source in messages, such as `models/fable-mixtral/config.json`. */
  readonly where: string;
  /** The configuration with the field names of Hugging Face. @throws FileError, FormatError or UnsupportedError if there is none. */
  read(): Promise<JsonObject>;
}

/** The sources from which a model is opened. */
export interface PartSources {
  /** The folder, or what a GGUF file would be as a folder in Hugging Face layout, without the tensors. */
  readonly folder: FolderSource;
  readonly config: ConfigSource;
  readonly text: TextParts;
  /** Opens the tensors and reads only their headers. The caller closes the index. */
  openTensors(): Promise<StoredTensors>;
  /** Closes what reading the configuration has opened, unless `openTensors` was called. */
  close(): Promise<void>;
}
