/**
 * Certificates of a cluster: an authority that signs, and certificates of nodes and users. This
 * file alone knows their format (RFC 5280); keys are those of Node.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { Random } from '../base/env.ts';
import { Secret } from '../base/secret.ts';
import { microsToDate } from '../base/system.ts';

/** A certificate and its key, as PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: Secret;
}

/** The subject and the life of a certificate. */
export interface CertificateTerms {
  readonly commonName: string;
  /** Hosts, addresses and URIs that it is for. */
  readonly hosts?: readonly string[];
  readonly uris?: readonly string[];
  readonly fromMicros: number;
  readonly untilMicros: number;
  /** The authority that signs; undefined for an authority that signs itself. */
  readonly by?: KeyedCertificate;
}

const COMMON_NAME = '2.5.4.3';
const SUBJECT_ALT_NAME = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const KEY_USAGE = '2.5.29.15';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** The kinds of names in `SUBJECT_ALT_NAME`. */
const DNS_NAME = 2;
const URI_NAME = 6;
const IP_NAME = 7;
/** The uses of a certificate: as a server, or as a client. */
const SERVER_USE = '1.3.6.1.5.5.7.3.1';
const CLIENT_USE = '1.3.6.1.5.5.7.3.2';
/** The bits of `KEY_USAGE`: a certificate signs data, an authority signs certificates and lists. */
const SIGNS_DATA = Uint8Array.of(0x80);
const SIGNS_CERTIFICATES = Uint8Array.of(0x06);

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** Makes a key and its certificate: P-256, signed with SHA-256. */
export async function makeCertificate(
  terms: CertificateTerms,
  random: Random,
): Promise<KeyedCertificate> {
  const { by } = terms;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: P256.namedCurve });
  const signer = by === undefined ? privateKey : createPrivateKey(by.key.reveal());
  return {
    certificate: await sign(terms, { publicKey, signer, random }),
    key: new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  };
}

/** The terms of a certificate for a key that only another machine has. */
export interface SigningTerms extends CertificateTerms {
  readonly by: KeyedCertificate;
  /** The public key (P-256), as PEM. */
  readonly publicKey: string;
}

/** Signs the key of another machine. Resolves with the certificate, as PEM. */
export const signCertificate = (terms: SigningTerms, random: Random): Promise<string> =>
  sign(terms, {
    publicKey: createPublicKey(terms.publicKey),
    signer: createPrivateKey(terms.by.key.reveal()),
    random,
  });

interface Signing {
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly random: Random;
}

async function sign(
  terms: CertificateTerms,
  { publicKey, signer, random }: Signing,
): Promise<string> {
  const { by } = terms;
  const certificate = new pkijs.Certificate({ version: 2, extensions: extensionsOf(terms) });
  certificate.serialNumber = new asn1js.Integer({ valueHex: drawSerial(random).buffer });
  certificate.subject.typesAndValues.push(
    new pkijs.AttributeTypeAndValue({
      type: COMMON_NAME,
      value: new asn1js.Utf8String({ value: terms.commonName }),
    }),
  );
  certificate.issuer = by === undefined ? certificate.subject : subjectOf(by);
  certificate.notBefore.value = microsToDate(terms.fromMicros);
  certificate.notAfter.value = microsToDate(terms.untilMicros);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  certificate.subjectPublicKeyInfo.fromSchema(asn1js.fromBER(spki).result);
  await certificate.sign(await toSubtle(signer), 'SHA-256');
  const der = Buffer.from(certificate.toSchema(true).toBER());
  return new X509Certificate(der).toString();
}

/** A positive number of 120 random bits, which needs no further byte for its sign. */
function drawSerial(random: Random): Uint8Array<ArrayBuffer> {
  const words = Uint32Array.from({ length: 4 }, () => random.uint32());
  const serial = new Uint8Array(words.buffer).slice(0, 15);
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
  return serial;
}

const subjectOf = ({ certificate }: KeyedCertificate): pkijs.RelativeDistinguishedNames =>
  pkijs.Certificate.fromBER(new X509Certificate(certificate).raw).subject;

const toSubtle = (key: KeyObject): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), P256, false, [
    'sign',
  ]);

function extensionsOf({ hosts = [], uris = [], by }: CertificateTerms): pkijs.Extension[] {
  const isAuthority = by === undefined;
  const usage = new asn1js.BitString({ valueHex: isAuthority ? SIGNS_CERTIFICATES : SIGNS_DATA });
  const constraints = new pkijs.BasicConstraints({ cA: isAuthority }).toSchema();
  const extensions = [
    extension(BASIC_CONSTRAINTS, constraints, true),
    extension(KEY_USAGE, usage, true),
  ];
  const ofUris = uris.map((value) => new pkijs.GeneralName({ type: URI_NAME, value }));
  const altNames = [...hosts.map(nameOfHost), ...ofUris];
  if (altNames.length > 0)
    extensions.push(extension(SUBJECT_ALT_NAME, new pkijs.AltName({ altNames }).toSchema()));
  if (isAuthority) return extensions;
  const keyPurposes = [hosts.length > 0 ? SERVER_USE : CLIENT_USE];
  const purposes = new pkijs.ExtKeyUsage({ keyPurposes }).toSchema();
  return [...extensions, extension(EXTENDED_KEY_USAGE, purposes)];
}

const extension = (extnID: string, value: asn1js.BaseBlock, critical = false): pkijs.Extension =>
  new pkijs.Extension({ extnID, critical, extnValue: value.toBER(false) });

/** The name of a host in a certificate: an address has its own kind. */
function nameOfHost(host: string): pkijs.GeneralName {
  const version = isIP(host);
  if (version === 0) return new pkijs.GeneralName({ type: DNS_NAME, value: host });
  const value = new asn1js.OctetString({ valueHex: bytesOfAddress(host, version).buffer });
  return new pkijs.GeneralName({ type: IP_NAME, value });
}

/** The bytes of an IP address. */
function bytesOfAddress(address: string, version: number): Uint8Array<ArrayBuffer> {
  if (version === 4) return Uint8Array.from(address.split('.').map(Number));
  const [before = '', after] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groupsOf = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groupsOf(before), groupsOf(after ?? '')];
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  const groups = [...left, ...zeros, ...right];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
