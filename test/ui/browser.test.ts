/** The dashboard in a real Chromium, if one is installed, on a real cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type EmbeddedCluster, startCluster } from '../../src/embed/start-cluster.ts';
import { axeFindings, openPage, startChromium, withoutBrowser } from '../fixtures/chromium.ts';
import { type Response, send } from '../fixtures/http.ts';

const VIEWS = ['#/weather', '#/load', '#/keys', '#/key/cart', '#/key/plain', '#/key/none', '#/top'];

let cluster: EmbeddedCluster;
let browser: Browser;

const at = (path: string, node = 0): string => `${cluster.urls[node]}${path}`;
const get = (key: string): Promise<Response> => send(at(`/mec/${encodeURIComponent(key)}`));

async function put(key: string, body: string, node = 0): Promise<void> {
  const headers = { 'Content-Type': body.startsWith('{') ? 'application/json' : 'text/html' };
  const path = `/mec/${encodeURIComponent(key)}?w=all`;
  assert.equal((await send(at(path, node), { method: 'PUT', body, headers })).status, 200);
}

/** Makes a key with two values. */
async function split(key: string): Promise<void> {
  await put(key, '{\n  "items": ["milk"]\n}');
  await put(key, '{\n  "items": ["bread"]\n}', 1);
}

/** Opens a view, and waits until it has its data. */
async function show(page: Page, hash: string): Promise<void> {
  await page.goto(at(`/ui${hash}`));
  await page.locator('main h1').waitFor({ state: 'attached' });
  await page.locator('.waiting').waitFor({ state: 'detached' });
  if (hash.startsWith('#/key/')) await page.getByText(/^It has/).waitFor();
}

