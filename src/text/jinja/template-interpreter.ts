/** Runs the statements of a template: text, output, `if`, `for`, `set`, macros. */
import { ExpressionEvaluator } from "./template-expressions.ts";
import type { CallBlockNode, ForNode, MacroNode, SetNode, TemplateBody, TemplateNode } from "./template-nodes.ts";
import { TemplateScope } from "./template-scope.ts";
import { printed } from "./values/python-printing.ts";
import type { TemplateBudget } from "./values/template-budget.ts";
import { TemplateFault } from "./values/template-fault.ts";
import {
  type CallArguments,
  FunctionValue,
  itemsOf,
  LoopState,
  NamespaceValue,
  type TemplateValue,
  tupleOf,
  typeName,
} from "./values/template-values.ts";

/** How a body ended. */
type Ending = "end" | "break" | "continue";

type Pieces = string[];

export class TemplateInterpreter {
  readonly #budget: TemplateBudget;
  readonly #expressions: ExpressionEvaluator;

  constructor(budget: TemplateBudget) {
    this.#budget = budget;
    this.#expressions = new ExpressionEvaluator(budget);
  }

  /** The text of a whole template. */
  render(body: TemplateBody, scope: TemplateScope): string {
    return this.#text(body, scope);
  }

  #text(body: TemplateBody, scope: TemplateScope): string {
    const output: Pieces = [];
    const ending = this.#run(body, scope, output);
    if (ending !== "end") throw new TemplateFault(`has ${ending} outside of a loop`);
    return output.join("");
  }

  #run(body: TemplateBody, scope: TemplateScope, output: Pieces): Ending {
    return this.#budget.deeper(() => {
      for (const node of body) {
        const ending = this.#statement(node, scope, output);
        if (ending !== "end") return ending;
      }
      return "end";
    });
  }

  #statement(node: TemplateNode, scope: TemplateScope, output: Pieces): Ending {
    this.#budget.step();
    switch (node.type) {
      case "Comment":
        return "end";
      case "Break":
        return "break";
      case "Continue":
        return "continue";
      case "If":
        return this.#run(this.#expressions.isTrue(node.test, scope) ? node.body : node.alternate, scope, output);
      case "For":
        return this.#loop(node, scope, output);
      case "Set":
        this.#set(node, scope);
        return "end";
      case "Macro":
        scope.set(node.name.value, this.#macro(node, scope));
        return "end";
      default:
        this.#write(this.#shown(node, scope), output);
        return "end";
    }
  }

  #shown(node: TemplateNode, scope: TemplateScope): TemplateValue {
    if (node.type === "CallStatement") return this.#callBlock(node, scope);
    if (node.type !== "FilterStatement") return this.#expressions.value(node, scope);
    const text = this.#text(node.body, new TemplateScope(scope));
    return this.#expressions.filtered(text, node.filter, scope);
  }

  #write(value: TemplateValue, output: Pieces): void {
    const text = printed(value, this.#budget);
    this.#budget.text(text.length);
    output.push(text);
  }

  #loop(node: ForNode, scope: TemplateScope, output: Pieces): Ending {
    const items = this.#loopItems(node, scope);
    if (items.length === 0) return this.#run(node.defaultBlock, new TemplateScope(scope), output);
    const state = new LoopState(items);
    for (let at = 0; at < items.length; at++) {
      state.at = at;
      // What a pass sets is gone in the next one.
      const inner = new TemplateScope(scope);
      inner.set("loop", state);
      this.#assign(node.loopvar, items[at], inner);
      if (this.#run(node.body, inner, output) === "break") break;
    }
    return "end";
  }

  #loopItems({ iterable, loopvar }: ForNode, scope: TemplateScope): readonly TemplateValue[] {
    const isFiltered = iterable.type === "SelectExpression";
    const items = itemsOf(this.#expressions.value(isFiltered ? iterable.lhs : iterable, scope), this.#budget);
    if (!isFiltered) return items;
    return items.filter((item) => {
      const inner = new TemplateScope(scope);
      this.#assign(loopvar, item, inner);
      return this.#expressions.isTrue(iterable.test, inner);
    });
  }

  #set({ assignee, value, body }: SetNode, scope: TemplateScope): void {
    this.#assign(
      assignee,
      value === null ? this.#text(body, new TemplateScope(scope)) : this.#expressions.value(value, scope),
      scope,
    );
  }

  #assign(target: TemplateNode, value: TemplateValue, scope: TemplateScope): void {
    if (target.type === "Identifier") scope.set(target.value, value);
    else if (target.type === "TupleLiteral") this.#unpack(target.value, value, scope);
    else if (target.type === "MemberExpression" && target.property.type === "Identifier") {
      const object = this.#expressions.value(target.object, scope);
      if (!(object instanceof NamespaceValue))
        throw new TemplateFault(`sets a field of ${typeName(object)}, not of a namespace`);
      object.fields.set(target.property.value, value);
    } else throw new TemplateFault("sets what is not a variable");
  }

  #unpack(targets: TemplateBody, value: TemplateValue, scope: TemplateScope): void {
    const items = itemsOf(value, this.#budget);
    if (items.length !== targets.length)
      throw new TemplateFault(`gives ${items.length} values to ${targets.length} variables`);
    targets.forEach((target, i) => void this.#assign(target, items[i], scope));
  }

  #macro(
    { name, args, body }: Pick<MacroNode, "args" | "body"> & { name?: MacroNode["name"] },
    scope: TemplateScope,
  ): FunctionValue {
    return new FunctionValue((given) => {
      const inner = new TemplateScope(scope);
      this.#bind(name?.value ?? "caller", args, given, inner);
      return this.#text(body, inner);
    });
  }

  #bind(macro: string, parameters: TemplateBody, { positional, named }: CallArguments, scope: TemplateScope): void {
    const rest = new Map(named);
    const names = parameters.map((parameter) => {
      if (parameter.type === "Identifier") return parameter.value;
      if (parameter.type === "KeywordArgumentExpression") return parameter.key.value;
      throw new TemplateFault(`declares a parameter of ${macro} that is not a name`);
    });
    parameters.forEach((parameter, i) => {
      const isNamed = rest.has(names[i]);
      if (i < positional.length) scope.set(names[i], positional[i]);
      else if (isNamed) scope.set(names[i], rest.get(names[i]));
      else if (parameter.type !== "KeywordArgumentExpression") scope.set(names[i], undefined);
      else scope.set(names[i], this.#expressions.value(parameter.value, scope));
      rest.delete(names[i]);
    });
    if (rest.has("caller")) scope.set("caller", rest.get("caller"));
    rest.delete("caller");
    scope.set("varargs", tupleOf(positional.slice(parameters.length)));
    scope.set("kwargs", new Map(rest));
  }

  #callBlock({ call, callerArgs, body }: CallBlockNode, scope: TemplateScope): TemplateValue {
    const caller = this.#macro({ args: callerArgs ?? [], body }, scope);
    return this.#expressions.call(call, scope, new Map([["caller", caller]]));
  }
}
