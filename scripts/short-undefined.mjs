// Writes `undefined` shorter in scripts that are minified: 4 KB of all scripts.
import { parseAst } from "rolldown/parseAst";

/** Where a script has fewer of them, the declaration costs more than it saves. */
const FEW = 4;

/**
 * The script with a variable that is never set in place of each `void 0`. Functions whose text a template makes a program of are left as they
 * are: it runs in a worker, where the script has no variables.
 */
export function withShortUndefined(script) {
  if (script.startsWith("#!")) return script;
  const { body } = parseAst(script);
  const texts = new Set();
  walk(body, ({ type, expressions, quasis }) => {
    const isProgram = type === "TemplateLiteral" && quasis.some(({ value }) => value.raw.includes("globalThis"));
    if (isProgram) for (const { name } of expressions) texts.add(name);
    return true;
  });
  const places = [];
  walk(body, (node) => {
    if (node.type === "UnaryExpression" && node.operator === "void" && node.argument.value === 0) places.push(node);
    return !["VariableDeclarator", "FunctionDeclaration"].includes(node.type) || !texts.has(node.id.name);
  });
  if (places.length < FEW) return script;
  places.sort((a, b) => a.start - b.start);
  const name = freeName(script);
  let [code, at] = [`let ${name};`, 0];
  for (const { start, end } of places) {
    // `return void 0` and `case void 0` have the space already, which the name needs too.
    code += script.slice(at, start) + name;
    at = end;
  }
  return code + script.slice(at);
}

/** Visits a tree; below a node for which `enter` is false it does not go on. */
function walk(node, enter) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) for (const child of node) walk(child, enter);
  else if (enter(node)) for (const child of Object.values(node)) walk(child, enter);
}

/** The shortest name that the script does not use. */
function freeName(script) {
  const used = new Set(script.match(/[\w$]+/g));
  const letters = [..."$_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const names = [...letters, ...letters.flatMap((first) => letters.map((second) => first + second))];
  const reserved = new Set(["do", "if", "in", "is", "as", "of"]);
  return names.find((name) => !used.has(name) && !reserved.has(name));
}
