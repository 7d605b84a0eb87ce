// The names of engines in results and reports.

export const NATIVE = "llama.cpp";
export const QUERN_NODE = "Quern, Node";
export const QUERN_PAGE = "Quern, Chromium";
export const WLLAMA = "wllama, Chromium";
