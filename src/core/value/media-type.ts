/** What a Content-Type says of a value. */

/** Whether it names JSON, or something written in JSON (RFC 6839), with or without parameters. */
export const isJsonType = (contentType: string): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType);
