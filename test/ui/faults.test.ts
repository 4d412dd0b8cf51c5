/**
 * The dashboard in a real Chromium, if one is installed, shows each fault of a live cluster under
 * load. The page stays open all the time, as on a wall.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { HEALTH_KINDS } from '../../src/cluster/insight/health-codes.ts';
import { axeFindings, openPage, startChromium, withoutBrowser } from '../fixtures/chromium.ts';
import { IllCluster, LIVE_FAULTS, type LiveFault, SEEN_LIMIT_MS } from '../fixtures/ill-cluster.ts';

/** A reason on the page, as a screen reader finds it: by its code and the node that is ill. */
function reasonOf(page: Page, { code, of = 'n\\d' }: LiveFault): Locator {
  return page
    .getByRole('region', { name: /^\d+ reasons?$/ })
    .getByRole('listitem')
    .filter({ hasText: HEALTH_KINDS[code].what })
    .filter({ hasText: HEALTH_KINDS[code].todo })
    .filter({ hasText: new RegExp(`${code}: [^:]*\\b${of}\\b`) });
}

/** The card of a node. */
const cardOf = (page: Page, name: string): Locator =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) });

test('the dashboard shows each fault', { skip: withoutBrowser }, async (t) => {
  const browser = await startChromium();
  t.after(() => browser.close());
  const ill = await IllCluster.start(t);
  const { page, complaints } = await openPage(t, browser);
  // axe brings scripts that the rules of the page forbid.
  const examined = await openPage(t, browser, { bypassCSP: true, colorScheme: 'dark' });
  for (const { page: each } of [{ page }, examined]) await each.goto(`${ill.teller.url}/ui`);
  await page.getByRole('heading', { name: 'Fair weather' }).waitFor();
  for (const [name, fault] of Object.entries(LIVE_FAULTS)) {
    const skip = fault.whyNot?.(ill) ?? false;
    await t.test(name, { skip }, async (part) => {
      await fault.make(ill);
      const startMs = performance.now();
      const timeout = SEEN_LIMIT_MS;
      await reasonOf(page, fault).waitFor({ timeout });
      part.diagnostic(`on the page after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
      await cardOf(page, fault.of ?? 'n1')
        .getByText(fault.code, { exact: true })
        .waitFor({ timeout });
      const title = fault.isCritical === true ? 'Storm' : 'Clouds';
      await page.getByRole('heading', { name: title }).waitFor({ timeout });
      await reasonOf(examined.page, fault).waitFor({ timeout });
      assert.deepEqual(await axeFindings(examined.page), []);
      if (fault.code === 'disk-full') {
        // A node that is ill says so itself.
        const own = await openPage(part, browser);
        await own.page.goto(`${ill.victim.url}/ui`);
        await reasonOf(own.page, fault).waitFor({ timeout });
        await page.getByRole('row', { name: /^n3( unknown){4}$/ }).waitFor({ timeout });
      }
      await fault.mend(ill);
      await ill.well();
      await reasonOf(page, fault).waitFor({
        state: fault.code === 'damage-found' ? 'visible' : 'detached',
        timeout,
      });
    });
  }
  assert.deepEqual(complaints, []);
});
