/** The command `mec leave`, which removes a node from its cluster. */
import { createInterface } from 'node:readline/promises';
import type { ServerStatus } from '../http/server-status.ts';
import type { CommandArguments } from './command.ts';
import { waitText } from './cluster.ts';
import { DEFAULT_URL } from './default-url.ts';
import { LEAVE_SILENT_POLLS, OPERATOR_POLL_MS } from './limits.ts';
import { sleepMs } from '../base/system.ts';
import { EXIT } from './exit-codes.ts';
import {
  askNode,
  ExitError,
  type RemoteOptions,
  reported,
  statusOf,
  urlsOf,
  urlOfMember,
} from './remote.ts';
import { oneLine, print, remark } from './terminal.ts';

interface LeaveOptions extends Omit<RemoteOptions, 'url'> {
  /** The node that leaves, or, with its name, any node of the cluster. */
  readonly url?: string;
  readonly force?: string;
  readonly yes?: boolean;
  readonly wait: boolean;
}

/** The answer of a node to a request to leave or remove. */
interface Leaving {
  readonly name: string;
  readonly state: string;
}

/** A node that will leave. */
interface Leaver {
  readonly name: string;
  readonly url: string;
}

/** Runs `mec leave`. */
export function runLeave([name]: CommandArguments, given: unknown): Promise<void> {
  const leave = given as LeaveOptions;
  return reported(leave, async () => {
    const { force, wait } = leave;
    if (force !== undefined) {
      if (name !== undefined)
        throw new ExitError(EXIT.usage, 'name one node: NAME or --force NAME');
      const options = { ...leave, url: urlOf(leave) };
      const path = `/cluster/remove/${encodeURIComponent(force)}`;
      await printResult(
        options,
        await askNode<Leaving>(options, { method: 'POST', path }),
        'is gone',
      );
      return EXIT.done;
    }
    const leaver = await (name === undefined ? confirmed(leave) : memberOf(leave, name));
    const options = { ...leave, url: leaver.url };
    const leaving = await askNode<Leaving>(options, { method: 'POST', path: '/cluster/leave' });
    await printResult(options, leaving, 'is leaving');
    if (wait) await waitUntilGone(options, leaving.name);
    return EXIT.done;
  });
}

const urlOf = ({ url }: LeaveOptions): string => url ?? process.env['MEC_URL'] ?? DEFAULT_URL;

const askStatus = (options: RemoteOptions): Promise<ServerStatus> =>
  askNode<ServerStatus>(options, { method: 'GET', path: '/status' });

/** The node of this name. Rejects if the cluster has no such member. */
async function memberOf(leave: LeaveOptions, name: string): Promise<Leaver> {
  const options = { ...leave, url: urlOf(leave) };
  const urls = urlsOf(options);
  const asked = await askStatus(options);
  const [only] = urls;
  if (asked.name === name && only !== undefined && urls.length === 1) return { name, url: only };
  const members = asked.members.filter(({ state }) => state !== 'gone');
  const member = members.find((other) => other.name === name);
  if (member === undefined) {
    const names = members.map((other) => other.name).join(', ');
    throw new ExitError(
      EXIT.failed,
      `there is no member ${oneLine(name)}; the members are ${names}`,
    );
  }
  const url = urlOfMember(member, { ...leave, url: urls.join() });
  const found = await askStatus({ ...leave, url });
  if (found.name !== name)
    throw new ExitError(EXIT.failed, `the node at ${url} is ${found.name}, and not ${name}`);
  return { name, url };
}

/** The node at `--url`, after a question. Rejects if the user does not want it to leave. */
async function confirmed(leave: LeaveOptions): Promise<Leaver> {
  const { url, yes, json } = leave;
  if (url === undefined)
    throw new ExitError(EXIT.usage, 'name the node that should leave: mec leave NAME');
  const options = { ...leave, url };
  if (urlsOf(options).length > 1)
    throw new ExitError(EXIT.usage, '--url has several nodes; name only the one that should leave');
  const { name } = await askStatus(options);
  if (yes === true) return { name, url };
  if (!process.stdin.isTTY || !process.stdout.isTTY || json === true) {
    const how = `add its name (${name}), or --yes`;
    throw new ExitError(EXIT.usage, `the node at ${url} would leave for good; ${how}`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `${oneLine(name)} will leave for good. Type its name to go on: `,
  );
  terminal.close();
  if (answer.trim() !== name) throw new ExitError(EXIT.usage, `${name} does not leave`);
  return { name, url };
}

const printResult = (
  { json }: RemoteOptions,
  { name, state }: Leaving,
  sentence: string,
): Promise<boolean> =>
  print(
    process.stdout,
    json === true ? `${JSON.stringify({ name, state })}\n` : `${name} ${sentence}\n`,
  );

/**
 * Resolves when the node has ended. Prints what it waits for, if that lasts. Rejects if it cannot
 * leave as the cluster is.
 */
async function waitUntilGone(options: RemoteOptions, name: string): Promise<void> {
  const said = new Set<string>();
  for (let polls = 1; ; polls++) {
    await sleepMs(OPERATOR_POLL_MS);
    const status = await statusOf(options);
    if (status?.name !== name) {
      await printResult(options, { name, state: 'gone' }, 'has left');
      return;
    }
    if (status.state !== 'leaving' && status.state !== 'gone') {
      throw new ExitError(EXIT.failed, `${name} has stopped leaving; its state is ${status.state}`);
    }
    const wait = waitText(status.handoff, name);
    if (status.handoff.waitsFor?.reason === 'no-successor')
      throw new ExitError(EXIT.failed, `${name} cannot leave: ${wait}; start another node`);
    if (wait === undefined || said.has(wait) || polls < LEAVE_SILENT_POLLS) continue;
    said.add(wait);
    if (options.json === true)
      await print(process.stdout, `${JSON.stringify({ name, ...status.handoff.waitsFor })}\n`);
    else remark(`${name} ${wait}`);
  }
}
