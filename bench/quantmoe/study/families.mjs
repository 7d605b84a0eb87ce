// The rules that the study compares with the knapsack: every family of one-line rules in its best form for a budget. Counts follow from
// bytes alone: the largest one that fits. Nothing is tuned on a text.

/** The two menus of widths. */
export const MENUS = { "2,4": [2, 4], "2,3,4,8": [2, 3, 4, 8] };

/** Average bits of the budgets. */
export const BUDGETS = [2.1, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.5, 3.8, 4.2];

/**
 * Policies with one free count, by family. `text(n)` is the policy for a count n from 1 to `most`; a policy without a count has
 * most 1, and one with `fill` takes a second count, at most that many, once the first is found. Each is written for one frame: the bits of attention (and of dense layers), of shared experts, and of everything else.
 */
export function familiesOf(model, menu) {
  const found = [];
  for (const base of menu)
    for (const raised of menu.filter((bits) => bits > base))
      for (const frame of framesOf(model, menu, base, raised)) found.push(...raisedFamilies(model, frame, raised));
  for (const base of menu) {
    found.push({ family: "uniform", most: 1, text: () => `uniform:${base}` });
    for (const raised of menu.filter((bits) => bits > base)) found.push(...raisedClasses(model, menu, base, raised));
  }
  return found;
}

/**
 * First parts of policies. What all tokens use gets as many bits as the raised experts, or one step more, shared experts with it or not.
 * The first two frames carry all families (the second only if its step is one bit), the third blocks by cosine alone.
 */
function framesOf(model, menu, base, raised) {
  const above = menu.find((bits) => bits > raised);
  const frames = [
    [raised, raised],
    ...(above === undefined
      ? []
      : [
          [above, raised],
          [above, above],
        ]),
  ];
  const texts = frames.map(([attention, shared]) => classesOf(model, { attention, shared, base }));
  return [...new Set(texts)].map((text, place) => ({ text, place, above }));
}

/** Classes that the model has, in one line: `attention:4,dense:4,shared:4,base:2`. */
function classesOf({ roles }, { attention, shared, base }) {
  const bits = { attention, dense: attention, shared };
  const named = Object.entries(bits).filter(([role, width]) => roles.has(role) && width !== undefined);
  return [...named.map(([role, width]) => `${role}:${width}`), `base:${base}`].join(",");
}

/** Classes of structure alone. */
function raisedClasses(model, menu, base, raised) {
  const parts = model.parts.map((part) => ({
    family: "parts of attention",
    text: `uniform:${base}+match:${part}@${raised}`,
  }));
  const classes = [
    { family: "attention", text: classesOf(model, { attention: raised, base }) },
    { family: "attention and shared", text: classesOf(model, { attention: raised, shared: raised, base }) },
    ...menu
      .filter((bits) => bits > raised)
      .map((more) => ({
        family: "attention and shared",
        text: classesOf(model, { attention: more, shared: raised, base }),
      })),
    { family: "shared", text: classesOf(model, { shared: raised, base }) },
  ];
  return [...parts, ...classes].map(({ family, text }) => ({ family, most: 1, text: () => text }));
}

/** Parts of routed experts over one frame, and their pairs. */
function raisedFamilies(model, frame, bits) {
  const of = (family, most, part) => ({ family, most, text: (n) => `${frame.text}+${part(n)}` });
  const best = bestFamilies(model, frame, bits, of);
  if (frame.place > 1) return [best[0], filledBlocks(model, frame, bits)];
  // A second frame of 8 bits, which would take a third of a bit from the experts, has only the families that did best.
  if (frame.place === 1 && frame.above > bits + 1) return best;
  return [...best, ...otherFamilies(model, frame, bits, of), filledBlocks(model, frame, bits)];
}

function bestFamilies({ blocks, experts }, { place, above }, bits, of) {
  const down = `projection:down@${bits}`;
  const twoWidths = (n) => `importance:${2 * n}@${bits}+importance:${n}@${above}`;
  return [
    of("blocks by cosine", blocks, (n) => `importance:${n}@${bits}`),
    of("experts by routing weight", experts, (n) => `gate-frequency:${n}@${bits}`),
    of("down", 1, () => down),
    of("down and up", 1, () => `${down}+projection:up@${bits}`),
    of("down, blocks by cosine", blocks, (n) => `${down}+importance:${n}@${bits}`),
    ...(place === 1 ? [of("blocks by cosine at two widths", Math.floor(blocks / 2), twoWidths)] : []),
  ];
}

function otherFamilies(model, { place }, bits, of) {
  // All of them raised is a plan of classes, which the first frame has already.
  const [blocks, experts, linears] = [model.blocks, model.experts, model.linears].map((all) =>
    place === 0 ? all : all - 1,
  );
  const down = `projection:down@${bits}`;
  const oneExpert = `gate-frequency:1@${bits}`;
  return [
    of("first blocks", blocks, (n) => `first:${n}@${bits}`),
    of("last blocks", blocks, (n) => `last:${n}@${bits}`),
    of("experts by tokens", experts, (n) => `frequency:${n}@${bits}`),
    of("linears by outlier score", linears, (n) => `outlier:${percentOf(n, model.linears)}@${bits}`),
    of("up", 1, () => `projection:up@${bits}`),
    of("gate", 1, () => `projection:gate@${bits}`),
    of("down, experts by routing weight", experts, (n) => `${down}+gate-frequency:${n}@${bits}`),
    of("blocks by cosine, experts by routing weight", blocks, (n) => `importance:${n}@${bits}+${oneExpert}`),
  ];
}

/** As many whole blocks as fit, then as many experts of every block as still fit: the rule of blocks that leaves no bytes. */
function filledBlocks({ blocks, experts }, { text: frame }, bits) {
  const text = (n, more = 0) =>
    `${frame}+importance:${n}@${bits}${more === 0 ? "" : `+gate-frequency:${more}@${bits}`}`;
  return { family: "blocks by cosine, filled with experts", most: blocks - 1, text, fill: experts - 1 };
}

/** Random plans that rules and knapsack are compared with: linears drawn over the main frame. */
export function randomFamily(model, menu, { base, raised }) {
  const [{ text: frame }] = framesOf(model, menu, base, raised);
  const text = (n) => `${frame}+random-linears:${percentOf(n, model.linears)}@${raised}`;
  return { family: "random", most: model.linears, text };
}

/** The least share, with four decimals, of which at least `count` linears come out when it is rounded down. */
export function percentOf(count, total) {
  const share = Math.ceil((count * 1_000_000) / total);
  const fraction = String(share % 10_000)
    .padStart(4, "0")
    .replace(/0+$/, "");
  return `${Math.floor(share / 10_000)}${fraction === "" ? "" : `.${fraction}`}%`;
}
