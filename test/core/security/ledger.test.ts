/** The ledger: merges, revocations, expiries, and the changes of operators. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MecError } from '../../../src/base/errors.ts';
import {
  LEDGER_KEEP_MICROS,
  MAX_LEDGER_RECORDS,
  RECOVERY_MICROS,
} from '../../../src/core/limits.ts';
import { drawBearer, parseBearer } from '../../../src/core/security/bearer.ts';
import { Ledger } from '../../../src/core/security/ledger.ts';
import {
  assertAcceptable,
  granted,
  issued,
  recovery,
  revoked,
} from '../../../src/core/security/ledger-change.ts';
import {
  certId,
  emptyRecord,
  isSound,
  type LedgerRecord,
  tokenId,
  userId,
} from '../../../src/core/security/ledger-record.ts';
import { RightsTable } from '../../../src/core/security/rights.ts';
import { ALL_VERBS, VERBS, verbSetOf } from '../../../src/core/security/verb.ts';
import { seededRandom } from '../../fixtures/fake-env.ts';

const NOW = 1_800_000_000_000_000;
const LATER = NOW + 1e9;
const random = seededRandom(1);

const NAMES = ['ann', 'bob'];
const PREFIXES = ['', 'a/', 'a/b', 'b'];
const HASHES = ['0'.repeat(64), '1'.repeat(64)];

const user: fc.Arbitrary<LedgerRecord> = fc.record({
  id: fc.constantFrom(...NAMES.map(userId)),
  version: fc.integer({ min: 1, max: 3 }),
  isRevoked: fc.boolean(),
  expiresMicros: fc.constant(0),
  holder: fc.constant(''),
  hash: fc.constant(''),
  rights: fc.array(fc.record({ prefix: fc.constantFrom(...PREFIXES), verbs: fc.nat(ALL_VERBS) }), {
    maxLength: 3,
  }),
});
const token: fc.Arbitrary<LedgerRecord> = fc.record({
  id: fc.constantFrom(tokenId('one'), tokenId('two')),
  version: fc.integer({ min: 1, max: 2 }),
  isRevoked: fc.boolean(),
  expiresMicros: fc.constantFrom(LATER, LATER + 1),
  holder: fc.constantFrom(...NAMES),
  hash: fc.constantFrom(...HASHES),
  rights: fc.constant([]),
});
const records = fc.array(fc.oneof(user, token), { maxLength: 8 });

function merged(...lists: readonly (readonly LedgerRecord[])[]): Ledger {
  const ledger = new Ledger();
  for (const list of lists) ledger.merge(list, NOW);
  return ledger;
}

test('ledgers merge to the same ledger in whatever order, and often', () => {
  const property = fc.property(records, records, records, (a, b, c) => {
    const whole = merged(a, b, c);
    assert.deepEqual(merged(c, a, b).all, whole.all);
    assert.deepEqual(merged(merged(a, b).all, merged(b, c).all).all, whole.all);
    assert.equal(merged(b, c, a).hash, whole.hash);
    assert.equal(whole.merge(a, NOW), false);
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('a merge never adds a right, or a token, that neither side had', () => {
  const property = fc.property(records, records, (a, b) => {
    const [one, other, both] = [merged(a), merged(b), merged(a, b)];
    const rightsOf = (ledger: Ledger, name: string): RightsTable => {
      const { rights, isRevoked } = ledger.get(userId(name));
      return new RightsTable(isRevoked ? [] : rights);
    };
    for (const name of NAMES)
      for (const prefix of PREFIXES)
        for (const verb of VERBS.filter((v) => rightsOf(both, name).allows(v, prefix)))
          assert.ok(
            rightsOf(one, name).allows(verb, prefix) || rightsOf(other, name).allows(verb, prefix),
            `${name} ${verb} ${prefix}`,
          );
    for (const id of ['one', 'two'])
      for (const hash of HASHES) {
        const record = both.get(tokenId(id));
        if (record.isRevoked || record.hash !== hash) continue;
        const isOf = (ledger: Ledger): boolean => {
          const known = ledger.get(tokenId(id));
          return !known.isRevoked && known.hash === hash && known.holder === record.holder;
        };
        assert.ok(isOf(one) || isOf(other), id);
      }
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('an id that is revoked on one side stays revoked, whatever the other side has', () => {
  const property = fc.property(records, records, (a, b) => {
    const both = merged(a, b);
    for (const { id } of [...a, ...b].filter(({ isRevoked }) => isRevoked))
      assert.equal(both.get(id).isRevoked, true, id);
  });
  fc.assert(property, { numRuns: 500 });
});

/** A ledger with an admin, and the token of that admin. */
function withAdmin(): { ledger: Ledger; text: string; id: string } {
  const ledger = new Ledger();
  ledger.merge([granted(ledger, { identity: 'root', prefix: '', verbs: ALL_VERBS })], NOW);
  const { record, text } = issued(ledger, { holder: 'root', expiresMicros: LATER }, random);
  ledger.merge([record], NOW);
  return { ledger, text: text.reveal(), id: record.id };
}

