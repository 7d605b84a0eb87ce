/** A pass whose calls are played one by one, each timed. */
import { createPass, recordBlock, recordEmbedding, recordHead } from "../../model/pass/forward.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { Session } from "../../model/pass/session.ts";
import { type CallWork, isMatmul, type PassSpan, type WorkCounter } from "./call-work.ts";
import { type SplitCall, SplitTape } from "./split-tape.ts";

export interface ProfiledSpan extends PassSpan {
  /** Whether the pass ends with the head. */
  readonly hasHead: boolean;
}

export class ProfiledPass {
  readonly calls: readonly SplitCall[];
  readonly #session: Session;
  readonly #tokens: number;

  /** Records a pass in the buffers of a session whose logits are those of the last token, as the session itself does. */
  constructor(session: Session, { tokens, visible, hasHead }: ProfiledSpan) {
    const { model, state } = session;
    const plain = createPass(model, state, tokens, visible);
    const tape = new SplitTape(model.machine);
    const pass = { ...plain, outputs: 1, emit: { ...plain.emit, tape } };
    recordEmbedding(pass);
    for (let layer = 0; layer < model.config.layers; layer++)
      for (const tap of recordBlock(pass, layer)) tape.enter(tap);
    const { head } = model.weights;
    const rows = hasHead ? 1 : 0;
    const input = { ptr: state.normed, ld: 0, rows, cols: head.cols };
    tape.enter({ site: "head", layer: -1, linears: [head], input });
    if (rows > 0) recordHead(pass);
    this.calls = tape.calls;
    this.#session = session;
    this.#tokens = tokens;
  }

  /** Writes the tokens of the pass to memory; `position` is that of the first of them. */
  place(ids: ArrayLike<number>, from: number, position: number): void {
    const { tokens } = this.#session.state;
    tokens.begin();
    for (let token = 0; token < this.#tokens; token++) {
      const at = position + token;
      tokens.token(ids[from + token], at, at);
      tokens.segment(0, at + 1);
    }
    tokens.end();
  }

  /** Plays all calls. @param cost milliseconds that reading the clock takes. @returns the milliseconds of each call. */
  play(cost: number): Float64Array {
    const { calls } = this;
    const times = new Float64Array(calls.length);
    let last = performance.now();
    for (let at = 0; at < calls.length; at++) {
      calls[at].tape.run();
      const now = performance.now();
      times[at] = now - last - cost;
      last = now;
    }
    return times;
  }

  /** Plays all calls and tells the work of each. The experts that compute tokens are known once the router has run. */
  count(counter: WorkCounter, visible: number): readonly CountedCall[] {
    const counted: CountedCall[] = [];
    for (const call of this.calls) {
      call.tape.run();
      counted.push(this.#counted(call, counter, { tokens: this.#tokens, visible }));
    }
    return counted;
  }

  #counted(call: SplitCall, counter: WorkCounter, span: PassSpan): CountedCall {
    if (!isMatmul(call)) return { ...counter.ofOther(call, span), experts: undefined };
    const tap = call.tap as Tap;
    const all = counter.ofLinears(tap, tap.input.rows);
    // A tap's linears may take several calls, of one format each: they share its work as the recorder estimates them.
    const beside = this.calls.filter((each) => each.tap === tap && isMatmul(each));
    const share = call.work / beside.reduce((sum, { work }) => sum + work, 0);
    const experts = counter.activeExperts(tap);
    return { bytes: all.bytes * share, operations: all.operations * share, experts };
  }
}

export interface CountedCall extends CallWork {
  /** Number of experts that compute a token; undefined for other calls. */
  readonly experts: number | undefined;
}
