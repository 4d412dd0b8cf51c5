/** Media types of values. */

/** Whether a Content-Type is JSON or a JSON-based type (RFC 6839), with or without parameters. */
export const isJsonType = (contentType: string): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType);
