/** Many listeners of one signal share a single one of the platform's: Node warns of a leak above ten. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `callback` when the signal, which is not aborted yet, is aborted. Returns what ends the listening. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => {};
  const callbacks = listeners.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  listeners.set(signal, callbacks);
  const tellAll = () => {
    for (const callback of callbacks) callback();
    callbacks.clear();
  };
  signal.addEventListener("abort", tellAll, { once: true });
  return callbacks;
}
