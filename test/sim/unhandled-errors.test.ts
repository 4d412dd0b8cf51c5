/**
 * Errors that no code handles are violations of their seed, and the run goes on. Each run has its
 * own thread, because the test runner would fail the test for the error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const fileOf = (name: string): string => new URL(`../../src/sim/${name}.js`, import.meta.url).href;

/** Runs a seed in which a fault has this body. Resolves with the violations. */
function violationsOf(body: string): Promise<readonly string[]> {
  const program = `
    const { parentPort } = require('node:worker_threads');
    Promise.all([import('${fileOf('run')}'), import('${fileOf('faults')}')]).then(
      async ([{ simulate }, { FAULTS }]) => {
        FAULTS.crash = () => { ${body} };
        const set = { chaosMs: 3_000, faultGapMs: 1_000 };
        const result = await simulate({ seed: 1, faults: ['crash'], operations: 10, nodes: 3, set });
        parentPort.postMessage(result.violations);
      },
    );`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { eval: true });
    worker.on('message', resolve).on('error', reject);
  });
}

test('a rejection that no code handles is a violation', async () => {
  const violations = await violationsOf(
    "void Promise.reject(new Error('planted')); return () => {};",
  );
  assert.match(violations.join('\n'), /^no code handles Error: planted/);
});

test('an error that an event throws is a violation', async () => {
  const violations = await violationsOf("throw new Error('planted');");
  assert.match(violations.join('\n'), /^no code handles Error: planted/);
});

test('a run without such an error has no violation', async () => {
  assert.deepEqual(await violationsOf('return () => {};'), []);
});
