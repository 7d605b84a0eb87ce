/** Styles for the terminal, where it shows them: not with NO_COLOR, not in a file. */
import { styleText } from "node:util";

type Style = "bold" | "dim" | "red";

/** Whether stdout shows styles, as programs agree on it (no-color.org, force-color.org). */
function isStyled({ env, argv, stdout, platform }: NodeJS.Process): boolean {
  if (env["NO_COLOR"] || argv.includes("--no-color")) return false;
  const isTerminal = platform === "win32" || (stdout.isTTY === true && env["TERM"] !== "dumb");
  return isTerminal || Boolean(env["FORCE_COLOR"] || env["CI"]) || argv.includes("--color");
}

/** @param isShown whether the stream for the text is a terminal; by default only the environment decides. */
export function styled(style: Style, text: string, isShown = true): string {
  return isShown && isStyled(process) ? styleText(style, text) : text;
}
