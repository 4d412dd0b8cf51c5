/** The page of `mec dev`: its door, its actions, and two editors on two sides of a cut. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { MAX_DEV_ACTION_BYTES } from '../../src/cli/limits.ts';
import type { PulseOfAll } from '../../src/cluster/insight/sight.ts';
import type { Health } from '../../src/cluster/insight/verdict.ts';
import { axeFindings, openPage, startChromium, withoutBrowser } from '../fixtures/chromium.ts';
import { eventually, freePorts } from '../fixtures/cluster.ts';
import { Dev, makeDirectory } from '../fixtures/dev.ts';
import { type Response, send } from '../fixtures/http.ts';

interface ToysState {
  readonly nodes: readonly { readonly name: string; readonly state: string }[];
  readonly cut: readonly string[];
  readonly ahead: readonly string[];
  readonly load: { readonly isOn: boolean };
}

describe('the page of mec dev', () => {
  let dev: Dev;
  let door = '';
  let browser: Browser | undefined;
  const ends: (() => Promise<void>)[] = [];

  const act = (word: string, names: readonly string[] = [], headers = {}): Promise<Response> =>
    send(`${door}toys`, { method: 'POST', body: JSON.stringify({ word, names }), headers });
  const state = async (): Promise<ToysState> =>
    JSON.parse((await send(`${door}toys`)).text) as ToysState;
  const silent = async (node: string): Promise<readonly string[]> =>
    (JSON.parse((await send(`${door}node/${node}/cluster/status`)).text) as PulseOfAll).silent;
  const done = async (word: string, ...names: string[]): Promise<string> => {
    const { status, text } = await act(word, names);
    assert.equal(status, 200, text);
    return text;
  };

  before(async () => {
    const atEnd = { after: (end: () => Promise<void>) => void ends.unshift(end) };
    const data = await makeDirectory(atEnd);
    dev = new Dev(atEnd, await freePorts(440), '--data', data);
    await dev.banner();
    door = /by buttons: (http:\S+)/.exec(dev.output)?.[1] ?? assert.fail(dev.output);
    if (withoutBrowser === false) browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    for (const end of ends) await end();
  });

  test('the door opens only by its word, for this host, and for its own page', async () => {
    const { origin, pathname } = new URL(door);
    assert.match(pathname, /^\/[0-9a-f]{32}\/$/);
    assert.match((await send(door)).text, /data-toys="\/[0-9a-f]{32}"/);
    for (const path of ['/', '/toys', '/ui', `/${'0'.repeat(32)}/toys`])
      assert.equal((await send(origin + path)).status, 404, path);
    const evil = { Origin: 'http://evil.example' };
    assert.equal((await act('kill', ['n2'], evil)).status, 403);
    assert.equal((await act('kill', ['n2'], { 'Sec-Fetch-Site': 'cross-site' })).status, 403);
    assert.equal((await send(door, { headers: { Host: 'evil.example' } })).status, 421);
    assert.equal((await act('kill', ['n2'], { Origin: origin })).status, 200);
    await done('start', 'n2');
  });

  test('a node itself has no toys', async () => {
    for (const path of ['/toys', new URL(door).pathname, '/ui/toys'])
      assert.equal(
        (await send(dev.url(1, path), { method: 'POST', body: '{}' })).status >= 404,
        true,
      );
    assert.doesNotMatch((await send(dev.url(1, '/ui'))).text, /data-toys/);
  });

  test('a command that cannot be done is refused with the sentence of the console', async () => {
    const refused = async (
      word: string,
      names: readonly string[],
      detail: RegExp,
    ): Promise<void> => {
      const { status, text } = await act(word, names);
      assert.equal(status, 400, text);
      assert.match(text, detail);
    };
    await refused('explode', [], /unknown command/);
    await refused('constructor', [], /unknown command/);
    await refused('kill', ['n9'], /unknown node \\"n9\\"; the nodes are n1, n2, n3/);
    await refused('kill', ['n1', 'n2'], /expected \\"kill n2\\"/);
    await refused('cut', [], /expected \\"cut n2 …\\"/);
    await refused('resume', ['n1'], /n1 is not paused/);
    const odd = await send(`${door}toys`, { method: 'POST', body: '{"word":1}' });
    assert.match(odd.text, /Expected/);
    const large = 'x'.repeat(MAX_DEV_ACTION_BYTES + 1);
    assert.equal((await send(`${door}toys`, { method: 'POST', body: large })).status, 413);
  });

  test('a cut keeps a node from the others, until it is healed', async () => {
    await done('cut', 'n3');
    await eventually('n1 misses n3', async () => (await silent('n1')).join() === 'n3');
    await eventually('n3 misses both', async () => (await silent('n3')).length === 2);
    assert.deepEqual((await state()).cut, ['n3']);
    // A node that starts on one side of a cut is cut off as well.
    await done('kill', 'n2');
    await done('start', 'n2');
    await eventually('n2 misses n3', async () => (await silent('n2')).join() === 'n3');
    await done('heal');
    await eventually('all answer', async () => (await silent('n1')).length === 0);
    assert.deepEqual((await state()).cut, []);
  });

  test('a clock an hour ahead is in the verdict, also after a restart, until it is right', async () => {
    const isTold = async (node = 'n1'): Promise<boolean> => {
      const { reasons } = JSON.parse((await send(`${door}node/${node}/health`)).text) as Health;
      const reason = reasons.find(({ code }) => code === 'clock-skew');
      return reason?.what.includes('n2 is 60.0 min ahead') === true;
    };
    assert.match(await done('skew', 'n2'), /the clock of n2 is an hour ahead/);
    await eventually('n1 tells the clock of n2', () => isTold());
    assert.deepEqual((await state()).ahead, ['n2']);
    await done('kill', 'n2');
    await done('start', 'n2');
    await eventually('the new process tells its own clock', () => isTold('n2'));
    assert.match(await done('skew', 'n2'), /the clock of n2 is right/);
    await eventually('n1 tells it no more', async () => !(await isTold()));
  });

  test('a paused node is shown, and the page goes on through another', async () => {
    await done('pause', 'n1');
    assert.equal((await state()).nodes[0]?.state, 'paused');
    assert.equal((await send(`${door}any/ping`)).status, 200);
    await done('resume', 'n1');
    await done('kill', 'n1');
    assert.equal((await send(`${door}any/ping`)).status, 200);
    assert.equal((await send(`${door}node/n1/ping`)).status, 503);
    await done('start', 'n1');
  });

  test('a load runs until it is ended', async () => {
    const reads = async (): Promise<number> => {
      const { nodes } = JSON.parse((await send(`${door}any/cluster/status`)).text) as PulseOfAll;
      return nodes
        .flatMap(({ operations }) => operations.get?.counts ?? [])
        .reduce((sum, n) => sum + n, 0);
    };
    const before = await reads();
    await done('load');
    await eventually('100 reads', async () => (await reads()) > before + 100);
    await done('load');
    assert.equal((await state()).load.isOn, false);
  });

  test('the console cuts and heals as well', async () => {
    await dev.type('cut n1 n2', /^n1, n2 are cut off from the others$/m);
    assert.deepEqual((await state()).cut, ['n1', 'n2']);
    await dev.type('heal', /^all nodes reach each other again$/m);
    await eventually('all answer', async () => (await silent('n1')).length === 0);
  });

  test(
    'two editors on two sides of a cut write, and one of them merges',
    { skip: withoutBrowser },
    async (t) => {
      const { page, complaints } = await openPage(t, browser as Browser);
      await page.goto(`${door}#/play`);
      const [ann, bob] = ['Ann', 'Bob'].map((who) => page.getByLabel(`The editor of ${who}`));
      assert.ok(ann !== undefined && bob !== undefined);
      await ann.getByText('n1 knows no value.').waitFor();
      await page.getByRole('button', { name: 'Cut off n3' }).click();
      await page.getByText('n3 is cut off from the others').waitFor();
      for (const [editor, text] of [
        [ann, 'milk'],
        [bob, 'bread'],
      ] as const) {
        await editor.getByRole('textbox').fill(text);
        await editor.getByRole('button', { name: 'Write' }).click();
        await editor.getByText(/has written\. n\d knows 1 value\./).waitFor();
      }
      await page.getByRole('button', { name: 'Heal all cuts' }).click();
      await page.getByText('all nodes reach each other again').waitFor();
      await eventually('Ann sees both', async () => {
        await ann.getByRole('button', { name: 'Read again' }).click();
        return ann.getByText('n1 knows 2 values.').isVisible();
      });
      await ann.getByRole('textbox').fill('milk and bread');
      await ann.getByRole('button', { name: 'Write over all 2 values' }).click();
      await ann.getByText('Ann has written. n1 knows 1 value.').waitFor();
      await eventually('Bob sees the merged value', async () => {
        await bob.getByRole('button', { name: 'Read again' }).click();
        return (await bob.getByRole('textbox').inputValue()) === 'milk and bread';
      });
      await bob.getByText('n3 knows 1 value.').waitFor();
      assert.deepEqual(complaints, []);
      const examined = await openPage(t, browser as Browser, { bypassCSP: true });
      await examined.page.goto(`${door}#/play`);
      await examined.page.getByText('Two editors of one key').waitFor();
      assert.deepEqual(await axeFindings(examined.page), []);
    },
  );

  test('a node joins and another leaves by buttons', { skip: withoutBrowser }, async (t) => {
    const { page } = await openPage(t, browser as Browser);
    page.setDefaultTimeout(90_000);
    await page.goto(`${door}#/play`);
    await page.getByRole('button', { name: 'Add a node' }).click();
    await page.getByText('The others see it as up.').nth(3).waitFor();
    await page.getByRole('button', { name: 'Leave n2' }).click();
    await page.getByRole('button', { name: 'Leave n2' }).waitFor({ state: 'detached' });
    assert.deepEqual(
      (await state()).nodes.map(({ name }) => name),
      ['n1', 'n3', 'n4'],
    );
  });
});
