/**
 * Commands as data: name, arguments, options, and the function that runs them. `main.ts` makes a
 * command line of them.
 */
import { NODE_NAME_PATTERN } from '../core/causality/actor.ts';
import { parseQuorum, type Quorum } from '../core/quorum/quorum.ts';

/** An argument is invalid. The message tells what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An option of a command. */
export interface OptionSpec {
  /** For example `--name <value>`. */
  readonly flags: string;
  readonly about: string;
  /**
   * Converts the text of the option; `before` is the result of its earlier occurrences. Throws
   * `UsageError`.
   */
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly defaultValue?: unknown;
  /** The environment variable that replaces the option if it is absent. */
  readonly env?: string;
}

/** The arguments of a command, as the user gave them. */
export type CommandArguments = readonly (string | undefined)[];

/** A command. */
export interface CommandSpec {
  readonly name: string;
  /** Another name of the command. */
  readonly alias?: string;
  /** Names of it in other programs. A user who types one learns the name here. */
  readonly elsewhere?: readonly string[];
  readonly about: string;
  /** For example `<key>` or `[value]`, with its meaning. */
  readonly args: readonly (readonly [name: string, about: string])[];
  readonly options: readonly OptionSpec[];
  /** Text at the end of the command's help. */
  readonly notes?: string;
  /** Runs the command. Loads the code for it only then. */
  readonly run: (args: CommandArguments, options: unknown) => Promise<void>;
}

/** A parser for a whole number between `least` and `most`. */
export function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const n = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (!(n >= least && n <= most))
      throw new UsageError(`Expected a whole number from ${least} to ${most}.`);
    return n;
  };
}

/** Checks a name as in a configuration. Throws `UsageError`. */
export function plainName(text: string): string {
  if (NODE_NAME_PATTERN.test(text)) return text;
  throw new UsageError('Expected up to 64 letters, digits, dots, dashes or underscores.');
}

/** A parser for one of `words`. */
export function oneOf(...words: readonly string[]): (text: string) => string {
  return (text) => {
    if (!words.includes(text)) throw new UsageError(`Expected one of ${words.join(', ')}.`);
    return text;
  };
}

/** Parses a time such as `30m` or `2h`, in minutes, up to a day. Throws `UsageError`. */
export function minutesOf(text: string): number {
  const [, digits, unit] = /^(\d{1,4})([mh])$/.exec(text) ?? [];
  const minutes = Number(digits) * (unit === 'h' ? 60 : 1);
  if (minutes >= 1 && minutes <= 1_440) return minutes;
  throw new UsageError('Expected a time from 1m to 24h.');
}

/** Parses a quorum. Throws `UsageError`. */
export function quorumOf(text: string): Quorum {
  const quorum = parseQuorum(text);
  if (quorum !== undefined && !(Number(quorum) > 9)) return quorum;
  throw new UsageError('Expected a whole number from 1 to 9, one, quorum or all.');
}

/** Adds `NAME=VALUE` to the earlier ones. Throws `UsageError`. */
export function namedValue(text: string, before: unknown): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new UsageError('Expected NAME=VALUE.');
  return {
    ...(before as Record<string, string> | undefined),
    [text.slice(0, equals)]: text.slice(equals + 1),
  };
}
