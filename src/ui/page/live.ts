/**
 * The knowledge of the page about the cluster, now and in the last ten minutes. It asks its node
 * once a second, and nothing while the page is hidden.
 */
import { askJson, messageOf } from './api.ts';
import { nowMs, sleep } from './clock.ts';
import type { Pulses, ClusterVerdict } from './facts.ts';
import { type Load, loadOf } from './rates.ts';
import { HISTORY_MS, POLL_MS, WINDOW_MS } from './limits.ts';

/** A moment in the charts. */
export interface Moment {
  readonly atMs: number;
  readonly all: Load;
  readonly byNode: ReadonlyMap<string, Load>;
}

/** The knowledge of the page. */
export interface Live {
  readonly pulses: Pulses | undefined;
  readonly verdict: ClusterVerdict | undefined;
  /** The oldest first. */
  readonly moments: readonly Moment[];
  /** The reason why the node gives no answer; undefined if it does. */
  readonly failure: string | undefined;
}

/** The present knowledge. */
export let live: Live = { pulses: undefined, verdict: undefined, moments: [], failure: undefined };

/** Earlier pulses of the window. */
let recent: readonly { readonly atMs: number; readonly pulses: Pulses }[] = [];

function momentOf(pulses: Pulses, atMs: number): Moment | undefined {
  recent = [...recent.filter((old) => atMs - old.atMs <= WINDOW_MS), { atMs, pulses }];
  const before = recent[0]?.pulses;
  if (before === undefined || recent.length < 2) return undefined;
  const byNode = pulses.nodes.map(({ name }) => [name, loadOf(before, pulses, name)] as const);
  return { atMs, all: loadOf(before, pulses), byNode: new Map(byNode) };
}

async function look(): Promise<void> {
  try {
    const [pulses, verdict] = await Promise.all([
      askJson<Pulses>('/cluster/status'),
      askJson<ClusterVerdict>('/health', { expects: [503] }),
    ]);
    const atMs = nowMs();
    const moment = momentOf(pulses, atMs);
    const kept = live.moments.filter((old) => atMs - old.atMs <= HISTORY_MS);
    const moments = moment === undefined ? kept : [...kept, moment];
    live = { pulses, verdict, moments, failure: undefined };
  } catch (thrown) {
    live = { ...live, failure: messageOf(thrown) };
  }
}

/** Looks until the page is closed. `onChange` is called after each look. */
export async function watch(onChange: () => void): Promise<never> {
  for (;;) {
    if (!document.hidden) {
      await look();
      onChange();
    }
    await sleep(POLL_MS);
  }
}
