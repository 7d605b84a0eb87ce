/** Settings of quantising and their defaults. */
export { chooseGrid, DEFAULTS, type GridWish } from "../compress/recipe/choose-grid.ts";
export {
  averageBits,
  DEFAULT_GRID,
  type GridSettings,
  LOW_BIT_GRID,
  type ModuleSetting,
  type QuantizeSettings,
  quantizableLinears,
  STUDY_GRID,
  uniformModules,
} from "../compress/recipe/settings.ts";
