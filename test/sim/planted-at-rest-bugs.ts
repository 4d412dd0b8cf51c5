/** Planted bugs of encryption at rest. */
import { type Bug, BUSY, OFTEN } from './planted-draws.ts';

/** The rules of encryption. */
export const AT_REST: readonly Bug[] = [
  {
    name: 'a record that cannot be unsealed is absent',
    file: 'src/storage/at-rest/sealed-engine.js',
    good: 'utf8ToBytes(row)) ?? value;',
    bad: 'utf8ToBytes(row));',
    // A node that was not restarted has the record in its cache.
    draw: {
      faults: ['a record damaged on every disk', 'crash of all'],
      set: { ...OFTEN, ...BUSY, encryptedFrom: 'the first start' },
    },
  },
  {
    name: 'a start encrypts new records only',
    file: 'src/storage/open-store.js',
    good: 'until: keys.until }',
    bad: "until: 't' }",
    draw: {
      faults: ['crash and start at once', 'crash of all'],
      set: { ...OFTEN, encryptedFrom: 'the second start' },
    },
  },
];
