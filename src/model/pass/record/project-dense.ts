/** Records linears that compute every token of a pass. */
import { UsageError } from "../../../base/errors.ts";
import type { Rows } from "../../../nn/emit.ts";
import { project } from "../../../nn/linear.ts";
import type { Linear } from "../../weights/linears.ts";
import type { Pass } from "./pass.ts";

/** Records linears that compute every token. The inputs of the router and of the shared experts' gate are never rounded. */
export function projectDense(pass: Pass, input: Rows, ...pairs: readonly (readonly [Linear, Rows])[]): void {
  const { span } = pass;
  const targets = pairs.map(([{ matrix, bias }, out]) => ({ matrix, bias, span, out: out.ptr }));
  const [first] = pairs[0];
  const exact = first.role === "router" || first.role === "sharedGate";
  const scales = exact ? 0 : scalesOf(pass, first);
  project(pass.emit, { input, index: 0, targets, rows: pass.tokens * pairs.length, exact, scales });
}

/** Address of the fixed scales of study activations for a linear's input; 0 if each row gets its own scales. */
export function scalesOf({ emit: { activations } }: Pass, { name }: Linear): number {
  if (activations.mode !== "study" || activations.scales === undefined) return 0;
  const address = activations.scales.get(name);
  if (address === undefined) throw new UsageError(`study activations: ${name}`, "no scales", "scales of this model");
  return address;
}
