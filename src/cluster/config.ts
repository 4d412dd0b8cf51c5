/** The configuration of a node, as `config` and programs that embed nodes pass it in. */
import type { LogFormat, LogLevel } from '../base/stream-log.ts';
import type { Address } from '../base/env.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import type { Policy } from './policies.ts';

/**
 * How a node protects its ports. `open` needs no credentials, so it serves only programs of its own
 * machine. `insecure` needs none either, and serves any network. With `on`, each request over HTTP
 * proves an identity, and does what this identity may do. `migrating` takes both, for the days in
 * which the nodes of a cluster get their keys.
 */
export const SECURITY_MODES = ['open', 'insecure', 'migrating', 'on'] as const;

/** One of `SECURITY_MODES`. */
export type SecurityMode = (typeof SECURITY_MODES)[number];

/** The issuer of JSON Web Tokens whose identities the cluster knows. */
export interface JwtRules {
  readonly issuer: string;
  readonly audience: string;
  /** The file or the URL with the public keys. */
  readonly keys: string;
  /** The claim with the name of the identity. */
  readonly claim: string;
  /** The beginning of the names of all these identities. */
  readonly prefix: string;
}

/** Whether nodes of a mode have keys. */
export const hasKeys = (mode: SecurityMode): boolean => mode === 'on' || mode === 'migrating';

/** The address of a node, and its name if the configuration has it. */
export interface NamedAddress extends Address {
  readonly name?: string | undefined;
}

/** The whole configuration of a node. */
export interface Config {
  /** Unique in the cluster. */
  readonly name: string;
  /**
   * The name of the cluster, which guards against addresses of another one. Nodes with different
   * names refuse each other.
   */
  readonly cluster?: string | undefined;
  /** Address to bind, and the one by which the other nodes know this one. */
  readonly host: string;
  /** Membership; `port + 1` carries data. */
  readonly port: number;
  readonly httpport: number;
  /** Data directory. */
  readonly root: string;
  /**
   * A place that may fail as a whole, such as a rack. No two owners of a key share a zone as long
   * as there are enough zones. The zone and weight of a member are those with which it joined.
   */
  readonly zone: string | undefined;
  /** The share of data that this node takes, relative to the others. */
  readonly weight: number;
  /** Addresses of nodes of the cluster. This node may be among them. */
  readonly nodes: readonly NamedAddress[];
  readonly quorum: {
    readonly n: number;
    readonly r: Quorum;
    readonly w: Quorum;
    readonly timeoutMs: number;
  };
  readonly storage: {
    readonly sync: boolean;
    /** The file of the master key, or a command that prints it; without them no encryption. */
    readonly masterKeyFile?: string | undefined;
    readonly masterKeyCommand?: string | undefined;
  };
  readonly security: {
    readonly mode: SecurityMode;
    /**
     * The time without contact to a majority of the cluster after which a node refuses requests,
     * because its ledger may be old.
     */
    readonly maxAgeMs: number;
    /** Requests that one identity may send to this node in a second. */
    readonly requestsPerSecond: number;
    /** Bytes of its requests and answers in a second; undefined if they are not limited. */
    readonly bytesPerSecond?: number | undefined;
    /** Undefined if JSON Web Tokens are no proof. */
    readonly jwt?: JwtRules | undefined;
  };
  readonly http: {
    readonly maxValueBytes: number;
    /**
     * The origins of pages that may send requests to this node from a browser, such as
     * `https://app.example`, or `*` for all.
     */
    readonly origins: readonly string[];
    /**
     * Names in `Host` that stand for this node, in addition to its name, its host, `localhost` and
     * all IP addresses; or `*` for all.
     */
    readonly hosts: readonly string[];
    /**
     * Addresses and networks of proxies. Other addresses get a part of the connections, places and
     * memory of the node.
     */
    readonly proxies: readonly string[];
    /** Whether tokens without a signature count. */
    readonly unsignedTokens: boolean;
    /** Whether the node serves the dashboard. */
    readonly ui: boolean;
  };
  readonly log: {
    readonly format: LogFormat;
    readonly level: LogLevel;
    /** Operations that take longer are logged; Infinity logs none. */
    readonly slowMs: number;
    /** Whether the log names keys. If not, it has hashes of them. */
    readonly keys: boolean;
  };
  /** The policies for keys with a prefix. */
  readonly policies: readonly Policy[];
}
