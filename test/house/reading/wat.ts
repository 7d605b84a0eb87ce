/** The built kernels in WebAssembly's text format, as far as the tests of the house read it. */

export interface WatFunction {
  readonly name: string;
  /** Constants of a vector that are written inside a loop, as the text has them. */
  readonly loopConstants: readonly string[];
  /** Functions that are called from inside a loop. */
  readonly loopCalls: readonly string[];
  /** Functions that are called anywhere. */
  readonly calls: readonly string[];
  /** Constants of a vector, anywhere. */
  readonly constants: readonly string[];
}

/** What each function of the module does inside its loops. asc writes one instruction a line, blocks ended by `end`. */
export function watFunctions(wat: string): WatFunction[] {
  const found: (Record<"loopConstants" | "loopCalls" | "calls" | "constants", string[]> & { name: string })[] = [];
  let blocks: string[] = [];
  for (const line of wat.split("\n")) {
    const [, word, rest] = /^\s*(\(func|[\w.]+)\s*(.*)$/.exec(line) ?? [];
    if (word === "(func") {
      found.push({ name: rest.split(/[\s)]/)[0], loopConstants: [], loopCalls: [], calls: [], constants: [] });
      blocks = [];
    }
    const current = found.at(-1);
    if (word === "block" || word === "loop" || word === "if") blocks.push(word);
    if (word === "end") blocks.pop();
    if (word === "call") current?.calls.push(rest);
    if (word === "call" && blocks.includes("loop")) current?.loopCalls.push(rest);
    if (word === "v128.const") current?.constants.push(rest);
    if (word === "v128.const" && blocks.includes("loop")) current?.loopConstants.push(rest);
  }
  return found;
}

/** V8 rebuilds a constant with three instructions at every use; zero alone is one xor, which accumulators start from. */
function costs(constant: string): boolean {
  return !/^i32x4(?: 0x00000000){4}$/.test(constant);
}

/** Functions that build a vector constant again and again: inside a loop, or in a function that a loop calls. */
export function constantsInLoops(functions: readonly WatFunction[]): string[] {
  const byName = new Map(functions.map((each) => [each.name, each]));
  const repeated = new Set<string>();
  const visit = (name: string): void => {
    if (repeated.has(name)) return;
    repeated.add(name);
    for (const callee of byName.get(name)?.calls ?? []) visit(callee);
  };
  for (const { loopCalls } of functions) loopCalls.forEach(visit);
  return functions.flatMap(({ name, loopConstants, constants }) =>
    (repeated.has(name) ? constants : loopConstants).filter(costs).map((constant) => `${name}: v128.const ${constant}`),
  );
}
