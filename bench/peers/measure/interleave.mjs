// Takes the repetitions of engines in turns, so that the noise of the machine meets all alike.

/**
 * @param engines  { name, host }, all with an open model
 * @returns for each test a Map of engine name to milliseconds of each repetition; the warm-up repetitions are dropped
 */
export async function interleave(engines, tests, { runs, warmUps = 1 }) {
  const results = new Map();
  for (const test of tests) {
    const times = new Map(engines.map(({ name }) => [name, []]));
    for (let run = -warmUps; run < runs; run++) {
      for (const { name, host } of run % 2 === 0 ? engines : engines.toReversed()) {
        const ms = await host.order({ call: "time", test });
        if (run >= 0) times.get(name).push(ms);
      }
    }
    results.set(test, times);
  }
  return results;
}
