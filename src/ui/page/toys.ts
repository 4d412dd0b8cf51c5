/** The toys of `mec dev`: the state of its nodes, and the actions of its console. */
import { askJson } from './api.ts';

/** The start of the paths of the toys; undefined on a node, which has none. */
export const TOYS: string | undefined = document.documentElement.dataset['toys'];

/** The state of `mec dev`. */
export interface Toys {
  readonly nodes: readonly {
    readonly name: string;
    readonly state: 'running' | 'paused' | 'stopped';
  }[];
  /** The nodes that are cut off from the others. */
  readonly cut: readonly string[];
  /** The nodes whose clocks are an hour ahead. */
  readonly ahead: readonly string[];
  readonly load: { readonly isOn: boolean; readonly perSecond: number };
}

/** The start of the paths of one node. */
export const routesOf = (node: string): string => `${TOYS}/node/${node}`;

/** Asks for the state. Rejects with `Failure`. */
export const askToys = (): Promise<Toys> => askJson<Toys>('/toys', { routes: TOYS });

/** Does what a command of the console does. Resolves with its outcome. Rejects with `Failure`. */
export async function doCommand(word: string, names: readonly string[] = []): Promise<string> {
  const { said } = await askJson<{ readonly said?: string }>('/toys', {
    routes: TOYS,
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ word, names }),
  });
  return said ?? `${[word, ...names].join(' ')}: done`;
}
