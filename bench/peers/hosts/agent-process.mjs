// A process that holds one engine and takes orders over Node's channel between processes: `node agent-process.mjs ENGINE`.
import { createAgent } from "../measure/agent.mjs";

const { default: open } = await import(`../engines/${process.argv[2]}.mjs`);
const agent = createAgent(open);

process.on("message", async ({ number, order }) => {
  try {
    process.send({ number, value: await agent(order) });
  } catch (error) {
    process.send({ number, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit(0));
