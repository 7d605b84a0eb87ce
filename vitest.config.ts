import { defineConfig } from "vitest/config";

export default defineConfig({
  // The limits catch what hangs; on a busy machine with one core the longest test takes more than a minute.
  test: { include: ["test/**/*.test.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
});
