import { describe, expect, it } from "vitest";
import { formatTime } from "../../../src/text/jinja/format-time.ts";

describe("formatTime", () => {
  const date = new Date(2024, 2, 5, 15, 7, 9);

  it.each([
    ["%d %b %Y", "05 Mar 2024"],
    ["%B %-d, %Y", "March 5, 2024"],
    ["%A %a %H:%M:%S %I%p", "Tuesday Tue 15:07:09 03PM"],
    ["%j %y %m %e|%F %T", "065 24 03  5|2024-03-05 15:07:09"],
    ["100%% %Q %", "100% %Q %"],
  ])("writes %s", (format, text) => {
    expect(formatTime(date, format)).toBe(text);
  });
});
