/**
 * Sends drawn and damaged frames to the nodes of a real cluster, and such replies to what they ask.
 * Judges what they do.
 */
import type { TestContext } from 'node:test';
import { MIB } from '../../src/base/bytes.ts';
import type { MemberRecord } from '../../src/core/placement/member-list.ts';
import { Dice } from '../../src/sim/world.ts';
import { packMessage, unpackMessage } from '../../src/transport/codec.ts';
import { noFloor } from '../../src/transport/field.ts';
import { ANY_VERSION, packFrame, unpackFrame } from '../../src/transport/frame.ts';
import { PROTOCOL } from '../../src/transport/protocol.ts';
import { plantCanaries } from '../fixtures/canaries.ts';
import { eventually, TestCluster } from '../fixtures/cluster.ts';
import { InventedPeer } from '../fixtures/invented-peer.ts';
import { recordOf } from '../fixtures/member-record.ts';
import { mutateBytes, mutateMessage } from './mutations.ts';
import { Pings } from './pings.ts';
import { FieldDraw } from './fields.ts';
import { ReplyDraw } from './replies.ts';
import { RequestDraw } from './requests.ts';

const CANARIES = 300;
const MAX_FRAME_MESSAGES = 5;
/** Frames before the nodes must have handled all earlier ones. */
const ROUND_FRAMES = 3_000;
const MAX_RSS_BYTES = 700 * MIB;
const MAX_LOG_CHARS = 4 * MIB;
/** The longest that the main thread of a node may be busy with what others have sent. */
const HANG_MS = 1_000;
const NAMES = 'n1,n2,n3';

/** How long the fuzzer runs, and what it draws. */
export interface FuzzOptions {
  readonly seed: number;
  /** The frames to send. */
  readonly frames?: number;
  /** The time after which it ends, if that comes first. */
  readonly ms?: number;
  /** Called after each round with the number of frames so far. */
  readonly onRound?: (frames: number) => void;
}

/** The result of a run. */
export interface FuzzReport {
  readonly frames: number;
  readonly messages: number;
  /** The kinds of requests that nodes have sent to the fuzzer, with the number of its replies. */
  readonly replies: ReadonlyMap<string, number>;
  /** Frames and messages that the nodes have dropped. */
  readonly garbage: number;
  /** The longest work that a node has done before it answered a ping, in ms of its processor. */
  readonly longestWorkMs: number;
  /** The pings that were answered. */
  readonly pings: number;
  readonly rssBytes: number;
  readonly logChars: number;
  /** The damage that was found; empty if all is well. */
  readonly faults: readonly string[];
}

/** Frames with drawn requests, whole and damaged. */
class FrameDraw {
  messages = 0;
  readonly #dice: Dice;
  readonly #fields: FieldDraw;
  readonly #requests: RequestDraw;

  constructor(fields: FieldDraw) {
    this.#dice = fields.dice;
    this.#fields = fields;
    this.#requests = new RequestDraw(fields);
  }

