/**
 * Catching up with one peer in one partition: page by page the writes that this replica lacks, or, where the peer's log does
 * not reach back so far, everything the peer has.
 *
 * A page is merged and durable before the next is asked for, so an interruption at any point loses nothing and the
 * next attempt goes on where this one stopped.
 *
 * Everything (a snapshot) is more delicate, because in the end this replica takes over the peer's whole clock, and with it
 * the claim that whatever it does not hold was overwritten. So each key that it has and the peer has not is merged with the
 * absence that the peer knows of; and so is each key that changed here in the meantime, until none does.
 */
import { MecError } from '../../base/errors.ts';
import type { SyncLimits } from '../../base/limits.ts';
import type { CausalContext } from '../../core/causal-context.ts';
import type { Replica } from '../../storage/replica.ts';
import type { PageOfAll, Reply, Request, SyncItem } from '../../transport/message.ts';
import type { Peer } from '../peers.ts';

/** What a pull has learnt of the peer. */
export interface Pulled {
  /** Under which actor the peer's replica writes now. */
  readonly actor: string;
  /** What the peer has seen, durably, when it sent the last page. */
  readonly clock: CausalContext;
  /** Whether the peer's replica may hold everything. */
  readonly isComplete: boolean;
  /** Whether this replica now has all of that. */
  readonly isDone: boolean;
}

/** Who catches up with whom, within which bounds. */
export interface Pair {
  readonly replica: Replica;
  readonly peer: Peer;
  readonly limits: SyncLimits;
  /** Where this is no hurry: counts what comes in, and resolves when more may. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
}

/** It is the peer that has failed: its troubles are not to be taken for this node's own. */
class PeerError extends Error {
  override readonly name = 'PeerError';
}

type Expected<Kind> = Extract<Reply, { kind: Kind }>;

/** Catches up with a peer (`self` is this node's member id); rejects where the peer or the own disk fails. */
export async function pull(pair: Pair, self: string): Promise<Pulled> {
  const { replica, limits } = pair;
  const { partition } = replica;
  for (let pages = 1; ; pages++) {
    const clock = replica.durableClock.clone();
    const { actor, isComplete } = replica;
    const page = await ask(pair, { kind: 'pull', from: self, partition, actor, clock, isComplete }, 'page');
    const pulled = { actor: page.actor, clock: page.clock, isComplete: page.isComplete };
    if (page.rest === 'all') {
      const isDone = await pullAll(pair);
      if (!isDone) return { ...pulled, isDone };
      continue;
    }
    await mergeAll(replica, page.items);
    await pair.pace?.(bytesOf(page.items));
    if (page.rest === 'none') return { ...pulled, isDone: true };
    if (pages >= limits.maxPages) return { ...pulled, isDone: false };
  }
}

function bytesOf(items: readonly SyncItem[]): number {
  const ofItem = ({ key, object }: SyncItem): number =>
    object.versions.reduce((sum, { body }) => sum + body.length, key.length);
  return items.reduce((sum, item) => sum + ofItem(item), 0);
}

async function pullAll(pair: Pair): Promise<boolean> {
  const { replica } = pair;
  const { partition } = replica;
  try {
    await replica.expectSnapshot();
    let begin: CausalContext | undefined;
    let after: string | undefined;
    do {
      const page: PageOfAll = await ask(pair, { kind: 'pull-all', partition, after }, 'page-of-all');
      begin ??= page.clock;
      await mergeAll(replica, page.items, true);
      await mergeAbsent(pair, page, { after, clock: begin });
      await pair.pace?.(bytesOf(page.items));
      after = page.next;
    } while (after !== undefined);
    return await adoptWhenAtRest(pair, begin);
  } finally {
    replica.dismissSnapshot();
  }
}

/** What this replica holds between the keys of a page, and the peer does not, was overwritten as far as the peer has seen it. */
async function mergeAbsent(
  { replica, limits }: Pair,
  page: PageOfAll,
  { after, clock }: { after: string | undefined; clock: CausalContext },
): Promise<void> {
  const there = new Set(page.items.map(({ key }) => key));
  const before = page.next === undefined ? undefined : `${page.next}\0`;
  for (let from = after; ;) {
    const keys = await replica.rows.keysBetween(from, before, limits.pageDots);
    await mergeAll(
      replica,
      keys.filter((key) => !there.has(key)).map((key) => absent(key, clock)),
      true,
    );
    if (keys.length === 0) return;
    from = keys[keys.length - 1];
  }
}

const absent = (key: string, clock: CausalContext): SyncItem => ({
  key,
  object: { versions: [], context: clock.bases() },
  dots: [],
});

/** Asks again for the keys that changed meanwhile; when none has, takes over the clock in the same breath. */
async function adoptWhenAtRest(pair: Pair, clock: CausalContext): Promise<boolean> {
  const { replica, limits } = pair;
  for (let round = 0; round < limits.snapshotRounds; round++) {
    const touched = replica.takeTouched();
    if (touched.length === 0) {
      await new Promise<void>((resolve, reject) => {
        replica.adopt(clock, (error) => (error === undefined ? resolve() : reject(error)));
      });
      return true;
    }
    for (const key of touched) {
      const { versions, context } = await ask(pair, { kind: 'read', key, have: [] }, 'object');
      const whole = versions.flatMap(({ body, ...dot }) => (body === undefined ? [] : [{ ...dot, body }]));
      if (whole.length < versions.length) throw new PeerError('versions without bodies');
      await mergeAll(replica, [{ key, object: { versions: whole, context }, dots: [] }], true);
    }
  }
  return false;
}

async function mergeAll(replica: Replica, items: readonly SyncItem[], isSnapshot = false): Promise<void> {
  await Promise.all(
    items.map(
      (item) =>
        new Promise<void>((resolve, reject) => {
          replica.merge({ ...item, isSnapshot }, (error) => (error === undefined ? resolve() : reject(error)));
        }),
    ),
  );
}

/** Asks a peer for a reply of one kind; rejects with what has gone wrong there. */
export function ask<Kind extends Reply['kind']>(
  { peer, limits }: Pick<Pair, 'peer' | 'limits'>,
  request: Request,
  kind: Kind,
): Promise<Expected<Kind>> {
  return new Promise((resolve, reject) => {
    peer.data.request(request, limits.timeoutMs, (reply) => {
      if (reply instanceof MecError) reject(new PeerError(reply.code));
      else if (reply.kind === kind) resolve(reply as Expected<Kind>);
      else reject(new PeerError(reply.kind === 'failed' ? reply.code : 'internal'));
    });
  });
}
