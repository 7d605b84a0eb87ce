/** Options of the linears outside the blocks, shared by `quantize` and `plan`: bits of head and embedding. */
import type { Command } from "commander";
import type { OuterWish } from "../../compress/plan/outer-choice.ts";
import { oneOf } from "./common-options.ts";

export interface OuterCommandOptions {
  readonly head?: "16" | "8" | "4" | "auto";
  readonly embedding?: "16" | "8" | "auto";
}

export function addOuterOptions(command: Command): Command {
  return command
    .option(
      "--head <16|8|4|auto>",
      "bits of the head, which gets its own matrix if it is tied; auto: policy knapsack chooses (default: 16, or those of the embedding if it is tied)",
      oneOf("--head", ["16", "8", "4", "auto"]),
    )
    .option(
      "--embedding <16|8|auto>",
      "bits of the embedding, which is rounded; 8 only in the native profile (default: 16)",
      oneOf("--embedding", ["16", "8", "auto"]),
    );
}

/** The bits that the options ask for. */
export function outerBits({ head, embedding }: OuterCommandOptions): OuterWish {
  const told = (bits: string) => (bits === "auto" ? bits : Number(bits));
  return {
    ...(head === undefined ? {} : { head: told(head) as OuterWish["head"] }),
    ...(embedding === undefined ? {} : { embedding: told(embedding) as OuterWish["embedding"] }),
  };
}
