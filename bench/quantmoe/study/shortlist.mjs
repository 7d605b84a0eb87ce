// A shorter list of rules, for a model whose cells take minutes and whose attention and shared experts are half of its weights: the families that did
// best on the small models, and more frames. Counts follow from bytes alone, as in families.mjs.
import { percentOf } from "./families.mjs";

/** Families of one menu, as `familiesOf` gives them. */
export function shortlistOf(model, menu) {
  const uniform = menu.map((bits) => ({ family: "uniform", most: 1, text: () => `uniform:${bits}` }));
  return [...uniform, ...classesOf(menu), ...menu.slice(0, -1).flatMap((_, place) => raisedOver(model, menu, place))];
}

/** Attention, shared and routed experts each at some width. */
function classesOf(menu) {
  const all = menu.flatMap((attention) => menu.flatMap((shared) => menu.map((base) => ({ attention, shared, base }))));
  return all
    .filter(({ attention, shared, base }) => new Set([attention, shared, base]).size > 1)
    .map((bits) => ({ family: "attention and shared", most: 1, text: () => frameText(bits) }));
}

function frameText({ attention, shared, base }) {
  return `attention:${attention},shared:${shared},base:${base}`;
}

/**
 * Parts of the routed experts raised by one step. Blocks by cosine are tried over every frame in which attention and shared experts have the base's width,
 * that of what is raised, or one step more; the other families over the frames in which shared experts have at least the width of what is raised, and no
 * fewer bits than attention.
 */
function raisedOver(model, menu, place) {
  const [base, raised, above] = menu.slice(place);
  const widths = [base, raised, ...(above === undefined ? [] : [above])];
  const frames = widths.flatMap((attention) => widths.map((shared) => ({ attention, shared, base })));
  const main = frames.filter(
    ({ attention, shared }) => shared >= raised && attention <= raised && shared - attention < 2,
  );
  return [
    ...frames.map((frame) => blocksByCosine(model, frame, raised)),
    ...main.flatMap((frame) => others(model, frame, raised)),
  ];
}

/** A count that raises nearly everything is a plan of classes, so at most nine tenths are raised. */
const most = (all) => Math.floor(0.9 * all);

function blocksByCosine({ blocks }, frame, bits) {
  const text = (n) => `${frameText(frame)}+importance:${n}@${bits}`;
  return { family: "blocks by cosine", most: most(blocks), text };
}

function others({ blocks, experts, linears }, frame, bits) {
  const of = (family, all, part) => ({ family, most: most(all), text: (n) => `${frameText(frame)}+${part(n)}` });
  const down = `projection:down@${bits}`;
  return [
    of("linears by outlier score", linears, (n) => `outlier:${percentOf(n, linears)}@${bits}`),
    of("experts by routing weight", experts, (n) => `gate-frequency:${n}@${bits}`),
    of("down, blocks by cosine", blocks, (n) => `${down}+importance:${n}@${bits}`),
    of("first blocks", blocks, (n) => `first:${n}@${bits}`),
    of("last blocks", blocks, (n) => `last:${n}@${bits}`),
  ];
}
