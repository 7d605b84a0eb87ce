import { describe, expect, it } from "vitest";
import { createStopFilter } from "../../src/runtime/stop.ts";

describe("createStopFilter", () => {
  it("holds back the beginning of a stop string and shows it when it was none", () => {
    const filter = createStopFilter(["\n\n", "END"]);
    expect(filter.push("a\n")).toEqual({ text: "a", stopped: false });
    expect(filter.push("b E")).toEqual({ text: "\nb ", stopped: false });
    expect(filter.push("N")).toEqual({ text: "", stopped: false });
    expect(filter.flush()).toBe("EN");
  });

  it("ends before the first stop string, even one that spans pieces", () => {
    const filter = createStopFilter(["xyz", "y"]);
    expect(filter.push("abx")).toEqual({ text: "ab", stopped: false });
    expect(filter.push("yz")).toEqual({ text: "", stopped: true });
  });

  it("shows all at once without stop strings", () => {
    expect(createStopFilter([]).push("abc")).toEqual({ text: "abc", stopped: false });
  });
});
