/** Shows which kernels the time of a token goes to. */
import type { Profile } from "../../bench/profile/profile.ts";
import type { PhaseProfile, ProfileRow } from "../../bench/profile/profile-rows.ts";
import type { EngineInfo } from "../../runtime/language-model.ts";
import { ceilingsLine } from "./bench-table.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

const COLUMNS: readonly TextColumn[] = [
  { title: "kernel" },
  { title: "of" },
  { title: "calls", align: "right" },
  { title: "us", align: "right" },
  { title: "share", align: "right" },
  { title: "KB", align: "right" },
  { title: "Mop", align: "right" },
  { title: "GB/s", align: "right" },
  { title: "Gop/s", align: "right" },
  { title: "of ceiling", align: "right" },
];

export function describeProfile(
  { runtime, kernels, dots, threads, activations }: EngineInfo,
  profile: Profile,
): string {
  const machine = `${runtime}, ${kernels} kernels (${dots}), ${threads} ${threads === 1 ? "thread" : "threads"}, ${activations} activations`;
  return [machine, ceilingsLine(profile.ceilings), ...profile.phases.map(phaseText)].join("\n\n");
}

function phaseText(phase: PhaseProfile): string {
  const { microseconds, tokens, batch, bytes, operations, outside, sampling } = phase;
  const what =
    phase.phase === "decode"
      ? `a decoded token after ${tokens}`
      : `a token of a prompt of ${tokens}, in batches of ${batch}`;
  const title = `${what}: ${microseconds.toFixed(1)} us (${(1e6 / microseconds).toFixed(1)} tokens/s)`;
  const line = (name: string, time: number) => [
    name,
    "",
    "",
    time.toFixed(1),
    percent(time / microseconds),
    "",
    "",
    "",
    "",
    "",
  ];
  const all = { bytes, operations, microseconds };
  const ends = [
    line("outside kernels", outside),
    ["all", "", "", microseconds.toFixed(1), "100.0 %", ...figures(all), ""],
    ...(phase.phase === "decode" ? [line("sampling, besides", sampling)] : []),
  ];
  return `${title}\n${renderTable(COLUMNS, [...phase.rows.map(cells), ...ends])}`.trimEnd();
}

function cells(row: ProfileRow): string[] {
  const { kernel, site, shape, calls, microseconds, share, limit, ofCeiling } = row;
  const near = limit === null || ofCeiling === null ? "" : `${percent(ofCeiling)} ${limit}`;
  const of = site === "" ? "" : `${site}: ${shape}`;
  return [
    kernel,
    of,
    String(Math.round(calls * 100) / 100),
    microseconds.toFixed(1),
    percent(share),
    ...figures(row),
    near,
  ];
}

function figures({
  bytes,
  operations,
  microseconds,
}: Pick<ProfileRow, "bytes" | "operations" | "microseconds">): string[] {
  const rate = (work: number) => (work === 0 ? "" : (work / microseconds / 1e3).toFixed(1));
  const read = bytes === 0 ? "" : (bytes / 1e3).toFixed(0);
  return [read, (operations / 1e6).toFixed(2), rate(bytes), rate(operations)];
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
