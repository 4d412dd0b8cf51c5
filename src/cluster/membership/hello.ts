/**
 * The hello: the identity of a node, which every probe and its answer begin with. It shows whether
 * the other node belongs to this cluster, before anything else is exchanged.
 */
import type { Log } from '../../base/env.ts';
import { PARTITIONS } from '../../core/limits.ts';
import type { Identity } from '../../transport/message.ts';
import type { ProtocolRange } from '../../transport/protocol.ts';
import type { Config } from '../config.ts';
import type { ClusterId } from './cluster-id.ts';
import type { Members } from './members.ts';
import type { Peer, Peers } from './peers.ts';
import { Warnings } from './warnings.ts';

/** The parts of a node that its hello uses. */
export interface HelloOptions {
  readonly config: Config;
  readonly protocol: ProtocolRange;
  /** The life of this process. */
  readonly life: string;
  readonly cluster: ClusterId;
  readonly members: Members;
  readonly peers: Peers;
  readonly log: Log;
}

/** Why a node does not belong here. */
export interface NodeRefusal {
  /** The reason. It is sent to that node, so "it" means that node. */
  readonly reason: string;
  /** Whether the node belongs to another cluster, and so will not be a member soon. */
  readonly isStranger: boolean;
}

/** The identity of this node, and its judgement of others. */
export class Hello {
  readonly warnings: Warnings;
  readonly #options: HelloOptions;
  readonly #fixed: Omit<Identity, 'cluster' | 'isMember'>;

  constructor(options: HelloOptions) {
    const { config, life, protocol } = options;
    const { name, host, port, quorum } = config;
    this.#options = options;
    this.warnings = new Warnings(options.log);
    const own = { name, process: life, host, port, partitions: PARTITIONS, n: quorum.n };
    this.#fixed = { ...own, clusterName: config.cluster, ...protocol };
  }

  /** The identity of this node now. */
  get identity(): Identity {
    const { marks, isMember } = this.#options.cluster;
    return { ...this.#fixed, cluster: marks, isMember };
  }

  /** Returns why a node does not belong here; undefined if it does. */
  refusalOf(other: Identity): NodeRefusal | undefined {
    const strange = this.#strangenessOf(other);
    if (strange !== undefined) return { reason: strange, isStranger: true };
    const reason = this.#mistakeOf(other);
    return reason === undefined ? undefined : { reason, isStranger: false };
  }

  #strangenessOf(other: Identity): string | undefined {
    const { cluster } = this.#options;
    if (cluster.relationTo(other) !== 'stranger') return undefined;
    return `it belongs to the cluster ${other.cluster[0]}, and this node to ${cluster.text}`;
  }

  #mistakeOf(other: Identity): string | undefined {
    const { members, peers } = this.#options;
    const { host, port, process, clusterName } = this.#fixed;
    if (other.process === process) return 'it is the very node that it talks to';
    if (other.partitions !== PARTITIONS)
      return `it has ${other.partitions} partitions, this cluster ${PARTITIONS}`;
    const isOther = other.clusterName !== undefined && clusterName !== undefined;
    if (isOther && other.clusterName !== clusterName)
      return `its configuration names the cluster ${other.clusterName}, that of others ${clusterName}`;
    if (other.n !== members.n) return `its quorum.n is ${other.n}, that of others ${members.n}`;
    if (other.name === members.self) return `the name ${other.name} is taken, by ${host}:${port}`;
    const namesake = peers.byId.get(other.name);
    const isElsewhere =
      namesake !== undefined && (namesake.host !== other.host || namesake.port !== other.port);
    if (
      isElsewhere &&
      namesake.remote?.process !== other.process &&
      peers.reach(other.name) === 'reachable'
    ) {
      return `the name ${other.name} is taken, by ${namesake.host}:${namesake.port}`;
    }
    return undefined;
  }

  /** Whether the node that answers at the address of a peer is that peer, and belongs here. */
  accepts(peer: Peer, from: Identity): boolean {
    const { log } = this.#options;
    const refusal = this.refusalOf(from);
    const isStranger = refusal?.isStranger === true;
    const isOther = from.name !== peer.id && !isStranger;
    const reason = isOther ? `${from.name} answers at its address` : refusal?.reason;
    if (isStranger) this.noteStranger(from);
    else if (reason !== undefined && reason !== peer.refusal)
      log.error('node refused', { node: peer.id, reason });
    peer.refusal = reason;
    peer.isStranger = isStranger || isOther;
    return reason === undefined;
  }

  /** Logs that another node is refused; each cluster and each reason once. */
  noteRefused(other: Identity, { reason, isStranger }: NodeRefusal): void {
    const { name: node, host, port } = other;
    if (isStranger) this.noteStranger(other);
    else this.warnings.write('a node does not belong here', { node, host, port, reason });
  }

  /** Logs a node of another cluster; each cluster once. */
  noteStranger({ name, host, port, cluster: [id = ''] }: Identity): void {
    const { cluster } = this.#options;
    const fields = { node: name, host, port, cluster: id, own: cluster.text };
    this.warnings.write('node of another cluster refused', fields, id);
  }
}
