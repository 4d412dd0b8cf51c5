/** The parts of planted bugs, and the draws that show them. */

/** A text in a file, and the text in its place. */
export interface Patch {
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

/** One broken rule. */
export interface Bug extends Patch {
  readonly name: string;
  /** More places, if other rules would prevent the harm. */
  readonly also?: readonly Patch[];
  /** Whether only runs with identities (`ledger-run.ts`) can show it. */
  readonly isOfLedger?: boolean;
  /** A draw for this bug, if the mix of all seeds rarely shows it. */
  readonly draw?: Readonly<Record<string, unknown>>;
}

/** Short logs and pages, and no scrub that would mend the harm of a snapshot. */
export const MANY_SNAPSHOTS = {
  maxLogEntries: 4,
  logCutEntries: 1,
  pageDots: 1,
  concurrency: 1,
  scrubMs: 1e9,
};

/** Many keys with one clock, and users that write all the time. */
export const BUSY = { keysEach: 8, partitions: 1, idleRate: 1, chaosMs: 12_000 };

/** Short faults, one after the other. */
export const OFTEN = { chaosMs: 12_000, faultGapMs: 1_000, faultMs: 4_000 };

/** The usual quorums, for which the promises of reads are certain. */
export const USUAL = { n: 3, r: 'quorum', w: 'quorum' };

export const PATIENT = { timeoutMs: 8_000 };

/** Conditional writes, one of which is held up until another has taken its place. */
export const RIVALS = {
  faults: ['coordinator held up until its grants run out'],
  operationNames: ['match'],
  nodes: 3,
  operations: 160,
  set: {
    keysEach: 1,
    networkMs: 20,
    chaosMs: 16_000,
    faultGapMs: 1_000,
    faultMs: 15_000,
    // Most clients wait long, and one soon tries another node.
    queries: [{ timeoutMs: 500 }, PATIENT, PATIENT, PATIENT],
  },
};

/** Plain quorums of the present owners only: otherwise they prevent the harm of an old list. */
export const NO_NEXT_OWNERS: Patch = {
  file: 'src/core/quorum/joint-tally.js',
  good: '=> nextOwners !== owners &&',
  bad: '=> false &&',
};
