/** The output on a terminal: nothing that it would obey, whatever servers and values contain. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { LAUNCHER } from '../fixtures/cluster.ts';
import { type Behaviour, fakeNode, problem } from '../fixtures/fake-node.ts';
import { runMec } from '../fixtures/run-mec.ts';

/** Erases the screen, sets the title, turns the direction, ends the line, and a C1 introducer. */
const HOSTILE = '\u001b[2J\u001b]0;title\u0007\u202egpj.exe\u2066\u009b31m\u0085\rhidden';
/** All that a terminal obeys, other than ends of lines. */
const OBEYED = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

/** The output of a terminal without what this program writes itself: bold text. */
const withoutOwn = (text: string): string =>
  ['\u001b[1m', '\u001b[22m'].reduce((rest, own) => rest.replaceAll(own, ''), text);

/** Runs `mec` with a terminal as stdout and stderr. Returns what the terminal gets. */
async function onTerminal(args: readonly string[]): Promise<string> {
  const command = [process.execPath, LAUNCHER, ...args].map((arg) => `'${arg}'`).join(' ');
  const shell = ['-qec', `${command} || true`, '/dev/null'];
  const { stdout } = await promisify(execFile)('script', shell, { env: process.env });
  return stdout;
}

/** Why no terminal can be had; undefined if there is one. */
const noTerminal = await promisify(execFile)('script', ['-qec', 'tty', '/dev/null']).then(
  () => undefined,
  () => 'the command "script" of Linux is not installed',
);

const METADATA = {
  'X-Mec-Vclock': 'dG9rZW4=',
  'X-Mec-Dot': 'n1~jk4h0w3s7r:1',
  ETag: '"0"',
  'Content-Type': 'text/plain\u009b31m',
  'X-Mec-Client-ID': 'ann\u009b31m',
};
const PARTS = [1, 2].map((i) =>
  [
    '--b',
    ...Object.entries(METADATA).map(([name, value]) => `${name}: ${value}`),
    `X-Mec-Timestamp: ${i}000000000`,
    '',
    `${HOSTILE}${i}`,
    '',
  ].join('\r\n'),
);

const siblings: Behaviour = (response) =>
  void response
    .writeHead(300, { ...METADATA, 'Content-Type': 'multipart/mixed; boundary=b' })
    .end(`${PARTS.join('')}--b--\r\n`);

const value: Behaviour = (response) => void response.writeHead(200, METADATA).end(HOSTILE);

const badDot: Behaviour = (response) =>
  void response.writeHead(200, { ...METADATA, 'X-Mec-Dot': 'n1~\u009b31m:1' }).end(HOSTILE);

const json =
  (document: unknown): Behaviour =>
  (response) =>
    void response
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(document));

/** The status of a node, as far as the table needs it. */
const status = {
  name: HOSTILE,
  members: [
    { name: HOSTILE, zone: HOSTILE, state: HOSTILE, owned: 1, pending: 0, host: 'x', httpport: 1 },
  ],
  peers: [],
  store: { state: HOSTILE },
  sync: { fallbacks: 0, waiting: 0, running: 0, incomplete: 0 },
  handoff: { done: 0, all: 0, waitsFor: { reason: 'unreachable', members: [`x${HOSTILE}`] } },
};

const location = {
  key: HOSTILE,
  partition: 1,
  entries: [
    { node: HOSTILE, role: HOSTILE, reach: HOSTILE },
    {
      node: 'n2',
      role: 'owner',
      says: { versions: [{ actor: HOSTILE, counter: 1 }], isComplete: true, clock: HOSTILE },
    },
  ],
};

/** Commands with the answer of the server, and a part of what they must show. */
const CASES: readonly (readonly [args: readonly string[], behave: Behaviour, shown: RegExp])[] = [
  [['get', 'k'], value, /\\u001b\[2J.*gpj\.exe.*\\u009b31m\\u0085\\u000dhidden/],
  [['get', 'k', '--json'], value, /"value":"\\u001b\[2J/],
  [['get', 'k', '--siblings'], siblings, /--- n1~.*:1 .*\n.*hidden1\n/],
  [['get', 'k'], problem(400, 'bad-key', { detail: HOSTILE }), /^mec: .*hidden\n$/],
  [['get', 'k', '--json'], problem(400, 'bad-key', { detail: HOSTILE }), /hidden/],
  [['resolve', 'k', '--take', '9'], siblings, /author "ann.*\\u009b31m"[^]*\\u202egpj/],
  [['get', 'k'], badDot, /^mec: The answer is not of a MecDB node: x-mec-dot\n$/],
  [['list'], json({ keys: [HOSTILE], next: null }), /^"\\u001b\[2J.*hidden"\n$/],
  [['list', '--json'], json({ keys: [HOSTILE], next: null }), /hidden/],
  [['status'], json(status), /cannot reach .*hidden/],
  [['locate', 'k'], json(location), /clock .*hidden/],
  [['leave', '--no-wait', '--yes'], json({ name: HOSTILE, state: 'gone' }), /hidden is leaving/],
  [
    ['leave', '--no-wait', '--yes'],
    problem(400, 'bad-parameter', { detail: HOSTILE }),
    /^mec: .*hidden/,
  ],
];

test('a terminal gets no character that it obeys', async (t) => {
  if (noTerminal !== undefined) return t.skip(noTerminal);
  for (const [args, behave, shown] of CASES) {
    // The terminal itself adds the carriage returns.
    const text = withoutOwn(await shownBy(t, args, behave)).replaceAll('\r\n', '\n');
    assert.equal(OBEYED.exec(text)?.[0], undefined, args.join(' '));
    assert.match(text, shown);
  }
});

async function shownBy(
  t: TestContext,
  args: readonly string[],
  behave: Behaviour,
): Promise<string> {
  const { url } = await fakeNode(t, behave);
  return onTerminal([...args, '--url', url]);
}

test('a pipe, and a terminal with --raw, get a value as it is', async (t) => {
  const { url } = await fakeNode(t, value);
  assert.equal((await runMec(['get', 'k', '--url', url])).out, HOSTILE);
  if (noTerminal !== undefined) return t.skip(noTerminal);
  assert.ok((await shownBy(t, ['get', 'k', '--raw'], value)).includes(HOSTILE));
});

test('a message of a server is one line without control characters, even in a pipe', async (t) => {
  const { url } = await fakeNode(t, problem(400, 'bad-key', { detail: `${HOSTILE}\nmec: more` }));
  const { err } = await runMec(['get', 'k', '--url', url]);
  assert.match(err, /^mec: \\u001b\[2J.*hidden mec: more\n$/);
});
