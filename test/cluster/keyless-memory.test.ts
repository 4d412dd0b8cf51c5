/** The memory of a secured process while programs without a key send it as much as they can. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { MIB } from '../../src/base/bytes.ts';
import { eventually } from '../fixtures/cluster.ts';
import { initialized, sendSecured } from '../fixtures/secured.ts';
import { mec } from '../fixtures/watched-mec.ts';

/** Programs without a key, and the bytes of the command that each announces and sends. */
const STRANGERS = 6;
const COMMAND_BYTES = 60 * MIB;
const MAX_GROWTH_BYTES = 16 * MIB;

/** The largest resident memory of a process so far. Only Linux tells it. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  const [, kib = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return 1024 * Number(kib);
}

/** Resolves when the node has closed the connection, with the bytes that it has taken. */
function flood(port: number): Promise<number> {
  // The greeting of ZMTP 3.1, which names CURVE, and the head of a long command.
  const greeting = Buffer.alloc(64);
  greeting.write('ff00000000000000017f0301', 'hex');
  greeting.write('CURVE', 12);
  const head = Buffer.alloc(9);
  head[0] = 6;
  head.writeBigUInt64BE(BigInt(COMMAND_BYTES), 1);
  const piece = Buffer.alloc(MIB);
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port });
    let sent = 0;
    const pump = (): void => {
      while (!socket.destroyed && sent < COMMAND_BYTES) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once('drain', pump);
      }
    };
    socket.on('error', () => {});
    // A node that reads nothing more has to be left by this end.
    socket.setTimeout(20_000, () => socket.destroy());
    socket.once('close', () => resolve(sent));
    socket.write(Buffer.concat([greeting, head]));
    pump();
  });
}

const skip = process.platform === 'linux' ? false : 'needs /proc';

test(
  'programs without a key that send 60 MB each cost a node less than 16 MB',
  { skip },
  async (t) => {
    const { directory, made } = await initialized(t);
    const port = Number(await readFile(join(directory, '../port'), 'utf8'));
    const ca = await readFile(join(directory, 'ca.crt'), 'utf8');
    const run = mec(t, '--config', made.configs[0] ?? '');
    const ask = async (): Promise<number> => {
      const token = made.token.reveal();
      return (await sendSecured(`https://127.0.0.1:${port + 2}/mec/x`, ca, { token })).status;
    };
    const isServing = (): Promise<boolean> =>
      ask().then(
        (status) => status === 404,
        () => false,
      );
    await eventually('the node serves', isServing, 30_000);
    // The first strangers load code, and the heap grows with the first requests.
    await flood(port);
    for (let i = 0; i < 50; i++) await ask();
    // Linux forgets the peak, which was at the start.
    await writeFile(`/proc/${run.pid}/clear_refs`, '5');
    const before = await peakBytes(run.pid);
    const ports = Array.from({ length: STRANGERS }, (_, i) => port + (i % 2));
    await Promise.all(ports.map(flood));
    const growth = (await peakBytes(run.pid)) - before;
    t.diagnostic(`the peak has grown by ${(growth / MIB).toFixed(1)} MiB of ${before / MIB}`);
    assert.ok(growth < MAX_GROWTH_BYTES, `${growth} bytes`);
    assert.equal(await ask(), 404);
    run.kill('SIGTERM');
    assert.equal(await run.exit, 0);
  },
);