  next(): Uint8Array {
    const dice = this.#dice;
    const count = 1 + dice.below(MAX_FRAME_MESSAGES);
    const items = Array.from({ length: count }, (_, id) => ({ id, message: this.#message() }));
    this.messages += count;
    const version = dice.chance(0.02) ? dice.below(256) : PROTOCOL.newest;
    const frame = packFrame(items, { version, tag: dice.chance(0.1) ? dice.uint32() : 0 });
    if (!dice.chance(0.1)) return frame;
    const damaged = mutateBytes(dice, frame);
    return this.#mayBeSent(damaged) ? damaged : frame;
  }

  /** Whether no message in a frame would be believed that only an evil node would send. */
  #mayBeSent(frame: Uint8Array): boolean {
    try {
      const { items } = unpackFrame(frame, { protocol: ANY_VERSION });
      return items.every(({ message }) => this.#fields.mayBeSent(message));
    } catch {
      return true;
    }
  }

  #message(): Uint8Array {
    const packed = packMessage(this.#requests.next());
    if (this.#dice.chance(0.35)) return packed;
    const damaged = mutateMessage(this.#dice, packed);
    const read = unpackMessage(damaged, noFloor);
    const isSent = typeof read !== 'object' || this.#fields.mayBeSent(read);
    return isSent ? damaged : packed;
  }
}

/** The members, as their own nodes tell them. */
async function membersOf({ nodes }: TestCluster): Promise<MemberRecord[]> {
  const statuses = await Promise.all(nodes.map((node) => node.status()));
  return statuses.flatMap(({ name, members }) =>
    members
      .filter((member) => member.name === name)
      .map(({ host, port, httpport, generation, life, version }) =>
        recordOf(name, 'up', { host, port, httpport, generation, life, version }),
      ),
  );
}

/** Why the cluster is not as it was. */
async function faultsOf({ nodes }: TestCluster, readCanaries: () => Promise<void>) {
  const faults: string[] = [];
  for (const { name, ending } of nodes)
    if (ending !== undefined) faults.push(`${name} has ended: ${ending}`);
  if (faults.length > 0) return faults;
  for (const node of nodes) {
    let seen = 'nothing';
    await eventually('it is as it was', async () => {
      const { members, isReady } = await node.status();
      const areUp = members.filter(({ state }) => state === 'up').map(({ name }) => name);
      seen = `${areUp.join()} up, and is ${isReady ? '' : 'not '}ready`;
      return isReady && areUp.join() === NAMES;
    }).catch(() => faults.push(`${node.name} sees ${seen}`));
  }
  await readCanaries().catch((error: unknown) => faults.push(String(error)));
  return faults;
}

/** Starts a cluster of three, and sends frames to it. */
export async function fuzz(
  t: Pick<TestContext, 'after'>,
  { seed, frames: limit = Infinity, ms = Infinity, onRound }: FuzzOptions,
): Promise<FuzzReport> {
  const cluster = await TestCluster.start(t);
  const { nodes } = cluster;
  const readCanaries = await plantCanaries(cluster, CANARIES);
  let replies: ReplyDraw | undefined;
  const peer = await InventedPeer.start(t, { answer: (request) => replies?.to(request) });
  await peer.learnCluster(cluster.node(0));
  const members = await membersOf(cluster);
  const processes = [...members.map(({ life }) => life), 'evil'];
  const dice = new Dice(seed);
  const { identity } = peer;
  const subject = { members, processes, identity };
  const draw = new FrameDraw(new FieldDraw(dice, subject));
  // The order in which nodes ask is not that of the seed, so replies have their own dice.
  replies = new ReplyDraw(new FieldDraw(new Dice(seed + 1), subject), identity.process);
  // From now on it is a member that joins, and answers what members ask it.
  const record = peer.record({ weight: 0.1, life: identity.process });
  for (const node of nodes) await peer.probe(node, { records: [record] });
  const ports = nodes.flatMap(({ port }) => [port, port + 1]);
  const pings = new Pings(nodes);
  const endMs = performance.now() + ms;
  let frames = 0;
  let rssBytes = 0;
  while (frames < limit && performance.now() < endMs) {
    const round = Math.min(ROUND_FRAMES, limit - frames);
    for (let i = 0; i < round; i++)
      await peer.sendFrame(ports[dice.below(ports.length)] as number, draw.next());
    frames += round;
    if (nodes.some(({ ending }) => ending !== undefined)) break;
    await Promise.all(ports.map((port) => peer.settled(port)));
    for (const node of nodes) rssBytes = Math.max(rssBytes, (await node.status()).memory.rssBytes);
    onRound?.(frames);
  }
  const { longestWorkMs, answers } = await pings.stop();
  const faults = await faultsOf(cluster, readCanaries);
  const logChars = Math.max(...nodes.map(({ log }) => log.length));
  if (longestWorkMs > HANG_MS) faults.push(`a ping waited for ${longestWorkMs} ms of work`);
  if (rssBytes > MAX_RSS_BYTES) faults.push(`a node has ${Math.round(rssBytes / MIB)} MiB`);
  if (logChars > MAX_LOG_CHARS) faults.push(`a log has ${logChars} characters`);
  let garbage = 0;
  for (const node of nodes.filter(({ ending }) => ending === undefined)) {
    const { incoming } = await node.status();
    garbage += incoming.data.garbage + incoming.membership.garbage;
  }
  const { messages } = draw;
  const figures = {
    frames,
    messages,
    replies: replies.counts,
    garbage,
    longestWorkMs,
    pings: answers,
  };
  return { ...figures, rssBytes, logChars, faults };
}
