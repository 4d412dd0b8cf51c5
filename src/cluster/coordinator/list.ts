/**
 * A listing: the keys of all partitions, in order, in pages. R complete owners of each partition
 * are asked. Each answers with the next keys of all the partitions that it is asked for, and with
 * the key up to which its answer reaches. If the owners of a key agree on its versions, a read
 * would find the same versions, so the key is listed. If they do not agree, the key is read.
 *
 * All keys of a prefix with a hash tag lie in one partition, so only its owners are asked.
 *
 * While owners change, members hear of it one after another. If other nodes know that the change is
 * over, a listing of the present owners alone would miss their writes. So R of the next owners must
 * answer too, as for a read. An answer counts only if its member knows the same owners and next
 * owners. Members that know others are asked again.
 *
 * A pending owner counts only for the next owners, even without its data. It has not heard that the
 * change is over, so a write that it has stored has a quorum of the present owners as well.
 *
 * A listing is complete, or it fails. The keys of a partition are never left out because too few of
 * its owners can be reached.
 */
import { compareUtf8 } from '../../base/bytes.ts';
import { pause } from '../../base/delays.ts';
import type { Clock } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import {
  LIST_CONCURRENT_READS,
  LIST_PEER_SHARE,
  MAX_LISTINGS,
  OWNER_CHANGE_RETRY_MS,
} from '../limits.ts';
import { partitionOf, partitionsWith } from '../../core/placement/partition.ts';
import { areChanging, type OwnerSets } from '../../core/quorum/joint-tally.ts';
import { roleIn } from '../../core/quorum/owner-quorum.ts';
import { type Quorum, quorumSize } from '../../core/quorum/quorum.ts';
import { type KeySize, sizeOf } from '../../core/value/key-size.ts';
import type { KeyListRequest, KeysFound, KnownPartition, OnBehalf } from '../holders/holder.ts';
import type { Holders } from '../holders/select.ts';
import type { GetRequest, GetResult } from './get.ts';

/** The parts of a node that a listing needs. */
export interface ListParts {
  readonly env: { readonly clock: Pick<Clock, 'after' | 'monotonicMs'> };
  readonly holders: Pick<Holders, 'assertReady' | 'of' | 'viewOf' | 'reachableNames' | 'isAway'>;
  /** Reads a key on whose versions its owners do not agree. */
  readonly get: (request: GetRequest) => Promise<Pick<GetResult, 'versions'>>;
}

/** A page of a listing as a client asks for it. */
export interface ListRequest extends OnBehalf {
  readonly prefix: string;
  /** Only keys after this one. */
  readonly after: string | undefined;
  readonly limit: number;
  /** Whether the page must have the sizes of the keys. */
  readonly sizes?: boolean | undefined;
  readonly r: Quorum;
  readonly timeoutMs: number;
}

/** One page of a listing. */
export interface ListPage {
  readonly keys: readonly string[];
  /** The size of each key, in the same order; undefined if they were not requested. */
  readonly sizes?: readonly KeySize[] | undefined;
  /** The next page begins after this key; undefined if this was the last page. */
  readonly next: string | undefined;
}

/** A key as one member knows it. */
interface ListedKey {
  readonly tag: number;
  /** Undefined if it was not requested, or if the member has an older release. */
  readonly size: KeySize | undefined;
}

/** The answer of one member for some partitions. */
interface ListAnswer {
  readonly member: string;
  /** Its partitions, each with the hash of the owners that both members know. */
  readonly hashes: ReadonlyMap<number, number>;
  /** The partitions among them of which it lacks data. */
  readonly incomplete: ReadonlySet<number>;
  readonly keys: ReadonlyMap<string, ListedKey>;
  readonly until: string | undefined;
}

/** The listings of one node. Their number is limited: each may hold a page of every partition. */
export class Listings {
  readonly #parts: ListParts;
  #running = 0;

  constructor(parts: ListParts) {
    this.#parts = parts;
  }

