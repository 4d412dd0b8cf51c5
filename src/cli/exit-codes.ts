/** What the exit code of every command means. Scripts rely on it. */

/** Exit codes by name. */
export const EXIT = {
  done: 0,
  /** Also: a node that finds its disk full when it starts. */
  failed: 1,
  /** Also: a node that cannot be started as it is configured. */
  usage: 2,
  missing: 3,
  siblings: 4,
  unavailable: 5,
} as const;

/** The same, for people. */
export const EXIT_HELP = `
Exit codes:
  0  done
  1  failed, or refused by the node
  2  not a command that makes sense
  3  there is no value under the key
  4  the key has several values, and nothing says which is meant
  5  the cluster cannot answer now; the same command may work later`;
