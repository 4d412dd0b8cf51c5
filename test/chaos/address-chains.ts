/**
 * Changed addresses and forced departures under load. They once stopped catching up for good, and
 * then lost data with the next disk.
 */
import { rm } from 'node:fs/promises';
import { eventually, freePorts, pause, type TestNode } from '../fixtures/cluster.ts';
import { send } from '../fixtures/http.ts';
import type { Chain, ChainContext, ChainResult } from './chain.ts';
import { Sets, Uniques } from './plain-workloads.ts';
import { declareGone, isReady, openScene, REST_MS, type Scene, verdict } from './scene.ts';

const CLIENTS = 12;

const open = (context: ChainContext, nodes: number): Promise<Scene> =>
  openScene(context, {
    nodes,
    clients: CLIENTS,
    workloads: [new Uniques(), new Uniques('v'), new Sets()],
  });

/** Ends a node's process, and lets no client ask it. */
async function kill({ serving }: Scene, node: TestNode): Promise<void> {
  serving.delete(node);
  await node.end('SIGKILL');
}

/** Starts a node at new ports. */
async function startElsewhere({ cluster, serving }: Scene, node: TestNode): Promise<void> {
  node.port = await freePorts(2);
  await node.configure(cluster.nodes.filter((other) => other !== node));
  node.start();
  await eventually(
    `${node.name} serves`,
    async () => (await send(`${node.url}/ping`)).status === 200,
  );
  serving.add(node);
}

/** The state of catching up at a node. */
async function syncOf(node: TestNode): Promise<string> {
  const { sync } = await node.status();
  return JSON.stringify(sync);
}

/**
 * The loss: an address changes under load, a node hangs, a machine burns and is declared gone, and
 * then another disk burns.
 */
async function loseAfterAddressChange(context: ChainContext): Promise<ChainResult> {
  const scene = await open(context, 3);
  const { cluster, clients, serving } = scene;
  const [n1, n2, n3] = cluster.nodes as [TestNode, TestNode, TestNode];
  await pause(3_000);
  context.say('n3 is killed, and comes back at another address');
  await kill(scene, n3);
  await pause(5_000);
  await startElsewhere(scene, n3);
  await pause(3_000);
  context.say('n1 hangs for 12 s');
  n1.signal('SIGSTOP');
  serving.delete(n1);
  await pause(12_000);
  n1.signal('SIGCONT');
  serving.add(n1);
  await pause(2_000);
  await clients.pause();
  await pause(20_000);
  context.say(`n1 after 20 s of rest: ${await syncOf(n1)}`);
  context.say('the machine of n2 burns');
  await kill(scene, n2);
  await rm(n2.root, { recursive: true });
  await pause(6_000);
  await declareGone(scene, n2, n1);
  await pause(20_000);
  context.say('the disk of n3 burns');
  await kill(scene, n3);
  await rm(n3.root, { recursive: true });
  n3.start();
  await eventually('n3 is ready', () => isReady(n3), REST_MS).catch(() =>
    context.say('n3 is not ready'),
  );
  return verdict(scene);
}

/** A node that died under load is declared gone. The others must continue to catch up. */
async function declareGoneUnderLoad(context: ChainContext): Promise<ChainResult> {
  const scene = await open(context, 4);
  const { cluster } = scene;
  const [n1, , , n4] = cluster.nodes as [TestNode, TestNode, TestNode, TestNode];
  await pause(3_000);
  await kill(scene, n4);
  await pause(6_000);
  await declareGone(scene, n4, n1);
  context.say('n4 is declared gone');
  await pause(15_000);
  for (const node of cluster.nodes) context.say(`${node.name}: ${await syncOf(node)}`);
  return verdict(scene);
}

/**
 * A node returns at another address under load. The others must continue to catch up, and a node
 * that hung must become whole again.
 */
async function changeAddressUnderLoad(context: ChainContext): Promise<ChainResult> {
  const scene = await open(context, 3);
  const { cluster, serving } = scene;
  const [n1, , n3] = cluster.nodes as [TestNode, TestNode, TestNode];
  await pause(3_000);
  await kill(scene, n3);
  await pause(5_000);
  await startElsewhere(scene, n3);
  await pause(3_000);
  n1.signal('SIGSTOP');
  serving.delete(n1);
  await pause(12_000);
  n1.signal('SIGCONT');
  serving.add(n1);
  await pause(10_000);
  for (const node of cluster.nodes) context.say(`${node.name}: ${await syncOf(node)}`);
  return verdict(scene);
}

/** These chains by name. */
export const ADDRESS_CHAINS: Readonly<Record<string, Chain>> = {
  a1: {
    about: 'address change under load, hang, forced leave, burnt disk',
    needs: [],
    run: loseAfterAddressChange,
  },
  a1a: {
    about: 'a node that died under load is declared gone',
    needs: [],
    run: declareGoneUnderLoad,
  },
  a1b: {
    about: 'a node comes back at another address under load, another one hangs',
    needs: [],
    run: changeAddressUnderLoad,
  },
};
