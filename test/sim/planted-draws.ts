/** What planted bugs are made of, and draws that show them. */

/** A place in a file, and what stands there in its stead. */
export interface Patch {
  readonly file: string;
  readonly good: string;
  readonly bad: string;
}

/** One broken rule. */
export interface Bug extends Patch {
  readonly name: string;
  /** If one place is not enough, because lines of defence stand behind each other. */
  readonly also?: readonly Patch[];
  /** A draw of its own, if the mix of everything has too little of what shows it. */
  readonly draw?: Readonly<Record<string, unknown>>;
}

/** Short logs, few keys to a page, and no scrub that would mend what a snapshot has spoilt. */
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

/** What reads promise is known for certain. */
export const USUAL = { n: 3, r: 'quorum', w: 'quorum' };

export const PATIENT = { timeoutMs: 8_000 };

/** Conditional writes of which the one is held up until another has taken its place. */
export const RIVALS = {
  faults: ['coordinator held up until its grants run out'],
  habits: ['match'],
  nodes: 3,
  operations: 160,
  set: {
    keysEach: 1,
    networkMs: 20,
    chaosMs: 16_000,
    faultGapMs: 1_000,
    faultMs: 15_000,
    // Those that wait for long, and one that soon tries elsewhere.
    queries: [{ timeoutMs: 500 }, PATIENT, PATIENT, PATIENT],
  },
};
