/** Waits that a time limit and a signal end. */
import { backoff } from '../base/delays.ts';
import { CLIENT_BACKOFF } from './limits.ts';
import type { ClientWorld } from './world.ts';

/** The end of a wait. */
export interface WaitLimits {
  /** In the time of the world's clock, ms. */
  readonly untilMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves with true when `begin` reports its event, and with false at the time limit. Rejects with
 * the reason of the signal.
 */
export function waitUntil(
  clock: ClientWorld['clock'],
  { untilMs, signal }: WaitLimits,
  begin?: (report: () => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (outcome: boolean | Promise<never>): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => end(Promise.reject(signal?.reason as Error));
    const timer = clock.after(untilMs - clock.monotonicMs(), () => end(false));
    signal?.addEventListener('abort', onAbort);
    begin?.(() => end(true));
  });
}

/** Pauses after failed round `round`. Resolves with whether there is time for another round. */
export async function pauseAfter(
  { clock, random }: Pick<ClientWorld, 'clock' | 'random'>,
  round: number,
  limits: WaitLimits,
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + backoff(random, round, CLIENT_BACKOFF);
  if (untilMs >= limits.untilMs) return false;
  await waitUntil(clock, { ...limits, untilMs });
  return true;
}
