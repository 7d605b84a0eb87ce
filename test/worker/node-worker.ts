/** The program of a worker of Node: serves an engine that opens paths. */
import { parentPort } from "node:worker_threads";
import { loadModel } from "../../src/index.ts";
import { serve, type WorkerPort } from "../../src/worker.ts";

serve(parentPort as unknown as WorkerPort, { loadModel: loadModel as never });
