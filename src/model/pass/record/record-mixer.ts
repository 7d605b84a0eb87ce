/** Records what mixes the tokens of one block: attention, latent attention or a short convolution. */
import type { Rows } from "../../../nn/emit.ts";
import type { MixerWeights } from "../../weights/weight-tree.ts";
import type { Pass, Tap } from "./pass.ts";
import { recordAttention } from "./record-attention.ts";
import { recordConv } from "./record-conv.ts";
import { recordLatent } from "./record-latent.ts";

/** Records h += mixer(x), the first half of a block. */
export function* recordMixer(pass: Pass, layer: number, mixer: MixerWeights, x: Rows, h: Rows): Generator<Tap, void> {
  switch (mixer.kind) {
    case "attention":
      return yield* recordAttention(pass, layer, mixer, x, h);
    case "latent":
      return yield* recordLatent(pass, layer, mixer, x, h);
    case "conv":
      return yield* recordConv(pass, layer, mixer, x, h);
  }
}
