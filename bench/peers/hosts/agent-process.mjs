// A process that holds one engine and takes orders over Node's channel between processes: `node agent-process.mjs MODULE`.
import { createAgent } from "../measure/agent.mjs";

const module = await import(process.argv[2]);
const agent = module.agent ?? createAgent(module.default);

process.on("message", async ({ number, order }) => {
  try {
    process.send({ number, value: await agent(order) });
  } catch (error) {
    process.send({ number, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit(0));
