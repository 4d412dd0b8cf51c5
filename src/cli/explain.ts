/** The commands `mec explain` and `mec top`: why a key is as it is, and which keys stand out. */
import type { ExplainedVersion, KeyExplanation } from '../cluster/insight/key-explanation.ts';
import type { TopOfAll } from '../cluster/insight/top.ts';
import type { CommandArguments } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { askNode, type RemoteOptions, reported } from './remote.ts';
import { counted, formatBytes, oneLine, print, remark } from './terminal.ts';

interface ExplainOptions extends RemoteOptions {
  readonly token?: string;
}

/** Runs `mec explain`. */
export function runExplain([key = '']: CommandArguments, given: unknown): Promise<void> {
  const options = given as ExplainOptions;
  return reported(options, async () => {
    const { token, json } = options;
    const path = `/cluster/explain/${key.split('/').map(encodeURIComponent).join('/')}`;
    const explained = await askNode<KeyExplanation>(options, {
      method: 'GET',
      path,
      query: { token },
    });
    const text = json === true ? `${JSON.stringify(explained)}\n` : textOf(explained, token);
    await print(process.stdout, text);
    return EXIT.done;
  });
}

function textOf(explained: KeyExplanation, token: string | undefined): string {
  const { key, partition, holders, versions, pairs } = explained;
  const current = versions.filter(({ isCurrent }) => isCurrent);
  const silent = holders.filter(
    ({ role, answeredAt }) => role !== 'fallback' && answeredAt === undefined,
  );
  const lines = [
    `${oneLine(key)} is in partition ${partition}, and has ${counted(current.length, 'value')}`,
    ...versions.map(versionLine),
    ...pairs.map(({ why }) => `because ${oneLine(why)}`),
    ...silent.map(({ node, reach }) => `${node} gave no answer: ${reach}`),
    ...predictionLines(explained, token),
  ];
  return `${lines.join('\n')}\n`;
}

function versionLine(version: ExplainedVersion): string {
  const { dot, bytes, time = 'at an unknown time', clientId, takenBy, holders } = version;
  const client = clientId === undefined ? '' : `, by ${oneLine(clientId)}`;
  const states = Object.entries(holders).map(([node, state]) => `${node} ${state}`);
  return `  ${dot}  ${formatBytes(bytes)}, ${time}, taken by ${takenBy}${client}\n    ${states.join(', ')}`;
}

function predictionLines({ ifYouWrite }: KeyExplanation, token: string | undefined): string[] {
  const write = `a write ${token === undefined ? 'without a token' : 'with this token'}`;
  if (ifYouWrite === undefined) return [`no owner can take ${write}`];
  const { coordinator, replaces, leaves, refused } = ifYouWrite;
  if (refused !== undefined) return [`${write} at ${coordinator} would be refused: ${refused}`];
  const listOf = (dots: readonly string[]): string =>
    dots.length === 0 ? 'nothing' : dots.join(', ');
  return [
    `${write} at ${coordinator} would replace ${listOf(replaces)}, and leave ${listOf(leaves)}`,
  ];
}

interface TopOptions extends RemoteOptions {
  readonly by: string;
}

/** Runs `mec top`. */
export function runTop(given: unknown): Promise<void> {
  const options = given as TopOptions;
  return reported(options, async () => {
    const query = { by: options.by };
    const top = await askNode<TopOfAll>(options, { method: 'GET', path: '/cluster/top', query });
    if (options.json === true) await print(process.stdout, `${JSON.stringify(top)}\n`);
    else await print(process.stdout, top.keys.map(topLine).join(''));
    for (const node of top.silent) remark(`${node} gave no answer`);
    return EXIT.done;
  });
}

const topLine = ({ key, value, error = 0 }: TopOfAll['keys'][number]): string =>
  `${value}${error === 0 ? '' : ` (-${error})`}\t${oneLine(key)}\n`;
