/**
 * The codes of the client's errors: those of nodes, and its own.
 *
 * `ERROR_KINDS` has the codes of nodes with texts for people, which would be a fifth of the client
 * in a web page. Nodes send these texts themselves. A code that this client does not know is of a
 * newer node, so the client knows no list of them.
 */

/** The codes of errors that the client reports by itself. */
export const OWN_CODES = ['deadline', 'bad-answer', 'bad-value'] as const;

/**
 * Whether a retry may help after an error of a node. The status says so, but of the full ones:
 * other disks may have room, and a quota is that of all nodes.
 */
export const isRetriable = (status: number, code: string): boolean =>
  status === 408 ||
  status === 429 ||
  (status >= 500 && status !== 501 && code !== 'quota-exceeded');
