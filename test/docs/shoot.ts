/**
 * Takes pictures of the dashboard on a real cluster under load, in light and dark, on a phone, a
 * desk and a wall: `npm run screenshots`. They are written to `dist/screenshots`, with a page that
 * shows them all. It needs a Chromium.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { startChromium, withoutBrowser } from '../fixtures/chromium.ts';
import { freePorts } from '../fixtures/cluster.ts';
import { Dev, makeDirectory } from '../fixtures/dev.ts';
import { send } from '../fixtures/http.ts';

const FOLDER = fileURLToPath(new URL('../../screenshots/', import.meta.url));

const SCREENS = {
  phone: { width: 390, height: 844 },
  desk: { width: 1280, height: 900 },
  wall: { width: 1920, height: 1080 },
} as const;

const SCHEMES = ['light', 'dark'] as const;

/** The views, and the time in which their data arrives. */
const VIEWS = [
  ['weather', '#/weather', 2_500],
  ['load', '#/load', 12_000],
  ['keys', '#/keys/user%3A', 1_500],
  ['key', '#/key/cart%3Aann', 1_500],
  ['top', '#/top', 2_000],
  ['play', '#/play', 2_500],
] as const;

const names: string[] = [];

async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true });
  names.push(name);
}

/** Writes keys, and one key with two values. */
async function fill(dev: Dev): Promise<void> {
  const put = (node: number, key: string, value: unknown, client: string): Promise<unknown> =>
    send(dev.url(node, `/mec/${encodeURIComponent(key)}?w=all`), {
      method: 'PUT',
      body: JSON.stringify(value, null, 2),
      headers: { 'Content-Type': 'application/json', 'X-Mec-Client-ID': client },
    });
  for (let id = 1; id <= 240; id++)
    await put(1 + (id % 5), `user:${String(id).padStart(4, '0')}`, { id, plan: 'free' }, 'signup');
  await put(1, 'cart:ann', { items: ['milk', 'bread'], coupon: null, gift: false }, 'phone');
  const other = { items: ['milk', 'apples', 'soap'], coupon: 'SPRING', gift: false };
  await put(2, 'cart:ann', other, 'laptop');
}

/** Every view on every screen, in both schemes. */
async function shootViews(browser: Browser, door: string): Promise<void> {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    for (const colorScheme of SCHEMES) {
      const page = await browser.newPage({ viewport, colorScheme });
      for (const [view, hash, waitMs] of VIEWS) {
        await page.goto(door + hash);
        await page.waitForTimeout(waitMs);
        await shoot(page, `${view}-${screen}-${colorScheme}`);
      }
      await page.close();
    }
  }
}

/** A cut cluster, and two editors on its two sides. */
async function shootCut(browser: Browser, door: string): Promise<void> {
  for (const colorScheme of SCHEMES) {
    const page = await browser.newPage({ viewport: SCREENS.desk, colorScheme });
    await page.goto(`${door}#/play`);
    for (const node of ['n4', 'n5'])
      await page.getByRole('button', { name: `Cut off ${node}` }).click();
    await page.getByText('n4, n5 are cut off from the others').first().waitFor();
    for (const [who, text] of [
      ['Ann', 'milk, eggs'],
      ['Bob', 'bread, jam'],
    ] as const) {
      const editor = page.getByLabel(`The editor of ${who}`);
      await editor.getByRole('textbox').fill(text);
      await editor.getByRole('button', { name: 'Write' }).click();
      await editor.getByText(/has written/).waitFor();
    }
    await page.waitForTimeout(8_000);
    await page.evaluate('scrollTo(0, 0)');
    await shoot(page, `play-cut-${colorScheme}`);
    await page.goto(`${door}#/weather`);
    await page.waitForTimeout(2_000);
    await shoot(page, `weather-storm-${colorScheme}`);
    await page.goto(`${door}#/play`);
    await page.getByRole('button', { name: 'Heal all cuts' }).click();
    await page.waitForTimeout(6_000);
    await page.getByRole('button', { name: 'Read again as Ann' }).click();
    await page.waitForTimeout(1_500);
    await page.evaluate('scrollTo(0, 0)');
    await shoot(page, `play-siblings-${colorScheme}`);
    await page.close();
  }
}

async function main(): Promise<void> {
  if (withoutBrowser !== false) throw new Error(withoutBrowser);
  await mkdir(FOLDER, { recursive: true });
  const ends: (() => Promise<void>)[] = [];
  const atEnd = { after: (end: () => Promise<void>) => void ends.unshift(end) };
  try {
    const data = await makeDirectory(atEnd);
    const dev = new Dev(atEnd, await freePorts(440), '--nodes', '5', '--data', data);
    await dev.banner();
    const door = /by buttons: (http:\S+)/.exec(dev.output)?.[1] ?? '';
    await fill(dev);
    await dev.type('load', /the load runs/);
    const browser = await startChromium();
    atEnd.after(() => browser.close());
    await shootViews(browser, door);
    await shootCut(browser, door);
  } finally {
    for (const end of ends) await end();
  }
  const pictures = names.map((name) => `<figure><img src="${name}.png" alt=""><figcaption>${name}`);
  await writeFile(
    join(FOLDER, 'index.html'),
    `<!doctype html><title>MecDB</title>\n${pictures.join('\n')}\n`,
  );
  process.stdout.write(`${names.length} pictures in ${FOLDER}\n`);
}

await main();
