/**
 * The actions on a development cluster: nodes stop and start, links are cut, a load runs. The
 * console and the page of `mec dev` take them from here, with the same checks.
 */
import type { DevCluster } from './dev-cluster.ts';
import type { DevLoad } from './dev-load.ts';
import type { DevNode, DevPlan } from './dev-plan.ts';
import { DEV_ASK_TIMEOUT_MS } from './limits.ts';
import { askNode } from './remote.ts';

/** The parts that actions use. */
export interface DevParts {
  readonly plan: DevPlan;
  readonly cluster: DevCluster;
  readonly load: DevLoad;
}

/** An action that cannot be done now. Its message says why, and what can be done. */
export class ActionRefused extends Error {}

interface DevAction {
  readonly about: string;
  /** The state that the named nodes must be in. If absent, the action names no node. */
  readonly of?: 'running' | 'stopped' | 'paused' | 'started' | 'member';
  /** Whether it may name several nodes. */
  readonly isOfMany?: boolean;
  /** Resolves with the sentence that tells the outcome; undefined if the nodes tell it. */
  readonly run: (parts: DevParts, nodes: readonly DevNode[]) => Promise<string | undefined>;
}

/** An action on one node. */
const ofOne = (
  of: NonNullable<DevAction['of']>,
  about: string,
  run: (parts: DevParts, node: DevNode) => Promise<string | undefined>,
): DevAction => ({ about, of, run: (parts, [node]) => run(parts, node as DevNode) });

/** All actions, by the word for each. */
export const DEV_ACTIONS: Readonly<Record<string, DevAction>> = {
  stop: ofOne('started', 'stop a node with SIGTERM', async ({ cluster }, { name }) => {
    await cluster.end(name, 'SIGTERM');
    return `${name} has stopped`;
  }),
  start: ofOne('stopped', 'start a node that was stopped or killed', async ({ cluster }, node) => {
    await cluster.start(node);
    return undefined;
  }),
  kill: ofOne('started', 'kill -9 a node', async ({ cluster }, { name }) => {
    await cluster.end(name, 'SIGKILL');
    return `${name} was killed`;
  }),
  pause: ofOne('running', 'suspend a node, as if it hung', async ({ cluster }, { name }) => {
    cluster.pause(name);
    return `${name} is paused`;
  }),
  resume: ofOne('paused', 'resume a paused node', async ({ cluster }, { name }) => {
    cluster.resume(name);
    return `${name} has resumed`;
  }),
  cut: {
    about: 'cut nodes off from all others, until "heal"',
    of: 'member',
    isOfMany: true,
    run: async ({ cluster }, nodes) => {
      cluster.cut(nodes.map(({ name }) => name));
      const names = nodes.map(({ name }) => name).join(', ');
      return `${names} ${nodes.length === 1 ? 'is' : 'are'} cut off from the others`;
    },
  },
  heal: {
    about: 'mend all cuts',
    run: async ({ cluster }) => {
      cluster.cut([]);
      return 'all nodes reach each other again';
    },
  },
  skew: ofOne(
    'member',
    'put the clock of a node an hour ahead, or right again',
    async (parts, node) =>
      parts.cluster.skew(node.name)
        ? `the clock of ${node.name} is an hour ahead`
        : `the clock of ${node.name} is right`,
  ),
  load: {
    about: 'start a load of reads and writes, or end it',
    run: async ({ load }) => {
      if (load.isOn) load.stop();
      else load.start();
      return load.isOn
        ? `the load runs, ${load.perSecond} requests a second`
        : 'the load has ended';
    },
  },
  add: {
    about: 'add a new node to the cluster',
    run: async ({ plan, cluster }) => {
      await cluster.start(await plan.add());
      return undefined;
    },
  },
  leave: ofOne('running', 'remove a node; it first hands its data over', async ({ plan }, node) => {
    const options = { url: node.url, proofs: plan.proofs, timeout: DEV_ASK_TIMEOUT_MS };
    await askNode(options, { method: 'POST', path: '/cluster/leave' });
    return `${node.name} is leaving`;
  }),
};

/** An action as one types it. */
export const usageOf = (word: string): string => {
  const { of, isOfMany } = DEV_ACTIONS[word] ?? {};
  if (of === undefined) return word;
  return isOfMany === true ? `${word} n2 …` : `${word} n2`;
};

/**
 * Does an action. Rejects with `ActionRefused` if there is no such action, or if it cannot be done
 * to these nodes.
 */
export async function act(
  parts: DevParts,
  word: string,
  names: readonly string[],
): Promise<string | undefined> {
  const action = Object.hasOwn(DEV_ACTIONS, word) ? DEV_ACTIONS[word] : undefined;
  if (action === undefined) throw new ActionRefused(`unknown command "${word}"; see help`);
  const { of, isOfMany, run } = action;
  const isRight =
    of === undefined
      ? names.length === 0
      : names.length === 1 || (isOfMany === true && names.length > 1);
  if (!isRight) throw new ActionRefused(`expected "${usageOf(word)}"`);
  for (const name of names) {
    const reason = whyNot(parts, name, of);
    if (reason !== undefined) throw new ActionRefused(reason);
  }
  return run(
    parts,
    names.map((name) => parts.plan.find(name) as DevNode),
  );
}

/** The reason why an action cannot apply to a node; undefined if it can. */
function whyNot(
  { plan, cluster }: DevParts,
  name: string,
  of: DevAction['of'],
): string | undefined {
  if (plan.hasLeft(name))
    return `${name} has left the cluster permanently; "add" starts a new node`;
  if (plan.find(name) === undefined) {
    return `unknown node "${name}"; the nodes are ${plan.members.map((node) => node.name).join(', ')}`;
  }
  if (of === 'member') return undefined;
  const isPaused = cluster.isPaused(name);
  const isStarted = isPaused || cluster.isRunning(name);
  if (of === 'stopped') return isStarted ? `${name} is already running` : undefined;
  if (!isStarted) return `${name} is not running; start it with "start ${name}"`;
  if (of === 'running' && isPaused) return `${name} is paused; resume it with "resume ${name}"`;
  return of === 'paused' && !isPaused ? `${name} is not paused` : undefined;
}
