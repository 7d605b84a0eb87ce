// Gathers the declarations that tsc wrote, one file a module, in one file: only those that an entry leads to.
// Most comments are left out, since the package is small.
// No name is exported twice in src (a test holds this), so that declarations of all modules can stand beside each other.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseSync } from "rolldown/utils";

const GATHERED = "types";
/** tsc drops the reference that tells a consumer, whose `lib` may be es2022, what `Disposable` and `Symbol.dispose` are. */
const DISPOSAL = '/// <reference lib="esnext.disposable" />\n';
/** Entries whose types are those of another one, the program, and the server, which is no entry of the package. */
const TYPELESS = ["workerd.d.ts", "cli/main.d.ts", "server.d.ts"];

const isEntry = (path) => /^[^/]+\.d\.ts$/.test(path);
/** Entries and topics stay files of their own: they only say what a name of the package leads to. */
const isDoor = (path) => isEntry(path) || path.startsWith("topics/");

/** Replaces the declarations in `folder` by the entries' and the topics', and `types.d.ts`, which has what they name. */
export function gatherDeclarations(folder) {
  const paths = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".d.ts"));
  const modules = new Map(paths.map((path) => [path, readModule(join(folder, path), path)]));
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  const doors = paths.filter((path) => isDoor(path) && !TYPELESS.includes(path));
  const texts = new Map(doors.map((path) => [path, rewriteDoor(path, modules)]));
  const namesOf = (files) => files.flatMap((path) => [...namesIn(parse(path, texts.get(path)))]);
  const gathered = reachable(
    namesOf(doors),
    paths.filter((path) => !isDoor(path)).map((path) => modules.get(path)),
  );
  const named = new Set(namesOf(doors.filter(isEntry)));
  const reached = new Set(namesOf(doors));
  const interfaces = interfacesIn(gathered);
  const declarations = gathered.map((each) =>
    shortened(withoutSpaces(documented(each, named)), reached.has(each.name), interfaces),
  );
  mkdirSync(join(folder, "topics"));
  for (const [path, text] of texts) writeFileSync(join(folder, path), text);
  writeFileSync(join(folder, `${GATHERED}.d.ts`), `${DISPOSAL}${declarations.join("\n")}\nexport {};\n`);
}

/**
 * What only the library itself looks into, or lists every kernel by name: what leads to it passes it on, and 10 KB of members would say nothing to
 * a user.
 */
const OPAQUE = {
  KERNEL_NAMES: "export declare const KERNEL_NAMES: readonly string[];",
  KernelName: "export type KernelName = string;",
  ...Object.fromEntries(
    ["Family", "ModuleNames", "State", "StoredMatrix", "Weights"].map((name) => [
      name,
      `export type ${name} = object;`,
    ]),
  ),
};

/** The text of a module, and its declarations by name: each with its comment and the names that it refers to. */
function readModule(file, path) {
  const text = readFileSync(file, "utf8");
  const declarations = new Map();
  let end = 0;
  for (const statement of parse(path, text).body) {
    const node = statement.declaration ?? statement;
    const name = (node.id ?? node.declarations?.[0].id)?.name;
    if (name !== undefined) {
      const comment = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/.exec(text.slice(end, statement.start))?.[0] ?? "";
      const code = text.slice(statement.start, statement.end).replace(/^ +/gm, "");
      // A function with several signatures has several declarations.
      const { text: earlier, uses } = declarations.get(name) ?? {};
      const all = OPAQUE[name] ?? `${earlier === undefined ? "" : `${earlier}\n`}${comment}${code}`;
      declarations.set(name, {
        name,
        type: node.type,
        text: all,
        uses: OPAQUE[name] ? new Set() : namesIn(node, uses),
      });
    }
    end = statement.end;
  }
  return { text, declarations };
}

function parse(path, text) {
  const { program, errors } = parseSync(path, text, { lang: "dts", sourceType: "module" });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  return program;
}

/** The names that a syntax tree refers to, without those of members and parameters. */
function namesIn(node, names = new Set()) {
  if (node === null || typeof node !== "object") return names;
  if (node.type === "Identifier") names.add(node.name);
  for (const [field, value] of Object.entries(node)) {
    if (field === "params" && Array.isArray(value))
      for (const each of value) namesIn(each.type === "Identifier" ? each.typeAnnotation : each, names);
    else if (field !== "key" || node.computed) namesIn(value, names);
  }
  return names;
}

/** The declarations that names lead to, in the order of the modules. */
function reachable(names, modules) {
  const declared = new Map();
  const clashes = new Set();
  for (const { declarations } of modules)
    for (const [name, declaration] of declarations) {
      if (declared.has(name)) clashes.add(name);
      declared.set(name, declaration);
    }
  const used = new Set();
  const reach = (name) => {
    if (used.has(name) || !declared.has(name)) return;
    if (clashes.has(name)) throw new Error(`declarations: found ${name} in several modules, expected it in one`);
    used.add(name);
    for (const next of declared.get(name).uses) reach(next);
  };
  for (const name of names) reach(name);
  return [...declared.values()].filter(({ name }) => used.has(name));
}

