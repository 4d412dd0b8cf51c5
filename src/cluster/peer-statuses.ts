/** The peers of a node in its status. */
import type { Peers } from './membership/peers.ts';
import type { LinkStatus, PeerStatus } from './status.ts';
import type { WallTime } from './wall-time.ts';

/** The status of each peer. */
export const peerStatuses = ({
  peers,
  time,
}: {
  readonly peers: Peers;
  readonly time: WallTime;
}): PeerStatus[] =>
  [...peers.byId.values()].map((peer) => ({
    node: peer.id,
    reach: peers.reach(peer.id),
    refusal: peer.refusal,
    silentMs: roundMs(peers.silenceMs(peer.id)),
    clockSkewMs: roundMs(time.skewMs(peer)),
    latencyMs: Math.round(peer.latency.meanMs * 1000) / 1000,
    data: peer.data.status() as LinkStatus,
    probes: peer.probes.status() as LinkStatus,
  }));

/** Whole milliseconds; undefined if unknown. */
export const roundMs = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms);