  /**
   * Returns the next page of keys that have a value. Rejects with `quorum-not-met` if a partition
   * cannot be read, with `not-ready` if this node does not know the owners yet, and with
   * `overloaded` or `timeout`.
   */
  async list(request: ListRequest): Promise<ListPage> {
    this.#parts.holders.assertReady();
    if (this.#running >= MAX_LISTINGS) {
      throw new MecError('overloaded', {
        detail: `This node has reached its limit of ${MAX_LISTINGS} listings at a time.`,
        retryAfter: 1,
      });
    }
    this.#running += 1;
    try {
      return await listPage(this.#parts, request);
    } finally {
      this.#running -= 1;
    }
  }
}

/** A part of a page, with the time at which the whole page must be there. */
type ListStep = Omit<ListRequest, 'timeoutMs'> & { readonly endMs: number };

/** The time that a listing has left, in ms. Throws `timeout` if there is none. */
function leftMs({ env }: ListParts, { endMs }: ListStep): number {
  const left = endMs - env.clock.monotonicMs();
  if (left > 0) return left;
  throw new MecError('timeout', { detail: 'The keys could not be listed in time.' });
}

async function listPage(parts: ListParts, request: ListRequest): Promise<ListPage> {
  const endMs = parts.env.clock.monotonicMs() + request.timeoutMs;
  const keys: string[] = [];
  const sizes: KeySize[] = [];
  const page = (count: number): Pick<ListPage, 'keys' | 'sizes'> => ({
    keys: keys.slice(0, count),
    sizes: request.sizes === true ? sizes.slice(0, count) : undefined,
  });
  let { after } = request;
  for (;;) {
    // Asks for one key more than the page holds, so that the last page is known to be the last.
    const step = await listStep(parts, {
      ...request,
      after,
      limit: request.limit - keys.length + 1,
      endMs,
    });
    keys.push(...step.keys);
    sizes.push(...(step.sizes ?? []));
    if (keys.length > request.limit)
      return { ...page(request.limit), next: keys[request.limit - 1] };
    if (step.next === undefined) return { ...page(keys.length), next: undefined };
    after = step.next;
  }
}

/** The next keys, as far as one question to each member shows them. */
async function listStep(parts: ListParts, request: ListStep): Promise<ListPage> {
  const answers = await askAll(parts, request);
  let until: string | undefined;
  const candidates = new Set<string>();
  for (const answer of answers) {
    if (
      answer.until !== undefined &&
      (until === undefined || compareUtf8(answer.until, until) < 0)
    ) {
      ({ until } = answer);
    }
    for (const key of answer.keys.keys()) candidates.add(key);
  }
  const end = until;
  const inReach = [...candidates]
    .filter((key) => end === undefined || compareUtf8(key, end) <= 0)
    .sort(compareUtf8);
  const keys = inReach.slice(0, request.limit);
  const next = keys.length < inReach.length ? keys[keys.length - 1] : until;
  return { ...(await onlyLiving(parts, request, { keys, answers })), next };
}

/** Keeps the keys that a read would find, and reads those on which the owners do not agree. */
async function onlyLiving(
  parts: ListParts,
  request: ListStep,
  { keys, answers }: { keys: readonly string[]; answers: readonly ListAnswer[] },
): Promise<Pick<ListPage, 'keys' | 'sizes'>> {
  const sizes = new Map<string, KeySize | undefined>();
  const doubtful: string[] = [];
  for (const key of keys) {
    const agreed = agreedKey(key, answers);
    const isKnown = agreed !== undefined && (request.sizes !== true || agreed.size !== undefined);
    if (isKnown) sizes.set(key, agreed.size);
    else doubtful.push(key);
  }
  const lane = async (): Promise<void> => {
    for (let key = doubtful.pop(); key !== undefined; key = doubtful.pop()) {
      // Only owners count here, since a fallback may not know the key.
      const { r, caller } = request;
      const timeoutMs = leftMs(parts, request);
      const { versions } = await parts.get({ key, r, pr: r, timeoutMs, caller });
      if (versions.length > 0) sizes.set(key, sizeOf(versions));
    }
  };
  await Promise.all(Array.from({ length: LIST_CONCURRENT_READS }, lane));
  const living = keys.filter((key) => sizes.has(key));
  return { keys: living, sizes: living.flatMap((key) => sizes.get(key) ?? []) };
}

/** The key as all answers that count have it; undefined if they differ. */
function agreedKey(key: string, answers: readonly ListAnswer[]): ListedKey | undefined {
  const partition = partitionOf(key);
  const [first, ...others] = answers
    .filter(({ hashes, incomplete }) => hashes.has(partition) && !incomplete.has(partition))
    .map((answer) => answer.keys.get(key));
  return first !== undefined && others.every((other) => other?.tag === first.tag)
    ? first
    : undefined;
}

/**
 * Asks until R complete owners of every partition have answered, and R next owners if they change.
 * If one fails, another one is asked.
 */
async function askAll(parts: ListParts, request: ListStep): Promise<ListAnswer[]> {
  const answers: ListAnswer[] = [];
  const asked = new Map<string, Map<number, number>>();
  for (;;) {
    const plan = planOf(parts, request, { answers, asked });
    if (plan.size === 0) return answers;
    const timeoutMs = leftMs(parts, request) * LIST_PEER_SHARE;
    let areOwnersChanging = false;
    const ask = async ([member, partitions]: [string, KnownPartition[]]): Promise<void> => {
      const hashes = asked.get(member) ?? new Map<number, number>();
      asked.set(member, hashes);
      for (const { partition, ownersHash } of partitions) hashes.set(partition, ownersHash);
      const { prefix, after, limit, caller, sizes } = request;
      const question = { partitions, prefix, after, limit, timeoutMs, caller, sizes };
      // The next round asks other members for partitions without an answer.
      const found = await listAt(parts, member, question);
      if (found === undefined) return;
      answers.push(toAnswer(member, partitions, found));
      for (const partition of found.otherOwners) hashes.delete(partition);
      areOwnersChanging ||= found.otherOwners.length > 0;
    };
    await Promise.all([...plan].map(ask));
    if (areOwnersChanging) await pause(parts.env.clock, OWNER_CHANGE_RETRY_MS);
  }
}

/** The keys of one member; undefined if it fails, or if the peer or this node's disk is late. */
function listAt(
  { env, holders }: ListParts,
  member: string,
  request: KeyListRequest,
): Promise<KeysFound | undefined> {
  return new Promise((resolve) => {
    const deadline = env.clock.after(request.timeoutMs, () => resolve(undefined));
    const end = (found?: KeysFound): void => {
      deadline.cancel();
      resolve(found);
    };
    const listing = holders.of(member)?.list(request);
    if (listing === undefined) end();
    else listing.then(end, () => end());
  });
}

function toAnswer(
  member: string,
  asked: readonly KnownPartition[],
  { keys, tags, values, bytes, until, incomplete, otherOwners }: KeysFound,
): ListAnswer {
  const hashes = new Map<number, number>();
  for (const { partition, ownersHash } of asked) hashes.set(partition, ownersHash);
  for (const partition of otherOwners) hashes.delete(partition);
  return {
    member,
    hashes,
    incomplete: new Set(incomplete),
    keys: new Map(
      keys.map((key, i) => [key, { tag: tags[i] as number, size: sizeAt(i, values, bytes) }]),
    ),
    until,
  };
}

const sizeAt = (
  i: number,
  values: KeysFound['values'],
  bytes: KeysFound['bytes'],
): KeySize | undefined =>
  values === undefined || bytes === undefined
    ? undefined
    : { values: values[i] as number, bytes: bytes[i] as number };

interface ListProgress {
  readonly answers: readonly ListAnswer[];
  /**
   * The partitions for which each member was asked, with the hash of the owners. It is asked once
   * for each set of owners.
   */
  readonly asked: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

/**
 * The members to ask, each with its partitions, so that every partition gets enough answers. Throws
 * `quorum-not-met` if too few owners are left to ask.
 */
function planOf(
  parts: ListParts,
  { r, prefix }: ListStep,
  progress: ListProgress,
): Map<string, KnownPartition[]> {
  const plan = new Map<string, KnownPartition[]>();
  for (const partition of partitionsWith(prefix)) {
    const view = parts.holders.viewOf(partition);
    const known = { partition, ownersHash: view.hash };
    const members = membersThatCount(progress.answers, known, view);
    const planned: string[] = [];
    for (const set of setsOf(view, r, parts.holders.isAway)) {
      const have = [...members, ...planned].filter((id) => set.members.includes(id)).length;
      const left = parts.holders
        .reachableNames(set.members, set.need)
        .filter((id) => progress.asked.get(id)?.get(partition) !== view.hash)
        .filter((id) => !planned.includes(id));
      if (have + left.length < set.need) throw lackError(set, have + left.length);
      planned.push(...left.slice(0, Math.max(0, set.need - have)));
    }
    for (const id of planned) {
      const partitions = plan.get(id);
      if (partitions === undefined) plan.set(id, [known]);
      else partitions.push(known);
    }
  }
  return plan;
}

/** The members whose answer counts for a partition, in each set of owners that has them. */
function membersThatCount(
  answers: readonly ListAnswer[],
  { partition, ownersHash }: KnownPartition,
  view: OwnerSets,
): ReadonlySet<string> {
  const counts = ({ member, hashes, incomplete }: ListAnswer): boolean =>
    hashes.get(partition) === ownersHash &&
    (!incomplete.has(partition) || roleIn(view, member) === 'pending owner');
  return new Set(answers.filter(counts).map(({ member }) => member));
}

/** Owners of a partition, and the number of them that must answer. */
interface NeededSet {
  readonly name: 'owners' | 'next owners';
  readonly members: readonly string[];
  readonly need: number;
}

/** The present owners, and the next owners if they change. */
function setsOf(view: OwnerSets, r: Quorum, isAway: (member: string) => boolean): NeededSet[] {
  const { owners, nextOwners } = view;
  const now: NeededSet = { name: 'owners', members: owners, need: quorumSize(r, owners.length) };
  if (!areChanging(view)) return [now];
  const pending = nextOwners.filter((id) => !owners.includes(id));
  const staying = nextOwners.filter((id) => owners.includes(id));
  const full = quorumSize(r, nextOwners.length);
  // A cluster must not stop because a new node fails as it joins, so a pending owner that cannot
  // answer is excused. But the answers must meet every majority, and that takes half of the set.
  const half = Math.ceil(nextOwners.length / 2);
  const need = Math.min(full, Math.max(half, full - pending.filter(isAway).length));
  // Pending owners come last, since they are busy.
  return [now, { name: 'next owners', members: [...staying, ...pending], need }];
}

function lackError({ name, need }: NeededSet, have: number): MecError {
  const count = `Only ${have} of ${need} ${name} of a partition can answer`;
  const detail = `${count}, so the listing would be incomplete.`;
  return new MecError('quorum-not-met', { have, need, retryAfter: 1, detail });
}
