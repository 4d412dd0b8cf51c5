/**
 * What is news among the members, and how often it was told: enough times that with near certainty
 * everybody hears of it.
 */
import { GOSSIP_RECORDS, GOSSIP_TELLINGS } from '../limits.ts';
import type { MemberVersion } from '../../core/placement/member-list.ts';
import type { Gossip } from '../../transport/message.ts';
import type { Members } from './members.ts';

interface NewsItem extends MemberVersion {
  told: number;
}

/** Chooses the news that this node tells a peer. */
export class Gossiper {
  readonly #members: Members;
  readonly #records = new Map<string, NewsItem>();
  readonly #suspects = new Map<string, NewsItem>();
  /** The version of each member of which a suspicion was heard last: what has been told enough must not begin again. */
  readonly #suspected = new Map<string, number>();

  constructor(members: Members) {
    this.#members = members;
    members.onChange(({ name, version }) => this.#records.set(name, { name, version, told: 0 }));
  }

  /** Somebody gets no answer from a member; tells whether that is news. */
  suspect({ name, version }: MemberVersion): boolean {
    const isOld = version < (this.#members.get(name)?.version ?? Infinity);
    if (isOld || version <= (this.#suspected.get(name) ?? 0)) return false;
    this.#suspected.set(name, version);
    this.#suspects.set(name, { name, version, told: 0 });
    return true;
  }

  /** A member has answered: the suspicion was wrong, or is over. */
  clear(name: string): void {
    this.#suspects.delete(name);
  }

  /**
   * What to tell `to` on this occasion: what was told least; and to a suspect always that it is
   * one, or it could not object.
   */
  take(to: string): Gossip {
    // Each telling about doubles the number of those who know (Demers et al. 1987).
    const enough = GOSSIP_TELLINGS * Math.ceil(Math.log2(this.#members.all().length + 2));
    const names = takeFrom(this.#records, enough);
    const suspects = takeFrom(this.#suspects, enough);
    const version = this.#suspected.get(to) ?? 0;
    if (version >= (this.#members.get(to)?.version ?? Infinity)) suspects.push({ name: to, version });
    const { hash, isInformed } = this.#members;
    return { hash, isInformed, records: names.flatMap(({ name }) => this.#members.get(name) ?? []), suspects };
  }

  /** All that there is to know. */
  all(): Gossip {
    const { hash, isInformed } = this.#members;
    return { hash, isInformed, records: this.#members.all(), suspects: [] };
  }
}

function takeFrom(news: Map<string, NewsItem>, enough: number): MemberVersion[] {
  if (news.size === 0) return [];
  const chosen = [...news.values()].sort((a, b) => a.told - b.told).slice(0, GOSSIP_RECORDS);
  for (const item of chosen) {
    item.told += 1;
    if (item.told >= enough) news.delete(item.name);
  }
  return chosen.map(({ name, version }) => ({ name, version }));
}
