// Installs Debian's packages of Chromium and Firefox where they are missing and apt may install them. Tests leave out a browser that is missing.
import { spawnSync } from "node:child_process";
import { hasBrowser } from "./page.mjs";

const PACKAGES = { chromium: "chromium", firefox: "firefox-esr" };

export function installBrowsers() {
  const missing = Object.keys(PACKAGES).filter((name) => !hasBrowser(name));
  if (missing.length === 0) return;
  const apt = (...args) =>
    spawnSync("apt-get", args, {
      ...{ stdio: ["ignore", "ignore", "ignore"], timeout: 300_000 },
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...missing.map((name) => PACKAGES[name]));
  for (const name of missing)
    console.log(hasBrowser(name) ? `Installed ${name}.` : `${name} is missing and apt cannot install it here.`);
}
