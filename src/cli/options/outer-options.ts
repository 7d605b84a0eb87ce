/** Options of the linears outside the blocks, shared by `quantize` and `plan`: bits of head and embedding. */
import type { Command } from "commander";
import type { OuterBits } from "../../compress/recipe/outer-bits.ts";
import { oneOf } from "./common-options.ts";

export interface OuterCommandOptions {
  readonly head?: "16" | "8" | "4";
  readonly embedding?: "16" | "8";
}

export function addOuterOptions(command: Command): Command {
  return command
    .option(
      "--head <16|8|4>",
      "bits of the head, which gets its own matrix if it is tied (default: 16, or those of the embedding if it is tied)",
      oneOf("--head", ["16", "8", "4"]),
    )
    .option(
      "--embedding <16|8>",
      "bits of the embedding, which is rounded; 8 only in the native profile (default: 16)",
      oneOf("--embedding", ["16", "8"]),
    );
}

/** The bits that the options ask for. */
export function outerBits({ head, embedding }: OuterCommandOptions): OuterBits {
  return {
    ...(head === undefined ? {} : { head: Number(head) as OuterBits["head"] }),
    ...(embedding === undefined ? {} : { embedding: Number(embedding) as OuterBits["embedding"] }),
  };
}
