/** The exit codes of all commands. Scripts rely on them. */

/** Exit codes by name. */
export const EXIT = {
  done: 0,
  /** Includes a node that finds its disk full at the start. */
  failed: 1,
  /** Includes a node that cannot start with its configuration. */
  usage: 2,
  missing: 3,
  siblings: 4,
  unavailable: 5,
} as const;

/** The exit codes, for help texts. */
export const EXIT_HELP = `
Exit codes:
  0  done
  1  failed, or refused by the node
  2  usage error
  3  there is no value under the key
  4  the key has several values; choose one, or merge them
  5  the cluster cannot answer now; the same command may work later`;
