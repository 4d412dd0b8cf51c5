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

/** The exit codes of `mec status` and `mec doctor`, by the verdict on the cluster. */
export const HEALTH_EXIT = { ok: 0, degraded: 1, critical: 2 } as const;

/** The exit codes, for help texts. */
export const EXIT_HELP = `
Exit codes:
  0  done
  1  failed, or refused by the node
  2  usage error
  3  there is no value under the key
  4  the key has several values; choose one, or merge them
  5  the cluster cannot answer now; the same command may work later`;

/** The same for `mec status` and `mec doctor`. */
export const HEALTH_EXIT_HELP = `
Exit codes:
  0  all is well
  1  degraded, or failed: requests are served, and an operator should look
  2  critical, or a usage error: some keys cannot be served
  5  no node answers now`;
