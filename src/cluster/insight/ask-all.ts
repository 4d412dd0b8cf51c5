/** Asks members what they know about themselves. Each is asked once, for a second. */
import { MecError } from '../../base/errors.ts';
import type { Peer } from '../membership/peers.ts';
import { jsonOf } from './json.ts';
import { ASK_TIMEOUT_MS } from './limits.ts';

/** The answers of members: those that answered, and the names of those that did not. */
export interface MemberAnswers<Answer> {
  readonly answers: ReadonlyMap<string, Answer>;
  readonly silent: readonly string[];
}

/** A question to several peers. */
export interface Inspection<Answer> {
  readonly topic: string;
  readonly key?: string | undefined;
  /** Reads an answer; undefined if it is malformed. */
  readonly read: (json: unknown) => Answer | undefined;
}

/** Asks peers at once. A peer that is undefined cannot be reached. */
export async function askAll<Answer>(
  peers: ReadonlyMap<string, Peer | undefined>,
  inspection: Inspection<Answer>,
): Promise<MemberAnswers<Answer>> {
  const asked = [...peers].map(
    async ([name, peer]) => [name, await ask(peer, inspection)] as const,
  );
  const answers = new Map<string, Answer>();
  const silent: string[] = [];
  for (const [name, answer] of await Promise.all(asked)) {
    if (answer === undefined) silent.push(name);
    else answers.set(name, answer);
  }
  return { answers, silent };
}

function ask<Answer>(
  peer: Peer | undefined,
  { topic, key, read }: Inspection<Answer>,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    if (peer === undefined) return resolve(undefined);
    peer.data.request({ kind: 'inspect', topic, key }, ASK_TIMEOUT_MS, (reply) => {
      const isAnswer = !(reply instanceof MecError) && reply.kind === 'insight';
      resolve(isAnswer ? read(jsonOf(reply.json)) : undefined);
    });
  });
}
