/** Whether the owners of keys have the same data, by their own reports. */
import { send } from '../fixtures/http.ts';
import type { ServingNode } from './node-client.ts';

/** The answer of a node to `/cluster/locate`. */
export interface KeyRing {
  readonly entries: readonly {
    readonly node: string;
    readonly role: string;
    readonly says?: {
      readonly isComplete: boolean;
      readonly clock: string;
      readonly versions: readonly unknown[];
    };
  }[];
}

const NAMED = 60;

/**
 * The differences between the owners of a key: other versions, another clock, or an incomplete
 * replica.
 */
export function differencesOf(key: string, { entries }: KeyRing): string[] {
  const owners = entries.filter(({ role }) => role === 'owner');
  const mute = owners.filter(({ says }) => says?.isComplete !== true).map(({ node }) => node);
  if (mute.length > 0) return [`${key}: ${mute.join(', ')} cannot vouch for what they own`];
  const states = new Map(
    owners.map(({ node, says }) => [
      node,
      JSON.stringify([says?.clock, (says?.versions ?? []).map(textOf).sort()]),
    ]),
  );
  if (new Set(states.values()).size <= 1) return [];
  return [
    `${key}: ${[...states].map(([node, state]) => `${node} has ${state.slice(0, NAMED)}`).join('; ')}`,
  ];
}

const textOf = (version: unknown): string => JSON.stringify(version);

/** Asks a node to locate each key, and returns the differences. */
export async function differences(
  { url }: ServingNode,
  keys: readonly string[],
): Promise<string[]> {
  const wrong: string[] = [];
  for (const key of keys) {
    const { status, text } = await send(`${url}/cluster/locate/${key}`);
    if (status !== 200) wrong.push(`no node names the holders of ${key}: ${status}`);
    else wrong.push(...differencesOf(key, JSON.parse(text) as KeyRing));
  }
  return wrong;
}
