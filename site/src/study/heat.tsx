/** Small heat maps of the study: what share of its block's tokens each expert takes, and where a plan's loss is. */
import { evenTones, logTones } from "../../../src/report/draw/tones.ts";
import { percentText } from "../parts/format.ts";
import { Scroll } from "../parts/scroll.tsx";
import type { StudyModel, StudyPoint } from "./data.ts";

interface HeatCell {
  readonly row: number;
  readonly column: string;
  readonly share: number;
  readonly tone: number;
}

interface HeatProps {
  readonly title: string;
  readonly about: string;
  readonly cells: readonly HeatCell[];
  readonly columns: readonly string[];
}

/** Maps with more columns than this stand alone in their row. */
const MOST_BESIDE = 10;

/** A heat map is a table, so that it can be read without colours. */
function Heat({ title, about, cells, columns }: HeatProps) {
  const rows = [...new Set(cells.map(({ row }) => row))].sort((a, b) => a - b);
  return (
    <figure class={columns.length > MOST_BESIDE ? "heat broad" : "heat"}>
      <figcaption>
        <strong>{title}</strong> {about}
      </figcaption>
      <Scroll label={title.replace(/\.$/, "")}>
        <table aria-label={title}>
          <thead>
            <tr>
              <th scope="col">block</th>
              {columns.map((column) => (
                <th key={column} scope="col" class="number">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row}>
                <th scope="row">{row}</th>
                {columns.map((column) => {
                  const cell = cells.find((each) => each.row === row && each.column === column);
                  return (
                    <td
                      key={column}
                      class={cell !== undefined && cell.tone < 0 ? "low" : undefined}
                      style={{ "--tone": String(Math.abs(cell?.tone ?? 0)) }}
                    >
                      {cell === undefined ? "" : percentText(cell.share, 0).replace(" %", "")}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </figure>
  );
}

export function UsageHeat({ model }: { readonly model: StudyModel }) {
  const shares = model.experts.map(([layer, expert, tokens]) => {
    const total = model.experts.reduce((sum, each) => sum + (each[0] === layer ? each[2] : 0), 0) || 1;
    return { row: layer, column: String(expert), share: tokens / total };
  });
  const columns = [...new Set(shares.map(({ column }) => column))];
  const { tones } = evenTones(shares.map(({ share }) => share * columns.length));
  const cells = shares.map((cell, i) => ({ ...cell, tone: tones[i] }));
  return (
    <Heat
      title="Who is asked."
      about="Percent of its block’s tokens that each expert takes, in the float model."
      {...{ cells, columns }}
    />
  );
}

const ROLES = ["attention", "dense", "shared", "expert"];

export function LossHeat({ point }: { readonly point: StudyPoint }) {
  const kinds = point.losses.map(([layer, role, projection, share]) => ({
    row: layer,
    role,
    column: projection,
    share,
  }));
  const roles = new Set(kinds.map(({ role }) => role));
  const named = kinds.map((kind) => ({
    ...kind,
    column: roles.size > 2 ? `${kind.role} ${kind.column}` : kind.column,
  }));
  const { tones } = logTones(named.map(({ share }) => share));
  const cells = named.map((cell, i) => ({ ...cell, tone: tones[i] }));
  const sorted = [...named].sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role));
  const columns = [...new Set(sorted.map(({ column }) => column))];
  return (
    <Heat
      title="Where it hurts."
      about={`Percent of the loss of all linears in the measured plan, ${point.name}.`}
      {...{ cells, columns }}
    />
  );
}
