/**
 * The client in a browser: the example page in two tabs of a headless Chromium, if one is
 * installed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNode } from '../../src/index.ts';
import { Browser, findChromium, type Tab } from '../fixtures/browser.ts';
import { serveTwoTabs } from '../fixtures/two-tabs.ts';

const chromium = await findChromium();
const skip = chromium === undefined ? 'no Chromium is installed (CHROMIUM=… can name one)' : false;

const click = (tab: Tab, id: string): Promise<unknown> =>
  tab.evaluate(`document.getElementById('${id}').click()`);
const write = (tab: Tab, note: string): Promise<unknown> =>
  tab.evaluate(`document.getElementById('note').value = ${JSON.stringify(note)}`);
const text = (tab: Tab): Promise<unknown> =>
  tab.evaluate(
    "[document.getElementById('state').textContent, document.getElementById('note').value].join(': ')",
  );

async function state(tab: Tab, says: string): Promise<void> {
  const isSaid = tab.until(
    `document.getElementById('state').textContent.startsWith(${JSON.stringify(says)})`,
  );
  await isSaid.catch(async () =>
    assert.fail(`expected ${says}, and the page says ${String(await text(tab))}`),
  );
}

test(
  'two tabs of examples/two-tabs see concurrent values, and one resolves them',
  { skip },
  async (t) => {
    const url = await serveTwoTabs(t);
    const browser = await Browser.start(t, chromium ?? '');
    const [left, right] = [await browser.open(url), await browser.open(url)];
    await Promise.all([state(left, 'nothing there yet'), state(right, 'nothing there yet')]);
    await write(left, 'milk');
    await click(left, 'save');
    await state(left, 'one version');
    await write(right, 'grün \u{1F600}');
    await click(right, 'save');
    await state(right, '2 versions');
    assert.equal(
      await right.evaluate("document.getElementById('note').value"),
      'grün \u{1F600}\nmilk',
    );
    await click(left, 'load');
    await state(left, '2 versions');
    await write(left, 'milk and bread');
    await click(left, 'save');
    await state(left, 'one version');
    await click(right, 'load');
    await state(right, 'one version');
    assert.equal(await right.evaluate("document.getElementById('note').value"), 'milk and bread');
  },
);

test('a page of an origin that is not configured sees no values', { skip }, async (t) => {
  const url = await serveTwoTabs(t);
  const node = await startNode({ http: { origins: ['https://other.example'] } });
  t.after(() => node.close());
  const browser = await Browser.start(t, chromium ?? '');
  const tab = await browser.open(url);
  await state(tab, 'nothing there yet');
  const outcome = (target: string): Promise<unknown> =>
    tab.evaluate(
      `import('/mec-db/client/index.js')
        .then(({ MecClient }) => new MecClient(${JSON.stringify(target)}, { deadlineMs: 3000 }).put('k', 1))
        .then(() => 'written', (error) => error.code)`,
    );
  assert.equal(await outcome(node.url), 'unreachable');
  const [own] = JSON.parse(
    String(await tab.evaluate("fetch('/nodes').then((nodes) => nodes.text())")),
  ) as string[];
  assert.equal(await outcome(own ?? ''), 'written');
});
