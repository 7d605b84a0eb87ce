// Turns the functions of a script's top level into arrow functions, which take fewer bytes: 8 KB of all scripts.
import { parseAst } from "rolldown/parseAst";

/**
 * The script with `const name = (...) => {...}` for each function that can be one, after its imports and before everything that runs, so that
 * they are there as early as functions are. Scripts must not import each other in a circle.
 */
export function withArrows(script) {
  const { body } = parseAst(script);
  const found = body.filter(
    (node) => node.type === "FunctionDeclaration" && !node.generator && !ownThis([node.params, node.body]),
  );
  if (found.length === 0) return script;
  const arrows = found.map((node) => `${node.id.name}=${arrowOf(script, node)}`);
  const start = body.findLast(({ type }) => type === "ImportDeclaration")?.end ?? 0;
  let at = start;
  let rest = "";
  for (const { start: from, end } of found) {
    rest += script.slice(at, from);
    at = end;
  }
  return `${script.slice(0, start)}\nconst ${arrows.join(",")};${rest}${script.slice(at)}`;
}

function arrowOf(script, { async, params, body }) {
  const given = params.map(({ start, end }) => script.slice(start, end)).join();
  return `${async ? "async" : ""}(${given})=>${script.slice(body.start, body.end)}`;
}

/** Whether code uses what an arrow function has not: `this`, `arguments` or `new.target` of its own. */
function ownThis(node) {
  if (node === null || typeof node !== "object") return false;
  if (Array.isArray(node)) return node.some(ownThis);
  if (node.type === "FunctionExpression" || node.type === "FunctionDeclaration" || node.type === "PropertyDefinition")
    return false;
  const isOwn = node.type === "Identifier" && node.name === "arguments";
  return isOwn || ["ThisExpression", "MetaProperty", "Super"].includes(node.type) || Object.values(node).some(ownThis);
}
