// Makes a built module smaller: zero vectors are read from a local that nothing writes, where the compiler has constants of 18 bytes each.
//
// Locals are zero when a function begins, so the values are the same, and engines compile both to one instruction. The sources cannot say
// this: AssemblyScript's optimiser puts the constants back.
import { changedModule, number, Reader, section, sections } from "./wasm-sections.mjs";

const [TYPES, FUNCTIONS, CODE] = [1, 3, 10];
const VECTOR = 0x7b;
const LOCAL_GET = 0x20;

/** `v128.const` of zeros. No other instruction contains these bytes: nowhere else do sixteen zeros follow 0xfd 0x0c. */
const ZERO = Buffer.concat([Buffer.from([0xfd, 0x0c]), Buffer.alloc(16)]);

/** @returns a copy of `bytes` that has no constant zero vectors. */
export function shareZeros(bytes) {
  const parameters = parameterCounts(bytes);
  return changedModule(bytes, CODE, (code) => {
    const bodies = code.list((_, i) => withLocal(code.part(code.number()), parameters[i]));
    return section(CODE, number(bodies.length), ...bodies);
  });
}

/** How many parameters each function of the module has. */
function parameterCounts(bytes) {
  let types = [];
  for (const { id, begin, end } of sections(bytes)) {
    const reader = new Reader(bytes, begin, end);
    if (id === TYPES) types = reader.list(() => parametersOf(reader));
    if (id === FUNCTIONS) return reader.list(() => types[reader.number()]);
  }
  throw new Error("the built module has no functions");
}

function parametersOf(reader) {
  reader.part(1); // says that the type is one of functions
  const count = reader.part(reader.number()).length;
  reader.part(reader.number()); // results
  return count;
}

/** A function's body with its size. */
function withLocal(body, parameters) {
  if (!body.includes(ZERO)) return Buffer.concat([number(body.length), body]);
  const reader = new Reader(body, 0, body.length);
  const groups = reader.list(() => ({ count: reader.number(), type: reader.part(1) }));
  const zero = groups.reduce((sum, { count }) => sum + count, parameters);
  groups.push({ count: 1, type: Buffer.from([VECTOR]) });
  const locals = [number(groups.length), ...groups.flatMap(({ count, type }) => [number(count), type])];
  const get = Buffer.concat([Buffer.from([LOCAL_GET]), number(zero)]);
  const result = Buffer.concat([...locals, ...replaced(body.subarray(reader.at), get)]);
  return Buffer.concat([number(result.length), result]);
}

/** The pieces of `code` with `get` in the place of every zero vector. */
function replaced(code, get) {
  const pieces = [];
  let at = 0;
  for (let next = code.indexOf(ZERO); next >= 0; next = code.indexOf(ZERO, at)) {
    pieces.push(code.subarray(at, next), get);
    at = next + ZERO.length;
  }
  return [...pieces, code.subarray(at)];
}
