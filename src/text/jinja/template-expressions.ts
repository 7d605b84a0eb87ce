/** Evaluates the expressions of a template. */
import { attributeOf, itemOf, sliceOf } from "./functions/member-access.ts";
import { applyFilter } from "./functions/template-filters.ts";
import { applyTest } from "./functions/template-tests.ts";
import type { BinaryNode, CallNode, FilterName, MemberNode, TemplateBody, TemplateNode } from "./template-nodes.ts";
import type { TemplateScope } from "./template-scope.ts";
import { testInFilter } from "./template-tokens.ts";
import type { TemplateBudget } from "./values/template-budget.ts";
import { TemplateFault } from "./values/template-fault.ts";
import { applyOperator } from "./values/template-operators.ts";
import {
  type CallArguments,
  FloatValue,
  FunctionValue,
  isMapping,
  isTrue,
  itemsOf,
  keyOf,
  numberOf,
  type TemplateValue,
  tupleOf,
  typeName,
} from "./values/template-values.ts";

const NO_ARGUMENTS: CallArguments = { positional: [], named: new Map() };

export class ExpressionEvaluator {
  readonly budget: TemplateBudget;

  constructor(budget: TemplateBudget) {
    this.budget = budget;
  }

  value(node: TemplateNode, scope: TemplateScope): TemplateValue {
    this.budget.step();
    return this.budget.deeper(() => this.#value(node, scope));
  }

  #value(node: TemplateNode, scope: TemplateScope): TemplateValue {
    switch (node.type) {
      case "Identifier":
        return scope.get(node.value);
      case "StringLiteral":
      case "IntegerLiteral":
        return node.value;
      case "FloatLiteral":
        return new FloatValue(node.value);
      case "MemberExpression":
        return this.#member(node, scope);
      case "CallExpression":
        return this.call(node, scope);
      case "BinaryExpression":
        return this.#binary(node, scope);
      case "FilterExpression":
        return this.filtered(this.value(node.operand, scope), node.filter, scope);
      case "TestExpression":
        return applyTest(node.test.value, this.value(node.operand, scope), undefined, this.budget) !== node.negate;
      case "Ternary":
        return this.value(this.isTrue(node.condition, scope) ? node.trueExpr : node.falseExpr, scope);
      case "SelectExpression":
        return this.isTrue(node.test, scope) ? this.value(node.lhs, scope) : undefined;
      case "UnaryExpression":
        return this.#unary(node.operator.value, node.argument, scope);
      default:
        return this.#literal(node, scope);
    }
  }

  isTrue(node: TemplateNode, scope: TemplateScope): boolean {
    return isTrue(this.value(node, scope));
  }

  #literal(node: TemplateNode, scope: TemplateScope): TemplateValue {
    if (node.type === "ArrayLiteral") return this.#list(node.value, scope);
    if (node.type === "TupleLiteral") return tupleOf(this.#list(node.value, scope));
    if (node.type !== "ObjectLiteral") throw new TemplateFault(`holds a ${node.type} where a value is expected`);
    this.budget.items(2 * node.value.size);
    const keyed = [...node.value].map(
      ([key, value]) => [keyOf(this.value(key, scope)), this.value(value, scope)] as const,
    );
    return new Map(keyed);
  }

  #list(nodes: TemplateBody, scope: TemplateScope): readonly TemplateValue[] {
    this.budget.items(nodes.length);
    return nodes.map((node) => this.value(node, scope));
  }

  #member(node: MemberNode, scope: TemplateScope): TemplateValue {
    const object = this.value(node.object, scope);
    const { property } = node;
    if (!node.computed && property.type === "Identifier") return attributeOf(object, property.value, this.budget);
    if (property.type !== "SliceExpression") return itemOf(object, this.value(property, scope), this.budget);
    const end = (given: TemplateNode | undefined) => (given === undefined ? undefined : this.value(given, scope));
    const ends = { start: end(property.start), stop: end(property.stop), step: end(property.step) };
    return sliceOf(object, ends, this.budget);
  }

  #binary({ operator, left, right }: BinaryNode, scope: TemplateScope): TemplateValue {
    const first = this.value(left, scope);
    if (operator.value === "and") return isTrue(first) ? this.value(right, scope) : first;
    if (operator.value === "or") return isTrue(first) ? first : this.value(right, scope);
    return applyOperator(operator.value, first, this.value(right, scope), this.budget);
  }

  #unary(operator: string, argument: TemplateNode, scope: TemplateScope): TemplateValue {
    const value = this.value(argument, scope);
    if (operator === "not") return !isTrue(value);
    const number = numberOf(value);
    if (number === undefined) throw new TemplateFault(`gives a sign to ${typeName(value)}`);
    const signed = operator === "-" ? -number : number;
    return value instanceof FloatValue ? new FloatValue(signed) : signed + 0;
  }

  /** Applies a filter, with arguments or without. */
  filtered(value: TemplateValue, filter: FilterName, scope: TemplateScope): TemplateValue {
    if (filter.type === "Identifier") return applyFilter(filter.value, value, NO_ARGUMENTS, this.budget);
    // The library takes what follows a filter, such as `[0]`, for a part of its name.
    if (filter.type !== "CallExpression" || filter.callee.type !== "Identifier")
      throw new TemplateFault("uses a filter that is not a name");
    const given = this.arguments(filter.args, scope);
    const tested = testInFilter(filter.callee.value);
    if (tested === undefined) return applyFilter(filter.callee.value, value, given, this.budget);
    return applyTest(tested.test, value, given.positional[0], this.budget) !== tested.negate;
  }

  /** @param more arguments besides those that are written. */
  call({ callee, args }: CallNode, scope: TemplateScope, more?: ReadonlyMap<string, TemplateValue>): TemplateValue {
    const called = this.value(callee, scope);
    const given = this.arguments(args, scope);
    if (!(called instanceof FunctionValue))
      throw new TemplateFault(`calls ${nameOf(callee)}, which is ${typeName(called)}`);
    return called.call(more === undefined ? given : { ...given, named: new Map([...given.named, ...more]) });
  }

  arguments(nodes: TemplateBody, scope: TemplateScope): CallArguments {
    if (nodes.length === 0) return NO_ARGUMENTS;
    const positional: TemplateValue[] = [];
    const named = new Map<string, TemplateValue>();
    for (const node of nodes) {
      if (node.type === "KeywordArgumentExpression") named.set(node.key.value, this.value(node.value, scope));
      else if (node.type === "SpreadExpression") positional.push(...this.#spread(node.argument, scope));
      else if (node.type === "KeywordSpreadExpression") {
        const fields = this.value(node.argument, scope);
        if (!isMapping(fields)) throw new TemplateFault(`spreads ${typeName(fields)} as named arguments`);
        for (const [key, value] of fields) named.set(String(key), value);
      } else positional.push(this.value(node, scope));
    }
    return { positional, named };
  }

  #spread(node: TemplateNode, scope: TemplateScope): readonly TemplateValue[] {
    const items = itemsOf(this.value(node, scope), this.budget);
    if (items.length > MAX_SPREAD) throw new TemplateFault(`spreads more than ${MAX_SPREAD} arguments`);
    return items;
  }
}

/** Arguments lie on the call stack. */
const MAX_SPREAD = 1000;

function nameOf(node: TemplateNode): string {
  if (node.type === "Identifier") return node.value;
  return node.type === "MemberExpression" && node.property.type === "Identifier" ? node.property.value : "a value";
}
