/** The calls that the page makes of its worker, and the messages that carry them. */
import type { BenchReport } from "../../../src/bench.ts";
import type {
  GrindWish,
  Ground,
  ModelWish,
  OpenModel,
  Sampling,
  Step,
  StoredModel,
  Token,
  Which,
  Written,
} from "../engine/wishes.ts";

/** Arguments, events on the way, and result of each call. */
export interface Calls {
  readonly open: { readonly args: ModelWish; readonly event: Step; readonly result: OpenModel };
  readonly write: {
    readonly args: { readonly which: Which; readonly prompt: string; readonly sampling: Sampling };
    readonly event: readonly Token[];
    readonly result: Written;
  };
  readonly grind: { readonly args: GrindWish; readonly event: Step; readonly result: Ground };
  readonly files: {
    readonly args: undefined;
    readonly event: never;
    readonly result: readonly { readonly name: string; readonly blob: Blob }[];
  };
  readonly measure: { readonly args: { readonly quick: boolean }; readonly event: Step; readonly result: BenchReport };
  readonly stored: { readonly args: undefined; readonly event: never; readonly result: readonly StoredModel[] };
  readonly keep: { readonly args: Which; readonly event: Step; readonly result: StoredModel };
  readonly remove: { readonly args: string; readonly event: never; readonly result: undefined };
}

export type CallName = keyof Calls;

/** From the page: a call, or that the call of this number is to end. */
export type Asked =
  | { readonly id: number; readonly call: CallName; readonly args: unknown }
  | { readonly id: number; readonly abort: true };

/** From the worker: something on the way, the result, or the error. */
export type Answered =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: { readonly message: string; readonly name: string; readonly code?: string };
    };

/** What a call of the worker gets besides its arguments. */
export interface Run<Name extends CallName> {
  readonly signal: AbortSignal;
  readonly tell: (event: Calls[Name]["event"]) => void;
}

/** How the worker serves each call. */
export type Served = {
  readonly [Name in CallName]: (args: Calls[Name]["args"], run: Run<Name>) => Promise<Calls[Name]["result"]>;
};
