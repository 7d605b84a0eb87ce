// The headers that the page needs, for its own server and for static hosts, and the types of its files.

/**
 * Isolation gives the page shared memory, so that threads help. The policy for scripts is enough for the page; that for workers lets the engine start its
 * helper threads, which it makes from text. Without it there is one thread.
 */
export const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Content-Security-Policy": "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:",
  "X-Content-Type-Options": "nosniff",
};

export const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};
