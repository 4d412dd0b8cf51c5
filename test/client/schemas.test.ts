/** `json(schema)` with the schemas of other packages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodecError, json, MecClient, type StandardSchema } from '../../src/client/index.ts';
import { answer, fakeNode } from '../fixtures/fake-node.ts';
import { host, NOT_INSTALLED } from '../fixtures/hosts.ts';

interface User {
  readonly name: string;
  readonly age: number;
}

interface Valibot {
  object(entries: object): StandardSchema<User>;
  string(): unknown;
  number(): unknown;
}
interface Zod {
  readonly z: Valibot;
}
interface ArkType {
  type(definition: object): StandardSchema<User>;
}

const zod = host('zod') as Zod | undefined;
const valibot = host('valibot') as Valibot | undefined;
const arktype = host('arktype') as ArkType | undefined;

/** A schema of this test, whose answers come later, and which changes what it has checked. */
const later: StandardSchema<User> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const { name, age } = value as User;
      if (typeof age !== 'number') return { issues: [{ message: 'no number', path: ['age'] }] };
      return { value: { name, age } };
    },
  },
};

const SCHEMAS: Readonly<Record<string, StandardSchema<User> | undefined>> = {
  zod: zod?.z.object({ name: zod.z.string(), age: zod.z.number() }),
  valibot: valibot?.object({ name: valibot.string(), age: valibot.number() }),
  arktype: arktype?.type({ name: 'string', age: 'number' }),
  'a schema with promises': later,
};

for (const [name, schema] of Object.entries(SCHEMAS)) {
  describe(`json with ${name}`, { skip: schema === undefined ? NOT_INSTALLED : false }, () => {
    const clientOf = async (t: Parameters<typeof fakeNode>[0], value: unknown) =>
      new MecClient<User>((await fakeNode(t, answer(value))).url, {
        codec: json(schema ?? assert.fail()),
      });

    test('a value that fits is read', async (t) => {
      const read = await (await clientOf(t, { name: 'Ann', age: 40 })).get('k');
      assert.ok(read.kind === 'value');
      assert.deepEqual({ ...read.value }, { name: 'Ann', age: 40 });
    });

    test('a value that does not fit is a CodecError that names the place', async (t) => {
      const client = await clientOf(t, { name: 'Ann', age: 'forty' });
      await assert.rejects(client.get('k'), (error) => {
        assert.ok(error instanceof CodecError);
        assert.match(error.message, /age/);
        return true;
      });
    });
  });
}
