// The page that holds one engine: fetches orders from the bench's server and posts the answers.
import { createAgent } from "../measure/agent.mjs";

const post = (answer) => fetch("/answer", { method: "POST", body: JSON.stringify(answer) });

async function run() {
  const engine = new URLSearchParams(location.search).get("engine");
  const { default: open } = await import(`../engines/${engine}.mjs`);
  const agent = createAgent(open);
  for (;;) {
    const response = await fetch("/order");
    if (response.status === 204) continue;
    const { number, order } = await response.json();
    try {
      await post({ number, value: await agent(order) });
    } catch (error) {
      await post({ number, error: String(error?.stack ?? error) });
    }
  }
}

run().catch((error) => post({ number: -1, error: String(error?.stack ?? error) }));
