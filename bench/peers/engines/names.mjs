// The names of engines in results and reports.

export const NATIVE = "llama.cpp";
export const QUERN_NODE = "Quern, Node";
export const QUERN_PAGE = "Quern, Chromium";
export const WLLAMA = "wllama, Chromium";
export const QUERN_NODE20 = "Quern, Node 20";
export const QUERN_TWO = "Quern, Node, two threads";
