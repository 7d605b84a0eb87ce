/** The page's style sheet. Colours are those of Okabe and Ito, which colour-blind readers tell apart. */
export const STYLE: string = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2126; --muted: #5b646d; --line: #dfe3e7; --panel: #f5f7f8;
  --front: #0072b2; --other: #c25500; --control: #767d84; --heat: #005a8e; --low: #b34700; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181b; --ink: #e4e7ea; --muted: #a0a8b0; --line: #31373d; --panel: #1d2125;
    --front: #56b4e9; --other: #e69f00; --control: #8f979f; --heat: #4aa8e0; --low: #e69f00; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { max-width: 72ch; margin: .6rem 0; }
.muted { color: var(--muted); }
figure { margin: 1.75rem 0; }
figcaption { max-width: 80ch; margin-bottom: .6rem; font-size: .95rem; color: var(--muted); }
figcaption strong { color: var(--ink); }
svg { display: block; width: 100%; height: auto; color: var(--ink); }
svg text { white-space: pre; }
.wide { max-width: 960px; }
.half { max-width: 640px; }
a { color: var(--front); }
a:focus-visible, summary:focus-visible, button:focus-visible, .table:focus-visible { outline: 3px solid var(--front); outline-offset: 2px; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
[hidden] { display: none !important; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; align-items: center; padding: .6rem 0; border-bottom: 1px solid var(--line); }
fieldset { display: flex; flex-wrap: wrap; gap: .2rem 1rem; border: 0; margin: .6rem 0; padding: 0; font-size: .88rem; }
legend { float: left; margin-right: 1rem; padding: 0; color: var(--muted); }
fieldset label { white-space: nowrap; }
#findings h2 { margin-top: 1.5rem; padding-top: 0; border: 0; }
.findings { padding: 0; list-style: none; }
.findings li { display: grid; grid-template-columns: 10.5rem minmax(0, 72ch); gap: 0 1.25rem; margin: 0 0 1rem; }
.findings strong { font-size: 1.25rem; line-height: 1.25; color: var(--front); }
.note { padding: .6rem 1rem; background: var(--panel); border-left: 3px solid var(--other); }
.findings small { display: block; color: var(--muted); font-size: .85rem; line-height: 1.45; }
details { margin: .6rem 0; }
summary { cursor: pointer; font-weight: 600; padding: .35rem 0; }
thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
.row { display: flex; flex-wrap: wrap; gap: 0 1.25rem; align-items: flex-end; }
.row figure { width: 340px; max-width: 100%; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 0 2.5rem; }
.pair figure { margin: .75rem 0; }
.narrow { display: none; }
.key { display: inline-block; width: .8em; height: .8em; border: 2px solid; border-radius: 50%; }
.key.front { background: var(--front); border-color: var(--front); }
.key.other { border-color: var(--other); }
.key.control { width: .62em; height: .62em; border-radius: 0; transform: rotate(45deg); margin: 0 .1em;
  background: var(--control); border-color: var(--control); }
.ramp { white-space: nowrap; }
.ramp i:first-of-type { outline: 1px solid var(--line); }
.ramp .low { background: var(--low); }
.ramp .high { background: var(--heat); }
.ramp i { display: inline-block; width: 1.1em; height: .8em; vertical-align: -.05em; }
.table { overflow: auto; max-height: min(34rem, 85vh); margin: 1rem 0; }
table { border-collapse: separate; border-spacing: 0; font-size: 14px; font-variant-numeric: tabular-nums; line-height: 20px; }
caption { text-align: left; color: var(--muted); padding-bottom: .5rem; font-size: .95rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(72ch, calc(100vw - 2rem)); }
th, td { padding: .35rem .55rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 2px solid var(--muted); vertical-align: bottom; font-weight: 600; }
tbody th { font-weight: 600; white-space: nowrap; }
tbody th, td { min-width: 3rem; }
.plans tbody th { min-width: 15rem; white-space: normal; }
.plans td:not(.number) { min-width: 11rem; }
tbody th, thead th:first-child { position: sticky; left: 0; background: var(--paper); }
thead th:first-child { z-index: 2; }
.number { text-align: right; white-space: nowrap; }
td code, th code { overflow-wrap: anywhere; }
.below { display: block; color: var(--muted); font-weight: 400; font-size: 13px; line-height: 18px; }
code, pre { font: .86em/1.45 ui-monospace, SFMono-Regular, Consolas, monospace; }
pre { overflow-x: auto; padding: .75rem 1rem; background: var(--panel); border-radius: 6px; }
.shown { font-weight: 600; white-space: nowrap; }
@media (max-width: 640px) {
  body { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .wide, .half { display: none; }
  .narrow { display: block; }
  .findings li { grid-template-columns: minmax(0, 1fr); }
  .plans tbody th { min-width: 7.5rem; max-width: 8.5rem; }
  .policy { display: none; }
  th, td { padding: .3rem .4rem; }
}
@media print { .table { overflow: visible; max-height: none; } nav, fieldset { display: none; } }
`;
