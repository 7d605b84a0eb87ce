/**
 * Joins tensors of single experts to the tensors of whole layers in which the files of some families have them. Other readers of these
 * families know no others; Quern reads both.
 */
import type { TensorToWrite } from "../../format/safetensors-writer.ts";
import { type BankName, nameFor } from "../../model/config/module-names.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";

/** Families whose published files have fused experts only. */
const FUSED: readonly string[] = ["granitemoe", "granitemoeshared"];

/** The members of a joined tensor, in its order: expert by expert, and part by part in each. */
interface Bank {
  readonly parts: number;
  readonly isShared: boolean;
  readonly members: { readonly linear: StoredLinear; readonly part: number }[];
}

/** Joins what is float throughout. Experts of a folder with GPTQ tensors stay apart, since no other reader has those fused. */
export function joinBanks(files: ModelFiles, tensors: readonly TensorToWrite[]): readonly TensorToWrite[] {
  if (!FUSED.includes(files.config.modelType) || tensors.some(({ dtype }) => dtype === "I32")) return tensors;
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const joined: TensorToWrite[] = [];
  for (const [name, bank] of banksOf(files)) {
    const order = [...bank.members].sort((a, b) => a.linear.expert - b.linear.expert || a.part - b.part);
    const members = order.map(({ linear }) => byName.get(`${linear.name}.weight`));
    const floats = members.filter((member) => member !== undefined);
    if (floats.length < members.length || floats.some(({ dtype }) => dtype !== floats[0].dtype)) continue;
    for (const member of floats) byName.delete(member.name);
    joined.push(joinedTensor(name, bank, floats));
  }
  return [...byName.values(), ...joined];
}

function banksOf({ linears, names }: ModelFiles): ReadonlyMap<string, Bank> {
  const banks = new Map<string, Bank>();
  for (const linear of linears) {
    const { role, projection, layer } = linear;
    const tables = { expert: names.banks, shared: names.sharedBanks } as const;
    const place: BankName | undefined = role === "expert" || role === "shared" ? tables[role]?.[projection] : undefined;
    if (place === undefined) continue;
    const name = nameFor(place.tensor, layer);
    const bank = banks.get(name) ?? { parts: place.parts, isShared: role === "shared", members: [] };
    bank.members.push({ linear, part: place.part });
    banks.set(name, bank);
  }
  return banks;
}

function joinedTensor(name: string, { parts, isShared }: Bank, members: readonly TensorToWrite[]): TensorToWrite {
  const [rows, cols] = members[0].shape;
  const block = [parts * rows, cols];
  return {
    ...{ name, dtype: members[0].dtype, shape: isShared ? block : [members.length / parts, ...block] },
    async *pieces() {
      for (const member of members) yield* member.pieces();
    },
  };
}