const nameBy = (ledger: Ledger, text: string, nowMicros = NOW): string | undefined => {
  const bearer = parseBearer(text);
  return bearer && ledger.identityOfBearer(bearer, nowMicros)?.name;
};

test('a token proves its identity until it expires, and no other token does', () => {
  const { ledger, text } = withAdmin();
  assert.equal(nameBy(ledger, text), 'root');
  assert.equal(nameBy(ledger, text, LATER), undefined);
  // A comparison that is remembered ends with its token.
  const bearer = parseBearer(text) ?? assert.fail();
  assert.equal(ledger.identityOfBearer(bearer, NOW)?.name, 'root');
  assert.equal(ledger.identityOfBearer(bearer, LATER - 1)?.name, 'root');
  assert.equal(ledger.identityOfBearer(bearer, LATER), undefined);
  const flipped = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
  assert.equal(nameBy(ledger, flipped), undefined);
  assert.equal(nameBy(ledger, drawBearer(random).text.reveal()), undefined);
  for (const odd of [
    '',
    'mec_',
    `${text}0`,
    text.toUpperCase(),
    ` ${text}`,
    text.replace('_', '-'),
  ])
    assert.equal(parseBearer(odd), undefined, odd);
});

test('no record has the secret of a token', () => {
  const { ledger, text } = withAdmin();
  assert.ok(!JSON.stringify(ledger.all).includes(text.slice(-64)));
});

const codeOf = (act: () => void): string => {
  try {
    act();
  } catch (error) {
    return (error as MecError).code;
  }
  return 'accepted';
};

test('a change after which no administrator could log in is refused', () => {
  const { ledger, id } = withAdmin();
  const change = (record: LedgerRecord): string =>
    codeOf(() => assertAcceptable(ledger, record, NOW));
  assert.equal(change(revoked(ledger, id, LATER)), 'last-admin');
  assert.equal(change(revoked(ledger, userId('root'), 0)), 'last-admin');
  const less = { identity: 'root', prefix: '', verbs: verbSetOf(['read']) };
  assert.equal(change(granted(ledger, less)), 'last-admin');
  const { record } = issued(ledger, { holder: 'root', expiresMicros: LATER }, random);
  ledger.merge([record], NOW);
  assert.equal(change(revoked(ledger, id, LATER)), 'accepted');
});

test('an admin on a part of the keys is no administrator', () => {
  const { ledger, id } = withAdmin();
  ledger.merge([granted(ledger, { identity: 'ann', prefix: 'a/', verbs: ALL_VERBS })], NOW);
  ledger.merge([issued(ledger, { holder: 'ann', expiresMicros: LATER }, random).record], NOW);
  const change = revoked(ledger, id, LATER);
  assert.equal(
    codeOf(() => assertAcceptable(ledger, change, NOW)),
    'last-admin',
  );
});

test('a grant replaces the verbs on its prefix, and none takes them away', () => {
  const { ledger } = withAdmin();
  const grant = (prefix: string, ...verbs: Parameters<typeof verbSetOf>[0]): void => {
    const change = { identity: 'ann', prefix, verbs: verbSetOf(verbs) };
    assert.ok(ledger.merge([granted(ledger, change)], NOW));
  };
  grant('a/', 'read', 'write');
  grant('b/', 'read');
  grant('a/', 'read');
  const read = verbSetOf(['read']);
  assert.deepEqual(ledger.get(userId('ann')).rights, [
    { prefix: 'a/', verbs: read },
    { prefix: 'b/', verbs: read },
  ]);
  grant('b/');
  assert.deepEqual(ledger.get(userId('ann')).rights, [{ prefix: 'a/', verbs: read }]);
});

