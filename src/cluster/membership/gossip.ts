/**
 * Gossip: the news about members, and how often this node has told each item. It tells an item so
 * often that, almost surely, every member hears it.
 */
import { GOSSIP_RECORDS, GOSSIP_REPEATS } from '../limits.ts';
import type { MemberVersion } from '../../core/placement/member-list.ts';
import { mayFollow } from '../../core/placement/record-flaw.ts';
import type { Gossip } from '../../transport/message.ts';
import type { Members } from './members.ts';

interface NewsItem extends MemberVersion {
  timesTold: number;
}

/** Chooses the news that this node tells a peer. */
export class Gossiper {
  readonly #members: Members;
  readonly #records = new Map<string, NewsItem>();
  readonly #suspects = new Map<string, NewsItem>();
  /**
   * The version of each member in the last suspicion of it. A suspicion that was told often enough
   * must not begin again.
   */
  readonly #suspected = new Map<string, number>();

  constructor(members: Members) {
    this.#members = members;
    members.onChange(({ name, version }) =>
      this.#records.set(name, { name, version, timesTold: 0 }),
    );
  }

  /** Notes that some node gets no answer from a member. Returns whether that is news. */
  suspect({ name, version }: MemberVersion): boolean {
    const known = this.#members.get(name)?.version ?? Infinity;
    // A version that the member will never have would hide all later suspicions.
    const isWrong = version < known || !mayFollow(version, known);
    if (isWrong || version <= (this.#suspected.get(name) ?? 0)) return false;
    this.#suspected.set(name, version);
    this.#suspects.set(name, { name, version, timesTold: 0 });
    return true;
  }

  /** Ends a suspicion, because the member has answered. */
  endSuspicion(name: string): void {
    this.#suspects.delete(name);
  }

  /**
   * Chooses the news for a probe of the node `to`: the items told least so far. A suspect always
   * hears that it is one, or it could not object.
   */
  newsFor(to: string): Gossip {
    // Each telling about doubles the number of nodes that know (Demers et al. 1987).
    const enough = GOSSIP_REPEATS * Math.ceil(Math.log2(this.#members.all().length + 2));
    const names = takeFrom(this.#records, enough);
    const suspects = takeFrom(this.#suspects, enough);
    const version = this.#suspected.get(to) ?? 0;
    if (version >= (this.#members.get(to)?.version ?? Infinity))
      suspects.push({ name: to, version });
    const { hash, isInformed } = this.#members;
    return {
      hash,
      isInformed,
      records: names.flatMap(({ name }) => this.#members.get(name) ?? []),
      suspects,
    };
  }

  /** The whole member list. */
  wholeList(): Gossip {
    const { hash, isInformed } = this.#members;
    return { hash, isInformed, records: this.#members.all(), suspects: [] };
  }
}

function takeFrom(news: Map<string, NewsItem>, enough: number): MemberVersion[] {
  if (news.size === 0) return [];
  const chosen = [...news.values()]
    .sort((a, b) => a.timesTold - b.timesTold)
    .slice(0, GOSSIP_RECORDS);
  for (const item of chosen) {
    item.timesTold += 1;
    if (item.timesTold >= enough) news.delete(item.name);
  }
  return chosen.map(({ name, version }) => ({ name, version }));
}
