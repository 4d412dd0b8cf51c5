/** A pause that a signal can end. */
import type { ClientWorld } from './world.ts';

/** Resolves after the time. Rejects with the reason of the signal. */
export function abortablePause(
  clock: ClientWorld['clock'],
  pauseMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(pauseMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