test('a revoked identity gets no grant and no token', () => {
  const { ledger } = withAdmin();
  const change = { identity: 'ann', prefix: 'a/', verbs: ALL_VERBS };
  ledger.merge([granted(ledger, change)], NOW);
  ledger.merge([revoked(ledger, userId('ann'), 0)], NOW);
  assert.equal(
    codeOf(() => granted(ledger, change)),
    'bad-parameter',
  );
  const holder = { holder: 'ann', expiresMicros: LATER };
  assert.equal(
    codeOf(() => issued(ledger, holder, random)),
    'bad-parameter',
  );
  assert.equal(
    codeOf(() => issued(ledger, { ...holder, holder: 'eve' }, random)),
    'bad-parameter',
  );
  const long = { ...change, identity: 'bob', prefix: 'x'.repeat(5_000) };
  assert.equal(
    codeOf(() => granted(ledger, long)),
    'bad-parameter',
  );
});

test('a recovery has all rights for its time, is no lasting admin, and takes no other name', () => {
  const { ledger, id } = withAdmin();
  const { records: made, text } = recovery(NOW, random);
  ledger.merge(made, NOW);
  assert.match(nameBy(ledger, text.reveal()) ?? '', /^recovery-/);
  assert.equal(nameBy(ledger, text.reveal(), NOW + RECOVERY_MICROS), undefined);
  const change = revoked(ledger, id, LATER);
  assert.equal(
    codeOf(() => assertAcceptable(ledger, change, NOW)),
    'last-admin',
  );
  const name = { identity: 'recovery-1', prefix: '', verbs: ALL_VERBS };
  assert.equal(
    codeOf(() => granted(ledger, name)),
    'bad-parameter',
  );
});

test('a certificate that was revoked proves nothing', () => {
  const { ledger } = withAdmin();
  const certificate = { name: 'root', serial: '0a1b' };
  assert.equal(ledger.identityOfCertificate(certificate, NOW)?.name, 'root');
  ledger.merge([revoked(ledger, certId('0a1b'), LATER)], NOW);
  assert.equal(ledger.identityOfCertificate(certificate, NOW), undefined);
  assert.equal(ledger.identityOfCertificate({ name: 'eve', serial: '2' }, NOW)?.name, undefined);
});

test('expired records are forgotten late, and never come back', () => {
  const { ledger, id } = withAdmin();
  const old = ledger.all;
  ledger.merge([revoked(ledger, id, LATER)], NOW);
  assert.equal(ledger.forgetOld(LATER + LEDGER_KEEP_MICROS - 1), false);
  assert.equal(ledger.forgetOld(LATER + LEDGER_KEEP_MICROS), true);
  assert.equal(ledger.get(id).version, 0);
  assert.equal(ledger.merge(old, LATER + LEDGER_KEEP_MICROS), false);
});

test('a full ledger takes no new record', () => {
  const { ledger } = withAdmin();
  const many = Array.from({ length: MAX_LEDGER_RECORDS - ledger.size }, (_, i) => ({
    ...emptyRecord(userId(`u${i}`)),
    version: 1,
  }));
  ledger.merge(many, NOW);
  const one = granted(ledger, { identity: 'ann', prefix: '', verbs: 1 });
  assert.equal(
    codeOf(() => assertAcceptable(ledger, one, NOW)),
    'ledger-full',
  );
  const known = granted(ledger, { identity: 'u1', prefix: '', verbs: 1 });
  assert.equal(
    codeOf(() => assertAcceptable(ledger, known, NOW)),
    'accepted',
  );
});

test('records that break the grammar are left out', () => {
  const { ledger, id } = withAdmin();
  const good = ledger.get(id);
  const odd: LedgerRecord[] = [
    { ...good, id: 'thing/x' },
    { ...good, id: 'token/../x' },
    { ...good, version: -1 },
    { ...good, expiresMicros: 0 },
    { ...good, hash: 'x' },
    { ...good, rights: [{ prefix: '', verbs: 1 }] },
    { ...emptyRecord(userId('x')), hash: HASHES[0] as string },
    { ...emptyRecord(userId('x')), rights: [{ prefix: '\ud800', verbs: 1 }] },
    { ...emptyRecord(userId('x')), rights: [{ prefix: '\0x', verbs: 1 }] },
    { ...emptyRecord(userId('x')), rights: [{ prefix: '', verbs: 1 << 20 }] },
  ];
  for (const record of odd) assert.equal(isSound(record), false, JSON.stringify(record));
  assert.equal(new Ledger(odd).size, 0);
});
