/** Damage to safetensors files: to the header's JSON, with a length that fits it, to the numbers behind it, or to all of it. */
import { damageBytes, joined } from "./bytes.ts";
import type { Dice } from "./dice.ts";
import { damageJson, type Extras } from "./json.ts";

const DTYPES = ["F32", "F16", "BF16", "F64", "I32", "U8", "BOOL", "F8_E4M3", "I64"];

interface HeaderEntry {
  dtype: string;
  shape: number[];
}

export function damageTensors(file: Uint8Array, dice: Dice, extras: Extras = {}): Uint8Array {
  const end = 8 + Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, end))) as Record<string, HeaderEntry>;
  const kind = dice.below(10);
  if (kind < 4)
    return rebuilt(
      damageJson(header, dice, { ...extras, texts: [...DTYPES, ...(extras.texts ?? [])] }),
      file.subarray(end),
    );
  if (kind < 6) return rebuilt(renamed(header, dice), file.subarray(end));
  if (kind < 9) return joined(file.subarray(0, end), damagedNumbers(file.slice(end), dice));
  return damageBytes(file, dice);
}

/** Two tensors swap their names or a shape is turned round: a header that is well-formed and wrong. */
function renamed(header: Record<string, HeaderEntry>, dice: Dice): Uint8Array {
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  const [a, b] = [dice.pick(names), dice.pick(names)];
  const changed = { ...header, [a]: header[b], [b]: header[a] };
  if (dice.chance(0.3)) changed[a] = { ...changed[a], shape: [...changed[a].shape].reverse() };
  if (dice.chance(0.2)) changed[`${a}.more`] = { ...changed[b], shape: [0], dtype: dice.pick(DTYPES) };
  return new TextEncoder().encode(JSON.stringify(changed));
}

/** The length stays, so that the numbers are read: among them infinities, what is no number, and the largest there are. */
function damagedNumbers(data: Uint8Array, dice: Dice): Uint8Array {
  const patterns = [
    [0x00, 0x7c],
    [0xff, 0x7b],
    [0x80, 0x7f],
    [0xff, 0xff],
    [0x00, 0x00, 0xc0, 0x7f],
    [0xff, 0xff, 0x7f, 0x7f],
    [0, 0x80],
  ];
  for (let count = 1 + dice.below(20); count > 0 && data.length > 8; count--)
    data.set(dice.pick(patterns), dice.below(data.length - 8) & ~1);
  if (dice.chance(0.2)) data.fill(dice.below(256), dice.below(data.length));
  return data;
}

function rebuilt(header: Uint8Array, data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(length, header, data);
}
