/** Measures one phase: plays the calls of its passes one by one, in turn with whole passes as the session plays them. */
import { createRandom } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import type { Runnable } from "../../model/pass/record/pass.ts";
import type { Session } from "../../model/pass/session.ts";
import { EngineSampling } from "../../runtime/engine-sampling.ts";
import { SampleRoom, sample } from "../../runtime/sampler.ts";
import type { CeilingProbes, Ceilings } from "../ceilings.ts";
import { clockCost, meanOfFaster } from "../timing.ts";
import type { WorkCounter } from "./call-work.ts";
import { type PhaseProfile, profileRows, type TimedCall } from "./profile-rows.ts";
import { type CountedCall, ProfiledPass } from "./profiled-pass.ts";

/** One pass of a phase: its first token's index in the ids, which is its position, and its tokens. */
export interface PassPart {
  readonly from: number;
  readonly tokens: number;
}

export interface PhaseRun {
  readonly phase: PhaseProfile["phase"];
  readonly session: Session;
  readonly ids: readonly number[];
  readonly parts: readonly PassPart[];
  readonly rounds: number;
  readonly probes: CeilingProbes;
  readonly turns: Turns;
  readonly counter: WorkCounter;
}

/** A part that is played, with what its calls do, and the sum of their times in each round. */
interface Played extends PassPart {
  readonly pass: ProfiledPass;
  readonly counted: readonly CountedCall[];
  /** Milliseconds of each call, round by round. */
  readonly rounds: Float64Array[];
}

/** The longest time between two samples of the ceilings, in rounds. */
const ROUNDS_OF_SAMPLE = 10;

/** Measures a phase. @returns a function that compares it with the ceilings, once they are all measured. */
export async function profilePhase(
  run: PhaseRun,
  tell: (done: number, total: number) => void,
): Promise<(ceilings: Ceilings) => PhaseProfile> {
  const { phase, session, parts, rounds, probes, turns, counter } = run;
  const whole: number[] = [];
  const cost = clockCost();
  // The first rounds compile, record tapes and fill the cache.
  for (let round = 0; round < 2; round++) await wholePass(run);
  const played = parts.map((part) => preparePart(run, part));
  for (let round = 0; round < rounds; round++) {
    if (round % ROUNDS_OF_SAMPLE === 0) await probes.sample(turns);
    whole.push(await wholePass(run));
    for (const each of played) playPart(run, each, cost);
    await turns.turn();
    tell(round + 1, rounds);
  }
  const tokens = parts.reduce((sum, part) => sum + part.tokens, 0);
  const timed = timedCalls(played);
  const microseconds = (1000 * meanOfFaster(whole)) / tokens;
  const inKernels = (1000 * timed.reduce((sum, each) => sum + each.milliseconds, 0)) / tokens;
  const sampling = phase === "decode" ? samplingTime(session.model, rounds) : 0;
  return (ceilings) => {
    const rows = profileRows(timed, { tokens, microseconds, counter }, ceilings);
    const sum = (of: "bytes" | "operations") => rows.reduce((total, row) => total + row[of], 0);
    const { from } = parts[0];
    return {
      ...{ phase, tokens: phase === "decode" ? from : tokens, batch: parts[0].tokens, microseconds },
      ...{ outside: microseconds - inKernels, sampling, bytes: sum("bytes"), operations: sum("operations"), rows },
    };
  };
}

/** Milliseconds of all parts as the session computes them. The session ends where it began. */
async function wholePass({ session, ids, parts, turns }: PhaseRun): Promise<number> {
  const [{ from }, last] = [parts[0], parts[parts.length - 1]];
  session.truncate(from);
  const input = ids.slice(from, last.from + last.tokens);
  const begin = performance.now();
  await session.evaluate(input, turns);
  return performance.now() - begin;
}

function preparePart({ session, ids, counter, parts }: PhaseRun, part: PassPart): Played {
  const visible = part.from + part.tokens;
  const hasHead = part === parts.at(-1);
  const pass = new ProfiledPass(session, { ...part, visible: part.from + Math.ceil(part.tokens / 2), hasHead });
  pass.place(ids, part.from, part.from);
  return { ...part, pass, counted: pass.count(counter, visible), rounds: [] };
}

function playPart({ ids }: PhaseRun, { pass, from, rounds }: Played, cost: number): void {
  pass.place(ids, from, from);
  rounds.push(pass.play(cost));
}

/** Of each part, the mean of the faster half of its rounds, call by call. */
function timedCalls(played: readonly Played[]): readonly TimedCall[] {
  return played.flatMap(({ pass, counted, rounds }) => {
    const sorted = [...rounds].sort((a, b) => sumOf(a) - sumOf(b)).slice(0, Math.ceil(rounds.length / 2));
    return pass.calls.map((call, at) => {
      const milliseconds = sorted.reduce((sum, times) => sum + times[at], 0) / sorted.length;
      return { call, counted: counted[at], milliseconds };
    });
  });
}

function sumOf(times: Float64Array): number {
  return times.reduce((sum, time) => sum + time, 0);
}

/** Microseconds of drawing a token from all logits, with temperature and without cuts. */
function samplingTime({ machine, config: { vocabSize } }: Runnable, rounds: number): number {
  using engine = new EngineSampling(machine, vocabSize);
  const random = createRandom(1);
  using region = machine.arena.region();
  const logits = machine.arena.f32(region.alloc(4 * vocabSize), vocabSize);
  for (let id = 0; id < vocabSize; id++) logits[id] = 8 * random.next();
  const room = new SampleRoom(vocabSize, engine);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    sample(logits, { temperature: 0.8 }, random, [], room);
    times.push(performance.now() - begin);
  }
  return 1000 * meanOfFaster(times);
}
