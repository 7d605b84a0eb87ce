/** Facts about the machine and the process, as far as the runtime tells them. For reports only; no decision depends on them. */

/** The machine of a benchmark. What a runtime does not tell is null. */
export interface MachineFacts {
  /** Name of the processor; null in pages. */
  readonly cpu: string | null;
  /** Threads that run at the same time. */
  readonly cores: number;
  /** Bytes of main memory; null in pages. */
  readonly memoryBytes: number | null;
  /** Such as `linux x64`; null in pages. */
  readonly platform: string | null;
}

interface Os {
  cpus(): readonly { readonly model: string }[];
  totalmem(): number;
  availableParallelism?(): number;
}

interface Process {
  readonly platform?: string;
  readonly arch?: string;
  getBuiltinModule?(name: string): Os | undefined;
  resourceUsage?(): { readonly maxRSS: number };
  memoryUsage?(): { readonly rss: number };
}

type Global = { readonly process?: Process; readonly navigator?: { readonly hardwareConcurrency?: number } };

export function machineFacts(): MachineFacts {
  const { process, navigator } = globalThis as Global;
  const os = process?.getBuiltinModule?.("node:os");
  if (os === undefined)
    return { cpu: null, cores: navigator?.hardwareConcurrency ?? 1, memoryBytes: null, platform: null };
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? null,
    cores: os.availableParallelism?.() ?? cpus.length,
    memoryBytes: os.totalmem(),
    platform: `${process?.platform} ${process?.arch}`,
  };
}

/** Most resident memory of the process so far, in bytes; what is resident now where the runtime does not keep that; null in pages. */
export function peakResident(): number | null {
  const { process } = globalThis as Global;
  try {
    const most = process?.resourceUsage?.().maxRSS;
    if (most !== undefined && most > 0) return most * 1024;
  } catch {
    // A runtime may have the function and refuse to answer.
  }
  return process?.memoryUsage?.().rss ?? null;
}