/** Presses Tab until a control whose text begins so has the focus. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    const focused = String(
      await page.evaluate(
        "document.activeElement.textContent || document.activeElement.labels?.[0]?.textContent || ''",
      ),
    );
    if (focused.startsWith(text)) return;
  }
  assert.fail(`Tab does not reach ${text}`);
}

describe('the dashboard in a browser', { skip: withoutBrowser }, () => {
  before(async () => {
    [browser, cluster] = await Promise.all([startChromium(), startCluster({ nodes: 3 })]);
    await split('cart');
    await put('plain', 'a value');
  });
  after(() => Promise.all([browser?.close(), cluster?.close()]));

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`each view is drawn without a complaint, and axe finds nothing serious: ${colorScheme}`, async (t) => {
      const viewport = { width: colorScheme === 'light' ? 390 : 1280, height: 800 };
      const { page, complaints } = await openPage(t, browser, { colorScheme, viewport });
      // axe brings scripts that the rules of the page forbid.
      const examined = await openPage(t, browser, { colorScheme, viewport, bypassCSP: true });
      for (const view of VIEWS) {
        await show(page, view);
        assert.deepEqual(complaints, [], view);
        const isWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
        assert.equal(isWide, false, `${view} scrolls sideways`);
        await show(examined.page, view);
        assert.deepEqual(await axeFindings(examined.page), [], view);
      }
    });
  }

  test('axe finds a planted fault', async (t) => {
    const { page } = await openPage(t, browser, { bypassCSP: true });
    await show(page, '#/keys');
    await page.evaluate("document.querySelector('label[for=key]').remove()");
    await page.evaluate("document.querySelector('#key').removeAttribute('placeholder')");
    assert.match((await axeFindings(page)).join(), /^label/);
  });

  test('the rules of the page stop a planted script', async (t) => {
    const { page, complaints } = await openPage(t, browser);
    await show(page, '#/keys');
    const outcome = await page.evaluate(`(() => {
      try { document.body.innerHTML = '<b>x</b>'; return 'written'; } catch { return 'refused'; }
    })()`);
    assert.equal(outcome, 'refused');
    assert.notDeepEqual(complaints, []);
  });

  test('the history of a key has a lane for each node that took a version', async (t) => {
    await split('forked');
    const { page } = await openPage(t, browser);
    await show(page, '#/key/forked');
    const picture = page.getByRole('img', {
      name: '2 versions by time, 2 of them current, taken by 2 nodes',
    });
    await picture.waitFor();
    assert.deepEqual(await picture.locator('.name').allTextContents(), ['n1', 'n2']);
    const places = await page.evaluate(
      "[...document.querySelectorAll('.history .current')].map(({ cx, cy }) => [cx.baseVal.value, cy.baseVal.value])",
    );
    assert.deepEqual(places, [
      [90, 17],
      [430, 51],
    ]);
    await page
      .getByRole('row', { name: /n1~\S+ current, taken by n1 .*(?:just now|ago) / })
      .waitFor();
  });

  test('a keyboard alone merges siblings', async (t) => {
    await split('by-keyboard');
    const { page } = await openPage(t, browser);
    await show(page, '#/key/by-keyboard');
    await tabTo(page, 'Skip to the contents');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Merge from this value 2');
    await page.keyboard.press('Enter');
    await tabTo(page, 'The merged value');
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.type('{"items":["milk","bread"]}');
    await tabTo(page, 'Write over all 2 values');
    await page.keyboard.press('Enter');
    await page.getByText(/^Written as .* It has 1 value\.$/).waitFor();
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'by-keyboard');
    const { status, text, headers } = await get('by-keyboard');
    assert.deepEqual([status, text], [200, '{"items":["milk","bread"]}']);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['x-mec-client-id'], 'dashboard');
  });

  test('a value is taken byte for byte, with its metadata', async (t) => {
    const body = '{"n": 12345678901234567890,\t"ü": 1.0}';
    const headers = { 'Content-Type': 'application/json', 'X-Mec-Meta-By': 'ann' };
    await send(at('/mec/exact?w=all'), { method: 'PUT', body, headers });
    await put('exact', '{}', 1);
    const { page } = await openPage(t, browser);
    await show(page, '#/key/exact');
    await page
      .locator('.versions .card', { hasText: '12345678901234567890' })
      .getByText('Take this')
      .click();
    await page.getByText(/^Written as/).waitFor();
    const taken = await get('exact');
    assert.deepEqual([taken.status, taken.text], [200, body]);
    assert.equal(taken.headers['x-mec-meta-by'], 'ann');
  });

  test('a value that arrives during a merge stays', async (t) => {
    await split('late');
    const { page } = await openPage(t, browser);
    await show(page, '#/key/late');
    await page.getByText(/it will replace n\d.* and n\d/).waitFor();
    await put('late', '{"items":["late"]}', 2);
    await page.getByRole('button', { name: 'Write over all 2 values' }).click();
    await page.getByText(/Meanwhile another value has arrived\. It has 2 values\.$/).waitFor();
    const { status, text } = await get('late');
    assert.equal(status, 300);
    assert.ok(text.includes('["late"]'), text);
  });

  test('a delete asks once more, and removes what is shown', async (t) => {
    await put('doomed', 'x');
    const { page } = await openPage(t, browser);
    await show(page, '#/key/doomed');
    await page.getByRole('button', { name: 'Delete' }).click();
    assert.equal((await get('doomed')).status, 200);
    await page.getByRole('button', { name: 'Press again' }).click();
    await page.getByText('Deleted. It has no value.').waitFor();
    assert.equal((await get('doomed')).status, 404);
  });

  test('keys and values with markup stay text', async (t) => {
    const script = '<script>document.title = "ran"</script><img src=x onerror=alert(1)>';
    const keys = [script, 'javascript:alert(1)', `"><svg onload=alert(1)>`, 'a\u202eb\u0007'];
    for (const key of keys) await put(key, script);
    const { page, complaints } = await openPage(t, browser);
    await show(page, '#/keys');
    for (const shown of [script, keys[2] ?? '', 'a⟨U+202E⟩b␇'])
      await page.getByRole('link', { name: shown, exact: true }).waitFor();
    await page.getByRole('link', { name: script, exact: true }).click();
    await page.getByRole('heading', { name: script, exact: true }).waitFor();
    await page.locator('.value', { hasText: script }).waitFor();
    assert.equal(await page.locator('img, main script').count(), 0);
    assert.equal(await page.title(), `${script} · MecDB`);
    assert.deepEqual(complaints, []);
  });

  test('a key that a browser cannot send is refused with a sentence', async (t) => {
    const { page } = await openPage(t, browser);
    await page.goto(at('/ui#/key/..'));
    await page.getByText('A browser cannot send the key “..”. Use the command line.').waitFor();
  });

  test('pages of keys are whole, and say whether more follow', async (t) => {
    for (let i = 0; i < 130; i++) await put(`many:${String(i).padStart(3, '0')}`, 'x');
    const { page } = await openPage(t, browser);
    await show(page, '#/keys');
    await page.getByLabel('Keys that begin with').fill('many:');
    await page.keyboard.press('Enter');
    await page.getByText('100 keys that begin with “many:”; more follow.').waitFor();
    await page.getByRole('button', { name: 'Next 100 keys' }).click();
    await page.getByText('130 keys that begin with “many:”; these are all.').waitFor();
    assert.equal(await page.locator('.keys li').count(), 130);
    await page.getByRole('button', { name: 'Count them' }).click();
    await page.getByText('130 keys, 0 of them with siblings, 130 values, 130 B').waitFor();
  });

  test('a cut node is seen, and an answer of the mended cluster as well', async (t) => {
    const { page } = await openPage(t, browser);
    await show(page, '#/weather');
    await page.getByRole('heading', { name: 'Fair weather' }).waitFor();
    cluster.partition([0, 1], [2]);
    await page.locator('.card', { hasText: 'n3' }).getByText('silent').waitFor();
    await page.getByText(/A node does not answer/).waitFor();
    await page.getByRole('img', { name: '3 nodes, and 2 links cut' }).waitFor();
    cluster.heal();
    await page.getByRole('heading', { name: 'Fair weather' }).waitFor();
  });

  test('the page says that its node is gone, and keeps what it knows', async (t) => {
    const { page } = await openPage(t, browser);
    await show(page, '#/weather');
    await page.route('**/cluster/status', (route) => route.abort());
    await page.getByText('The node cannot be reached. What you see is older.').waitFor();
    assert.equal(await page.getByRole('alert').count(), 1);
    assert.equal(await page.locator('.cards .card').count(), 3);
  });
});
