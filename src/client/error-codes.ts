/**
 * The errors of the client: those of nodes, and its own.
 *
 * `ERROR_KINDS` has the codes of nodes with texts for people, which would be a fifth of the client
 * in a web page. Nodes send these texts themselves. A code that this client does not know is of a
 * newer node, so the client knows no list of them.
 */

/** Whether a retry may help after an error of a node. The status of the error says so. */
export const isRetriable = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501);

/** Errors that the client reports by itself, in addition to the codes of nodes. */
export const CLIENT_ERROR_KINDS = {
  deadline: { retriable: true, title: 'No node answered before the deadline' },
  'bad-answer': {
    retriable: true,
    title: 'The answer of a node does not follow the MecDB protocol',
  },
  'bad-value': { retriable: false, title: 'The codec cannot read or write the value' },
} as const;
