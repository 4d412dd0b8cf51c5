/** The node that a command asks if it is given none. */
export const DEFAULT_URL = 'http://127.0.0.1:3000';
