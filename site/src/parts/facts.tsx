/** A row of large figures with what they are, and a bar of progress. */

export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
}

export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(({ name, value, unit }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {unit !== undefined && <small>{unit}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export interface ProgressProps {
  /** What is being done, in words. */
  readonly label: string;
  /** From 0 to 1; undefined while it is unknown. */
  readonly share?: number;
  /** How far it is, in words. */
  readonly said?: string;
}

export function Progress({ label, share, said }: ProgressProps) {
  const done = Math.max(0, Math.min(1, share ?? 0));
  return (
    <div class="progress">
      <div class="said">
        <span>{label}</span>
        <span>{said}</span>
      </div>
      <div
        class="bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === undefined ? undefined : Math.round(100 * done)}
      >
        <i style={{ "--done": String(done) }} />
      </div>
    </div>
  );
}
