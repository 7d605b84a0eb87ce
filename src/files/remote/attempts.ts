/** Attempts at one request: the waits between them grow and are random in part, or are as long as the server asks. */
import { RemoteError } from "../../base/errors.ts";
import { onAbort } from "./on-abort.ts";

/** How often and how long a request is tried. */
export interface RetryRule {
  /** Attempts without progress. */
  readonly attempts: number;
  /** The wait after the first failure; it doubles after each further one. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** The longest `Retry-After` that is waited for. */
  readonly longestAskedMs: number;
  /** A connection that is silent for so long is given up. */
  readonly idleMs: number;
}

const DEFAULT_RULE: RetryRule = {
  attempts: 6,
  firstMs: 300,
  mostMs: 10_000,
  longestAskedMs: 60_000,
  idleMs: 30_000,
};

export function retryRule(wish: Partial<RetryRule> = {}): RetryRule {
  return { ...DEFAULT_RULE, ...wish };
}

/** Why an attempt failed, as the second half of a sentence. */
export interface FailedAttempt {
  readonly problem: string;
  readonly status?: number;
  readonly cause?: unknown;
  /** What the server asked to wait. */
  readonly askedMs?: number;
}

export class Attempts {
  readonly #where: string;
  readonly #rule: RetryRule;
  readonly #signal: AbortSignal | undefined;
  #failed = 0;

  constructor(where: string, rule: RetryRule, signal?: AbortSignal) {
    this.#where = where;
    this.#rule = rule;
    this.#signal = signal;
  }

  /** Bytes arrived: the next failure counts as the first one. */
  progressed(): void {
    this.#failed = 0;
  }

  /** Waits before the next attempt. @throws RemoteError after the last attempt; the signal's reason when it is aborted. */
  async again({ problem, askedMs, ...details }: FailedAttempt): Promise<void> {
    this.#signal?.throwIfAborted();
    this.#failed++;
    const { attempts, firstMs, mostMs, longestAskedMs } = this.#rule;
    if (askedMs !== undefined && askedMs > longestAskedMs)
      throw this.#error(`${problem}, and it asks to wait ${Math.ceil(askedMs / 1000)} s; try again later`, details);
    if (this.#failed >= attempts) throw this.#error(`${problem} in ${attempts} attempts`, details);
    const wait = Math.min(mostMs, firstMs * 2 ** (this.#failed - 1));
    // Random in part, so that clients that failed together do not come back together.
    await pause(askedMs ?? wait * (0.5 + Math.random() / 2), this.#signal);
  }

  #error(problem: string, details: Omit<FailedAttempt, "problem" | "askedMs">): RemoteError {
    return new RemoteError(this.#where, problem, details);
  }
}

/** Waits, or throws the signal's reason at once when it is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => {
    const unfollow = onAbort(signal, end);
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      unfollow();
      resolve();
    }
  });
  signal?.throwIfAborted();
}

/** Milliseconds from now of a `Retry-After` header: seconds or a date. */
export function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
