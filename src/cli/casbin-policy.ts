/**
 * Policy files of Casbin (CSV), as far as rights on prefixes and on keys can say the same. All else
 * is refused with its line: a rule that is left out, or understood too widely, would change the
 * meaning of the whole file.
 */
import { StartError } from '../base/errors.ts';
import { isPrefix } from '../core/security/ledger-record.ts';
import { KEY_VERBS, type Verb, VERBS, verbsOf } from '../core/security/verb.ts';
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';

/** The verbs of an identity on all keys with a prefix, or on one key. */
export interface ImportedGrant {
  readonly identity: string;
  readonly prefix?: string;
  readonly key?: string;
  readonly verbs: readonly Verb[];
}

/** The grants in a policy file. Throws `StartError` with the first line that is none. */
export function parseCasbinPolicy(file: string, text: string): ImportedGrant[] {
  const grants = new Map<string, ImportedGrant>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const grant = grantOf(line, (complaint) => new StartError(`${file}:${i + 1}: ${complaint}`));
    const { identity, prefix, key } = grant;
    const id = `${identity} ${prefix === undefined ? `=${key}` : `*${prefix}`}`;
    const verbs = new Set([...(grants.get(id)?.verbs ?? []), ...grant.verbs]);
    grants.set(id, { ...grant, verbs: VERBS.filter((verb) => verbs.has(verb)) });
  }
  return [...grants.values()];
}

function grantOf(line: string, complain: (complaint: string) => StartError): ImportedGrant {
  const [kind, identity = '', object = '', act = '', effect = 'allow', ...more] = line
    .split(',')
    .map((field) => field.trim());
  if (kind !== 'p')
    throw complain(`expected "p, IDENTITY, KEY or PREFIX*, VERB"; there are no roles`);
  if (effect !== 'allow' || more.length > 0)
    throw complain('expected no more than an effect, and no other one than allow');
  if (!NODE_NAME_PATTERN.test(identity)) throw complain(`${identity} is no name of an identity`);
  const isPattern = object.endsWith('*');
  const start = isPattern ? object.slice(0, -1) : object;
  if (/[*?:{}[\]()|^$\\"]/.test(start) || !isPrefix(start) || object === '')
    throw complain(`"${object}" is a pattern; expected a key, or the beginning of keys and one *`);
  const known = isPattern ? VERBS : verbsOf(KEY_VERBS);
  const verbs = act === '*' ? known : known.filter((verb) => verb === act);
  if (verbs.length === 0) throw complain(`expected ${known.join(', ')} or *, got "${act}"`);
  return { identity, ...(isPattern ? { prefix: start } : { key: start }), verbs };
}
