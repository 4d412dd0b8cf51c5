/**
 * Everything that the page has from others: the library that draws it, and the parser of the
 * client. The build puts those modules next to this one.
 */
export { type ComponentChildren, Fragment, h, type JSX, render } from 'preact';
export { useEffect, useRef, useState } from 'preact/hooks';
export { parseMultipart, type ReceivedPart } from '../../client/multipart.ts';
