/** The parts of a node, put together: no other file knows them all. */
import type { Env } from '../base/env.ts';
import type { Recorder } from '../base/recorder.ts';
import type { Dot } from '../core/causality/causal-context.ts';
import type { Store } from '../storage/store.ts';
import type { ProtocolRange } from '../transport/protocol.ts';
import type { Quorum } from '../core/quorum/quorum.ts';
import { hasKeys } from './config.ts';
import type { LiveConfig } from './live-config.ts';
import { ConditionalWrites } from './coordinator/conditional-write.ts';
import { Expiry } from './coordinator/expiry.ts';
import { get, type GetParts, type GetRequest, type GetResult } from './coordinator/get.ts';
import { Listings } from './coordinator/list.ts';
import type { PutParts } from './coordinator/put.ts';
import { removeDots } from './coordinator/write.ts';
import { ForwardedWrites } from './holders/forwarded-writes.ts';
import { KeyGrants } from './holders/key-grants.ts';
import { LocalHolder, type LocalParts } from './holders/local.ts';
import { Holders } from './holders/select.ts';
import { StorePacker } from './holders/store-packer.ts';
import type { SyncLimits } from './limits.ts';
import type { ClusterId } from './membership/cluster-id.ts';
import type { Ledger } from '../core/security/ledger.ts';
import type { TokenKeys } from '../core/causality/token-keys.ts';
import { LedgerExchange, type LedgerParts } from './membership/ledger-exchange.ts';
import type { Members } from './membership/members.ts';
import { type Peer, Peers } from './membership/peers.ts';
import { Floors } from './partitions/floors.ts';
import { Partitions } from './partitions/partition-view.ts';
import type { TopKeys } from './insight/top.ts';
import { Telemetry } from './insight/telemetry.ts';
import { Policies } from './policies.ts';
import { Quotas } from './quotas.ts';
import { Scrub } from './sync/scrub.ts';
import { Sync } from './sync/sync.ts';
import { WallTime } from './wall-time.ts';

/** The parts that a node is made of at its start. */
export interface Foundation {
  readonly env: Env;
  readonly config: LiveConfig;
  /** The versions of the protocol that the node speaks. */
  readonly protocol: ProtocolRange;
  /** The life of this process. */
  readonly life: string;
  readonly cluster: ClusterId;
  readonly members: Members;
  readonly tokenKeys: TokenKeys;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly limits: SyncLimits;
  readonly recorder: Recorder;
  readonly top: TopKeys;
}

/** The parts that a node drives, and the parts of its coordinators. */
export interface Assembly extends Foundation {
  readonly floors: Floors;
  readonly peers: Peers;
  readonly time: WallTime;
  readonly policies: Policies;
  readonly sync: Sync;
  readonly scrub: Scrub;
  readonly holders: Holders;
  readonly forwardedWrites: ForwardedWrites;
  readonly reads: GetParts;
  readonly writes: PutParts;
  readonly listings: Listings;
  readonly expiry: Expiry;
  readonly telemetry: Telemetry;
  readonly quotas: Quotas;
  /** Undefined if requests need no credentials. */
  readonly ledgerExchange: LedgerExchange | undefined;
}

/** Puts a node together; nothing runs yet. */
export function assemble(foundation: Foundation): Assembly {
  const { env, config, protocol, life, members, store, limits } = foundation;
  const floors = new Floors(env.clock, members);
  const peers = new Peers(env, members, { floors, protocol });
  const time = new WallTime(env, members, peers);
  const policies = new Policies(config);
  const grants = new KeyGrants(env.clock, life);
  const partitions = new Partitions({
    members,
    floors,
    store,
    clock: env.clock,
    onFence: (partition) => grants.endAll(partition),
    restMs: limits.restMs,
  });
  const writeQuorums = (): Quorum[] => [config.quorum.w, ...policies.writeQuorums()];
  const sync = new Sync({
    env,
    members,
    peers,
    store,
    floors,
    partitions,
    life,
    writeQuorums,
    limits,
    recorder: foundation.recorder,
  });
  const scrub = new Scrub({ env, members, peers, store, limits });
  const forwardedWrites = new ForwardedWrites(`${config.name}~${life}`);
  const nextId = (): string => forwardedWrites.nextId();

  const telemetry = new Telemetry(foundation);
  const { siblings } = telemetry;
  const onSiblings: LocalParts['onSiblings'] = (request, written) =>
    siblings.note(request, written);
  const local = { env, members, partitions, store, policies, time, grants, onSiblings };
  const own = new LocalHolder(local);
  const packer = new StorePacker(floors);
  const onMissed = (peer: Peer): void => sync.onPeerMissed(peer);
  const holders = new Holders({
    env,
    members,
    peers,
    partitions,
    own,
    packer,
    onMissed,
    nextWriteId: nextId,
  });

  const { observer } = telemetry;
  const reads = { env, holders, partitions, policies, time, observer };
  const quotas = new Quotas({ ...foundation, peers });
  const coordinators = coordinatorsOf({ ...reads, quotas }, nextId, telemetry.recorder);
  const ledgerExchange = ledgerExchangeOf({ ...foundation, peers, time });
  const driven = { floors, peers, time, policies, sync, scrub, holders, forwardedWrites };
  return { ...foundation, ...driven, telemetry, quotas, reads, ...coordinators, ledgerExchange };
}

/** The exchange of the ledger; undefined if nodes have no keys. */
function ledgerExchangeOf(
  parts: Foundation & Pick<LedgerParts, 'peers' | 'time'>,
): LedgerExchange | undefined {
  const { maxAgeMs, mode } = parts.config.security;
  return hasKeys(mode)
    ? new LedgerExchange({ ...parts, maxAgeMs, isFixed: mode !== 'on' })
    : undefined;
}

/** The parts that all coordinators share. */
interface Reads extends GetParts {
  readonly env: Env;
  readonly holders: Holders;
  readonly partitions: Partitions;
  readonly time: WallTime;
}

/** The coordinators of writes, listings and expiry, on the parts of reads. */
function coordinatorsOf(
  parts: Reads & Pick<Assembly, 'quotas'>,
  nextBallot: () => string,
  recorder: Recorder,
): Pick<Assembly, 'writes' | 'listings' | 'expiry'> {
  const { env, holders } = parts;
  const read = (request: GetRequest): Promise<GetResult> => get(parts, request);
  const conditionals = new ConditionalWrites({ ...parts, nextBallot });
  const writes = { ...parts, conditionals, get: read };
  const listings = new Listings({ env, holders, get: read });
  const remove = (key: string, dots: readonly Dot[]): Promise<void> => {
    recorder.expiredVersions += dots.length;
    return removeDots(writes, key, dots);
  };
  return { writes, listings, expiry: new Expiry({ ...parts, remove }) };
}
