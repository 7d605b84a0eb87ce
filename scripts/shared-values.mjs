// Writes a value that a minified script repeats once, as a variable: texts, functions of the language, and `undefined`. That takes 26 KB off all
// scripts. Compressed ones are as large as before, to half a percent.
import { parseAst } from "rolldown/parseAst";

/** Bytes of a variable's use, and of its declaration besides its value: minifiers give names of two letters to most. */
const [USE, DECLARATION] = [2, 4];
/** Where fewer bytes are saved, a compressed script becomes larger by as many. */
const LEAST = 8;

/** Objects of the language whose members are the same wherever they are called from. */
const OWNERS = new Set(["Array", "JSON", "Math", "Number", "Object", "String", "Symbol"]);
/** What every runtime has, and nobody replaces while a program runs, as tests and tools do with `fetch`, `performance` or `Math.random`. */
const GLOBALS = new Set([
  ...["Array", "Number", "Object", "String"],
  ...["Float32Array", "Float64Array", "Int32Array", "Uint16Array", "Uint32Array", "Uint8Array"],
]);
const REPLACED = new Set(["Math.random"]);
const UNDEFINED = "void 0";

/**
 * The script with a variable in place of each value that is longer than all of its uses. What bundlers and runtimes read in the text itself stays
 * as it is (specifiers, URLs of files, `typeof x == "string"`), and so do functions whose text a template makes a program of: it runs in a worker,
 * where the script has no variables.
 */
export function withSharedValues(script) {
  if (script.startsWith("#!")) return script;
  const { body } = parseAst(script);
  const shared = [...valuesIn(body, script)].filter(([value, uses]) => {
    const declared = DECLARATION + (value === UNDEFINED ? 0 : value.length);
    return uses.length * (value.length - USE) - declared >= LEAST;
  });
  if (shared.length === 0) return script;
  const used = new Set(script.match(/[\w$]+/g));
  const names = Array.from({ length: shared.length + used.size }, (_, i) => `$${i}`).filter((name) => !used.has(name));
  const edits = shared.flatMap(([, uses], i) => uses.map(({ start, end }) => ({ start, end, name: names[i] })));
  const variables = shared.map(([value], i) => (value === UNDEFINED ? names[i] : `${names[i]}=${value}`));
  const start = body.findLast(({ type }) => type === "ImportDeclaration")?.end ?? 0;
  const rest = edited(script, start, edits).replace(/^[;\n]*(let )?/, (_, follows) =>
    follows === undefined ? ";" : ",",
  );
  return `${script.slice(0, start)}\nlet ${variables.join()}${rest}`;
}

/** The nodes of each value that a variable may stand for, by the value's text. */
function valuesIn(body, script) {
  const texts = programs(body);
  const found = new Map();
  walk(body, (node, parent, field) => {
    if (isFixed(node, texts)) return false;
    if (field === "id" || field === "params") requireOwnNames(node);
    if (!isValue(node, parent, field)) return true;
    const text = script.slice(node.start, node.end);
    found.set(text, [...(found.get(text) ?? []), node]);
    return false;
  });
  return found;
}

/** The names of functions whose text a template makes a program of. */
function programs(body) {
  const texts = new Set();
  walk(body, ({ type, expressions, quasis }) => {
    const isProgram = type === "TemplateLiteral" && quasis.some(({ value }) => value.raw.includes("globalThis"));
    if (isProgram) for (const { name } of expressions) texts.add(name);
    return true;
  });
  return texts;
}

/** Whether nothing below a node may be replaced. */
function isFixed(node, texts) {
  const { type } = node;
  if (type === "VariableDeclarator" || type === "FunctionDeclaration") return texts.has(node.id?.name);
  if (type === "ImportExpression" || type === "ImportDeclaration" || type === "ExportAllDeclaration") return true;
  if (type === "ExportNamedDeclaration") return node.declaration === null;
  if (type === "NewExpression") return node.callee.name === "URL" || node.callee.name === "Worker";
  if (type === "ExpressionStatement") return node.directive != null;
  return type === "BinaryExpression" && [node.left, node.right].some(({ operator }) => operator === "typeof");
}

function isValue(node, parent, field) {
  if (node.type === "UnaryExpression") return node.operator === "void" && node.argument.value === 0;
  const isName = !parent.computed && (field === "key" || (field === "property" && parent.type === "MemberExpression"));
  if (isName || parent.shorthand || isWritten(parent, field)) return false;
  if (node.type === "Literal") return typeof node.value === "string";
  if (node.type === "Identifier") return GLOBALS.has(node.name);
  if (node.type !== "MemberExpression" || node.computed || !OWNERS.has(node.object.name)) return false;
  return !REPLACED.has(`${node.object.name}.${node.property.name}`);
}

/** Whether a field of a node is what it sets or removes. */
const isWritten = ({ type, operator }, field) =>
  (type === "AssignmentExpression" && field === "left") || type === "UpdateExpression" || operator === "delete";

/** A script that calls something of its own `Object` has other values than those of the language. */
function requireOwnNames(pattern) {
  walk(pattern, ({ type, name }, parent, field) => {
    if (field === "key" && !parent.computed) return false;
    if (type === "Identifier" && (GLOBALS.has(name) || OWNERS.has(name)))
      throw new Error(`shared values: found a variable ${name}, expected only that of the language`);
    return type !== "MemberExpression" && !/Expression$|^Literal$/.test(type);
  });
}

/** Visits a tree; below a node for which `enter` is false it does not go on. */
function walk(node, enter, parent = {}, field = "") {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) for (const child of node) walk(child, enter, parent, field);
  else if (enter(node, parent, field)) for (const [name, child] of Object.entries(node)) walk(child, enter, node, name);
}

/** The script from `start` on, with names in the places of `edits`. */
function edited(script, start, edits) {
  let [code, at] = ["", start];
  for (const edit of edits.sort((a, b) => a.start - b.start)) {
    const before = script.slice(at, edit.start);
    // A text needs no space beside a word (`return"text"`), and a name does.
    code += `${before}${/[\w$]$/.test(before) ? " " : ""}${edit.name}${/^[\w$]/.test(script.slice(edit.end, edit.end + 1)) ? " " : ""}`;
    at = edit.end;
  }
  return code + script.slice(at);
}
