// True bytes of rules before any text is read: the weight file's size follows from names, shapes and counts, whichever blocks or experts
// a rule chooses.
import { plans } from "../../../dist/quantize.js";

const GROUP_SIZE = 64;

/** Sizes of a model's plans in groups of 64, each computed once. */
export class Sizes {
  /** What families ask of a model: the roles that it has, how many blocks, experts and expert linears, patterns of parts of attention. */
  model;
  #context;
  #weights;
  #known = new Map();

  constructor(files) {
    const shapes = plans.shapesOfFiles(files);
    const modules = plans.planModules(files);
    const experts = modules.filter(({ role }) => role === "expert");
    const layers = [...new Set(experts.map(({ layer }) => layer))];
    const projections = new Set(modules.flatMap(({ role, projection }) => (role === "attention" ? [projection] : [])));
    this.model = {
      roles: new Set(modules.map(({ role }) => role)),
      blocks: layers.length,
      experts: new Set(experts.map(({ expert }) => expert)).size,
      linears: experts.length,
      parts: projections.has("v") ? ["[.]o_proj", "[.]v_proj", "[.][ov]_proj"] : [],
    };
    this.#context = { shapes, groupSize: GROUP_SIZE, statistics: standIn(modules, experts, layers) };
    this.#weights = modules;
  }

  /** Bytes and average bits of a policy, and a key that is the same for equal plans. */
  async of(policy) {
    if (!this.#known.has(policy)) {
      const { resolved, trueBytes, averageBits } = await plans.planFor(plans.parsePolicy(policy), this.#context);
      const key = this.#weights.map(({ name }) => resolved[name]).join("");
      this.#known.set(policy, { bytes: trueBytes, bits: averageBits, key: `${key} ${choosesBy(policy)}` });
    }
    return this.#known.get(policy);
  }

  /**
   * The bytes of a budget of average bits: between those of uniform plans, whose bytes rise about in proportion to their bits, and a part for headers,
   * whose lengths differ by the digits of offsets. Uniform plans fit their own budgets.
   */
  async budget(bits) {
    const [two, four] = [await this.of("uniform:2"), await this.of("uniform:4")];
    const between = two.bytes + ((bits - 2) / 2) * (four.bytes - two.bytes);
    const uniform = bits === 3 ? (await this.of("uniform:3")).bytes : 0;
    return Math.ceil((Math.max(between, uniform) + HEADER_BYTES) / 1000) * 1000;
  }
}

const HEADER_BYTES = 256;

/** How a policy ranks blocks, experts or linears: what two plans of the same size may differ by once statistics are known. */
function choosesBy(policy) {
  return [...policy.matchAll(/(importance|gate-frequency|frequency|outlier):/g)].map(([, word]) => word).join(" ");
}

/** Statistics that rank blocks and experts in their order, and the linears with most bytes first, so that no real choice takes more. */
function standIn(modules, experts, layers) {
  const largest = Math.max(...modules.map(({ rows, cols }) => rows * cols));
  return {
    blocks: layers.map((layer, place) => ({
      layer,
      cosine: place / layers.length,
      cosineModule: place / layers.length,
    })),
    experts: layers.flatMap((layer) =>
      experts.flatMap((module) =>
        module.layer === layer && module.projection === "down"
          ? [{ layer, expert: module.expert, tokens: 1, gateSum: 1 }]
          : [],
      ),
    ),
    linears: modules.map(({ name, rows, cols }) => ({ name, outlier: rows * cols + cols / (1 + largest) })),
  };
}
