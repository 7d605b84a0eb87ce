/** The nodes of a parsed template, as `@huggingface/jinja` makes them. The package does not export their types. */

export type TemplateNode =
  | { readonly type: "Comment" | "Break" | "Continue" }
  | { readonly type: "If"; readonly test: TemplateNode; readonly body: TemplateBody; readonly alternate: TemplateBody }
  | ForNode
  | SetNode
  | MacroNode
  | CallBlockNode
  | { readonly type: "FilterStatement"; readonly filter: FilterName; readonly body: TemplateBody }
  | { readonly type: "Identifier"; readonly value: string }
  | { readonly type: "IntegerLiteral" | "FloatLiteral"; readonly value: number }
  | { readonly type: "StringLiteral"; readonly value: string }
  | { readonly type: "ArrayLiteral" | "TupleLiteral"; readonly value: TemplateBody }
  | { readonly type: "ObjectLiteral"; readonly value: ReadonlyMap<TemplateNode, TemplateNode> }
  | MemberNode
  | CallNode
  | BinaryNode
  | { readonly type: "UnaryExpression"; readonly operator: Operator; readonly argument: TemplateNode }
  | { readonly type: "FilterExpression"; readonly operand: TemplateNode; readonly filter: FilterName }
  | {
      readonly type: "TestExpression";
      readonly operand: TemplateNode;
      readonly negate: boolean;
      readonly test: NameNode;
    }
  | { readonly type: "SelectExpression"; readonly lhs: TemplateNode; readonly test: TemplateNode }
  | {
      readonly type: "Ternary";
      readonly condition: TemplateNode;
      readonly trueExpr: TemplateNode;
      readonly falseExpr: TemplateNode;
    }
  | SliceNode
  | { readonly type: "KeywordArgumentExpression"; readonly key: NameNode; readonly value: TemplateNode }
  | { readonly type: "SpreadExpression" | "KeywordSpreadExpression"; readonly argument: TemplateNode };

export type TemplateBody = readonly TemplateNode[];
export type NameNode = Extract<TemplateNode, { type: "Identifier" }>;
export type FilterName = NameNode | CallNode;

interface Operator {
  readonly value: string;
}

export interface ForNode {
  readonly type: "For";
  readonly loopvar: TemplateNode;
  readonly iterable: TemplateNode;
  readonly body: TemplateBody;
  /** What `else` holds: it is shown if there was nothing to loop over. */
  readonly defaultBlock: TemplateBody;
}

export interface SetNode {
  readonly type: "Set";
  readonly assignee: TemplateNode;
  /** Null for the form with a body and `endset`. */
  readonly value: TemplateNode | null;
  readonly body: TemplateBody;
}

export interface MacroNode {
  readonly type: "Macro";
  readonly name: NameNode;
  readonly args: TemplateBody;
  readonly body: TemplateBody;
}

export interface CallBlockNode {
  readonly type: "CallStatement";
  readonly call: CallNode;
  readonly callerArgs: TemplateBody | null;
  readonly body: TemplateBody;
}

export interface CallNode {
  readonly type: "CallExpression";
  readonly callee: TemplateNode;
  readonly args: TemplateBody;
}

export interface MemberNode {
  readonly type: "MemberExpression";
  readonly object: TemplateNode;
  readonly property: TemplateNode;
  /** Whether it is written with brackets. */
  readonly computed: boolean;
}

export interface SliceNode {
  readonly type: "SliceExpression";
  readonly start?: TemplateNode;
  readonly stop?: TemplateNode;
  readonly step?: TemplateNode;
}

export interface BinaryNode {
  readonly type: "BinaryExpression";
  readonly operator: Operator;
  readonly left: TemplateNode;
  readonly right: TemplateNode;
}
