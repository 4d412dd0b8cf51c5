/** The command `mec merge`, which makes one cluster of two. */
import { authorityOf } from '../base/address.ts';
import { sleepMs } from '../base/system.ts';
import type { MemberStatus } from '../cluster/status.ts';
import type { ServerStatus } from '../http/server-status.ts';
import { EXIT } from './exit-codes.ts';
import { MERGE_POLLS, OPERATOR_POLL_MS } from './limits.ts';
import { askNode, ExitError, type RemoteOptions, reported, urlsOf } from './remote.ts';
import { print } from './terminal.ts';

interface MergeOptions extends Omit<RemoteOptions, 'url'> {
  readonly url?: string;
  readonly into?: string;
}

/** Runs `mec merge`. */
export function runMerge(given: unknown): Promise<void> {
  const merge = given as MergeOptions;
  return reported(merge, async () => {
    const [from, into] = [only(merge, 'url'), only(merge, 'into')];
    const [smaller, larger] = [await statusOf(from), await statusOf(into)];
    if (smaller.cluster.id === larger.cluster.id)
      throw new ExitError(EXIT.failed, `${smaller.name} and ${larger.name} are of one cluster`);
    const conflict = conflictOf(smaller, larger);
    if (conflict !== undefined) throw new ExitError(EXIT.failed, conflict);
    const path = `/cluster/merge/${encodeURIComponent(authorityOf(memberOf(larger)))}`;
    await askNode(from, { method: 'POST', path });
    await waitUntilOne(from, into);
    const names = (await statusOf(into)).members.map(({ name }) => name);
    const text =
      merge.json === true
        ? `${JSON.stringify({ members: names })}\n`
        : `one cluster now: ${names.join(', ')}\n`;
    await print(process.stdout, text);
    return EXIT.done;
  });
}

/** The options for the one node that an option names. */
function only(merge: MergeOptions, option: 'url' | 'into'): RemoteOptions {
  const url = merge[option];
  if (url === undefined || urlsOf({ url }).length !== 1)
    throw new ExitError(EXIT.usage, 'name one node of each cluster: --url URL --into URL');
  return { ...merge, url };
}

const statusOf = (options: RemoteOptions): Promise<ServerStatus> =>
  askNode<ServerStatus>(options, { method: 'GET', path: '/status' });

function memberOf({ name, members }: ServerStatus): MemberStatus {
  const member = members.find((other) => other.name === name);
  if (member === undefined) throw new ExitError(EXIT.failed, `${name} is no member`);
  return member;
}

/**
 * The reason why two clusters must not become one; undefined if they may. A name belongs to one
 * member of a cluster: of two, one would be declared gone, or refused.
 */
function conflictOf(one: ServerStatus, other: ServerStatus): string | undefined {
  const shared = one.members.find((member) => {
    const namesake = other.members.find(({ name }) => name === member.name);
    if (namesake === undefined) return false;
    const isSame = namesake.host === member.host && namesake.port === member.port;
    return !isSame || namesake.state === 'gone' || member.state === 'gone';
  });
  if (shared === undefined) return undefined;
  const how = 'let it leave, and start it with another name on an empty root';
  return `both clusters have had a node ${shared.name}; ${how}`;
}

/** Resolves when each node has the other one as a member. Rejects if that takes too long. */
async function waitUntilOne(from: RemoteOptions, into: RemoteOptions): Promise<void> {
  for (let polls = 0; polls < MERGE_POLLS; polls++) {
    const [one, other] = [await statusOf(from), await statusOf(into)];
    const has = ({ members }: ServerStatus, { name }: ServerStatus): boolean =>
      members.some((member) => member.name === name);
    if (has(one, other) && has(other, one)) return;
    await sleepMs(OPERATOR_POLL_MS);
  }
  throw new ExitError(
    EXIT.unavailable,
    'the nodes do not reach each other; run the command again when they do',
  );
}
