/**
 * Commands as data: what they are called, what they take, and which file runs them. `main.ts` makes
 * a command line of them.
 */
import { parseQuorum, type Quorum } from '../core/quorum/quorum.ts';

/** Says what is wrong with an argument. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One option. */
export interface OptionSpec {
  /** As in `--name <value>`. */
  readonly flags: string;
  readonly about: string;
  /** Makes a value of the text, and of what earlier occurrences made; throws `UsageError`. */
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly defaultValue?: unknown;
  /** The environment variable that stands in for it. */
  readonly env?: string;
}

/** The arguments of a command, as they were given. */
export type CommandArguments = readonly (string | undefined)[];

/** One command. */
export interface CommandSpec {
  readonly name: string;
  /** Another name of the same command. */
  readonly alias?: string;
  readonly about: string;
  /** As in `<key>` or `[value]`, with what it means. */
  readonly args: readonly (readonly [name: string, about: string])[];
  readonly options: readonly OptionSpec[];
  /** Stands at the end of its help. */
  readonly notes?: string;
  /** Runs it; the file that can is loaded only then. */
  readonly run: (args: CommandArguments, options: unknown) => Promise<void>;
}

/** Reads a whole number within bounds. */
export function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(n >= least && n <= most)) throw new UsageError(`Expected a whole number from ${least} to ${most}.`);
    return n;
  };
}

/** Reads one of some words. */
export function oneOf(...words: readonly string[]): (text: string) => string {
  return (text) => {
    if (!words.includes(text)) throw new UsageError(`Expected ${words.join(', ')}.`);
    return text;
  };
}

/** Reads a quorum. */
export function quorumOf(text: string): Quorum {
  const quorum = parseQuorum(text);
  if (quorum !== undefined && !(Number(quorum) > 9)) return quorum;
  throw new UsageError('Expected a whole number from 1 to 9, one, quorum or all.');
}

/** Collects `NAME=VALUE`. */
export function namedValue(text: string, before: unknown): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError('Expected NAME=VALUE.');
  return { ...(before as Record<string, string> | undefined), [text.slice(0, equals)]: text.slice(equals + 1) };
}
