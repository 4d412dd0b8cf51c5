/**
 * The command `mec dev`: a whole cluster on this machine, to try things out. Every node is a
 * separate process, started as `mec --config FILE` with a readable file. Nothing is simulated.
 */
import { resolve } from 'node:path';
import { readVersion } from '../embed/version.ts';
import { fetchWith } from './credentials.ts';
import { DevCluster } from './dev-cluster.ts';
import { runConsole, Screen } from './dev-console.ts';
import { DevDoor } from './dev-door.ts';
import { DevLoad } from './dev-load.ts';
import { type DevNode, type DevOptions, DevPlan } from './dev-plan.ts';
import { EXIT } from './exit-codes.ts';
import { CLUSTER_FILES } from '../embed/make-cluster.ts';
import { print, remark } from './terminal.ts';

/** Runs a cluster until SIGINT, SIGTERM, or `quit` in the console. Resolves with the exit code. */
export async function runDev(options: DevOptions): Promise<number> {
  const plan = await DevPlan.open(options);
  const screen = new Screen();
  const cluster = new DevCluster(plan, screen.print);
  const stopped = new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => done());
  });
  const load = new DevLoad(
    () => plan.members.filter(({ name }) => cluster.isRunning(name)).map(({ url }) => url),
    fetchWith(plan.proofs),
  );
  const parts = { plan, cluster, load };
  let isServing = false;
  let door: DevDoor | undefined;
  try {
    await cluster.startAll();
    isServing = await Promise.race([cluster.whenServing(), stopped.then(() => false)]);
    if (isServing) {
      door = await DevDoor.open(parts);
      await print(process.stdout, banner(options, plan, door.url));
      await Promise.race([stopped, cluster.whenFailed(), runConsole({ ...parts, screen })]);
    }
  } finally {
    screen.typing(undefined);
    load.stop();
    door?.close();
    await cluster.stop();
    await plan.close();
  }
  if (isServing) await print(process.stdout, 'all nodes have stopped\n');
  const { exitCode, reason } = cluster.failure ?? { exitCode: EXIT.done, reason: undefined };
  if (reason !== undefined) remark(reason);
  return exitCode;
}

function banner({ data, fresh }: DevOptions, plan: DevPlan, page: string): string {
  const { members, kept, isSecured } = plan;
  const keeping = fresh === true ? 'fresh' : 'kept between runs; --fresh starts empty';
  const isNew = ({ name }: DevNode): boolean =>
    kept.length > 0 && kept.every((node) => node.name !== name);
  const nodes = `${members.length}${isSecured ? ' secured' : ''} node${members.length === 1 ? '' : 's'}`;
  return [
    '',
    `MecDB ${readVersion()} is serving: ${nodes}, data in ${data} (${keeping})`,
    '',
    ...members.map(
      (node) =>
        `  ${node.name.padEnd(4)} ${node.url}    status: ${node.url}/status${isNew(node) ? '    (joins)' : ''}`,
    ),
    '',
    'Try:',
    ...(isSecured ? securedCommands(data, plan) : commands(members)),
    '',
    `To see it, and to break it by buttons: ${page}`,
    '',
    'Commands: status, kill n2, start n2, cut n2, heal, add, leave n2; "help" lists all.',
    'Ctrl-C stops the cluster.',
    '',
  ].join('\n');
}

/** Commands to try. */
const commands = (members: readonly DevNode[]): string[] => [
  `  curl -i -X PUT ${members[0]?.url}/mec/hello -H 'Content-Type: text/plain' -d 'Hello, world'`,
  `  curl -i ${members.at(-1)?.url}/mec/hello`,
];

/** The same for a secured cluster. No line has a secret: a terminal keeps its lines. */
function securedCommands(data: string, { members, clientFile }: DevPlan): string[] {
  const at = (name: string): string => JSON.stringify(resolve(data, name));
  const proof = `--cacert ${at(CLUSTER_FILES.authority)} -H @${at(CLUSTER_FILES.header)}`;
  return [
    `  export MEC_CLIENT=${JSON.stringify(clientFile)}`,
    "  mec put hello 'Hello, world'",
    `  curl -i ${proof} ${members.at(-1)?.url}/mec/hello`,
    '',
    `Programs read that file with clientFile of mec-db/secured. It has the token for MEC_TOKEN, too.`,
  ];
}
