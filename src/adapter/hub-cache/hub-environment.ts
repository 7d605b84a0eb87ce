/** Reads the hub's settings from the environment, by the names that huggingface_hub documents ("Environment variables"). */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface HubEnvironment {
  readonly endpoint: string | undefined;
  readonly token: string | undefined;
  /** The folder of the cache. */
  readonly cache: string;
  readonly offline: boolean;
}

type Variables = Readonly<Record<string, string | undefined>>;

export function hubEnvironment(variables: Variables = process.env): HubEnvironment {
  const value = (...names: readonly string[]) => names.map((name) => variables[name]?.trim()).find(Boolean);
  const home = expanded(
    value("HF_HOME") ?? join(value("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface"),
    variables,
  );
  const token =
    value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ??
    tokenIn(expanded(value("HF_TOKEN_PATH") ?? join(home, "token"), variables));
  return {
    endpoint: value("HF_ENDPOINT"),
    token: token === "" ? undefined : token,
    cache: expanded(value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"), variables),
    offline: isTrue(value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
  };
}

function isTrue(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
}

/** The token that `hf auth login` has saved. */
function tokenIn(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // Most people have none.
  }
}

/** `~` and `$NAME` at the places where a shell would replace them. */
function expanded(path: string, variables: Variables): string {
  const home = path === "~" || /^~[/\\]/.test(path) ? homedir() + path.slice(1) : path;
  return home.replace(/\$(?:\{(\w+)\}|(\w+))/g, (text, a, b) => variables[a ?? b] ?? text);
}