const COMMENTS = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*/g;

/** Comments take more room than declarations. The first sentence is kept where most people look: on the functions and classes of entries. */
function documented({ name, type, text }, named) {
  const kept = named.has(name) && (type === "ClassDeclaration" || type === "TSDeclareFunction");
  return text.replace(COMMENTS, (comment, at) => (kept && at === 0 ? firstSentence(comment) : ""));
}

/** Spaces beside punctuation take 6 KB. Those within strings and comments stay. */
function withoutSpaces(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|"[^"\n]*"|`[^`]*`|\s*([:;,|&=<>{}()?[\]])\s*/g, (found, mark) => mark ?? found);
}

/**
 * The same declaration in fewer letters: `export` says `declare` already and is needed for what an entry leads to and for values, and one `Readonly` stands for the
 * word before each member.
 */
function shortened(text, isReached, interfaces) {
  const short = text.replace(/^export declare /gm, "export ");
  const { body } = parse("short.d.ts", short);
  const isType = /^TS(?:Interface|TypeAlias)Declaration$/.test(body[0].declaration?.type);
  const edits = readonlyEdits(body, short, interfaces).sort((a, b) => a.start - b.start);
  let [code, at] = ["", 0];
  for (const { start, end, text: put } of edits) {
    code += short.slice(at, start) + put;
    at = end;
  }
  code += short.slice(at);
  return isType && !isReached ? code.replace(/^export /gm, "") : code;
}

/** What `Readonly` in the place of words before members changes, where that is shorter. */
function readonlyEdits(node, text, interfaces) {
  if (node === null || typeof node !== "object") return [];
  const inner = Object.values(node).flatMap((child) => readonlyEdits(child, text, interfaces));
  const isInterface = node.type === "TSInterfaceDeclaration";
  if (!isInterface && node.type !== "TSTypeLiteral") return inner;
  const { start, end } = isInterface ? node.body : node;
  const members = isInterface ? node.body.body : node.members;
  const unread = members.filter((member) => member.readonly);
  if (!members.every((member) => member.readonly || member.type === "TSMethodSignature")) return inner;
  // An interface may narrow a member of one that it extends, but not extend two with different ones.
  const others = isInterface ? inheritedBy(node, interfaces) : [];
  if (others === undefined || members.some(({ key }) => others.includes(key?.name))) return inner;
  const before = isInterface
    ? node.extends.length > 0
      ? ","
      : " extends "
    : /\w$/.test(text.slice(0, start))
      ? " "
      : "";
  const [opening, closing] = [`${before}Readonly<`, isInterface ? ">{}" : ">"];
  const words = unread.map((member) => ({
    start: member.start,
    end: member.start + /^readonly ?/.exec(text.slice(member.start))[0].length,
    text: "",
  }));
  const saved = words.reduce((sum, word) => sum + word.end - word.start, 0);
  if (saved <= opening.length + closing.length) return inner;
  return [...inner, ...words, { start, end: start, text: opening }, { start: end, end, text: closing }];
}

/** The syntax trees of interfaces by name. */
function interfacesIn(declarations) {
  const found = declarations.filter(({ type }) => type === "TSInterfaceDeclaration");
  return new Map(found.map(({ name, text }) => [name, parse("interface.d.ts", text).body[0].declaration]));
}

/** The names of all members that an interface has of others; undefined if one of those is not known. */
function inheritedBy(node, interfaces) {
  const lists = node.extends.map(({ expression }) => {
    const base = interfaces.get(expression.name);
    const theirs = base && inheritedBy(base, interfaces);
    return theirs && [...theirs, ...base.body.body.map(({ key }) => key?.name)];
  });
  return lists.includes(undefined) ? undefined : lists.flat();
}

function firstSentence(comment) {
  const words = comment
    .replace(/^\/\*\*|\*\/\s*$|^\s*\*/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  return `/** ${/^.*?[.:](?= [A-Z@`]|$)/.exec(words)?.[0] ?? words} */\n`;
}

/** An entry or a topic whose imports and exports lead to the gathered file, and to other entries and topics. */
function rewriteDoor(path, modules) {
  const gathered = `${path.includes("/") ? ".." : "."}/${GATHERED}.js`;
  return modules.get(path).text.replace(/(\* )?from "(\.[^"]+)\.ts";/g, (clause, star, target) => {
    const module = posix.join(posix.dirname(path), `${target}.d.ts`);
    if (isDoor(module)) return clause.replace('.ts";', '.js";');
    const names = star === undefined ? "" : `{ ${[...modules.get(module).declarations.keys()].join(", ")} } `;
    return `${names}from "${gathered}";`;
  });
}
