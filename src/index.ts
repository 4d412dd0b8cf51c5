/**
 * The public surface of the package: nodes and clusters in this process. The client is
 * `mec-db/client`.
 */
export { type Config, type SecurityMode } from './cluster/config.ts';
export {
  type MemberStatus,
  type NodeStatus,
  type PeerStatus,
  type StoreStatus,
  type SyncStatus,
} from './cluster/status.ts';
export {
  type EmbeddedNode,
  type JwtConfig,
  type NodeConfig,
  type PolicyConfig,
  startNode,
  type StartNodeOptions,
} from './embed/start-node.ts';
export { type LogConfig } from './embed/log-config.ts';
export { EmbeddedCluster, startCluster, type StartClusterOptions } from './embed/start-cluster.ts';
export { type Log, type LogFields } from './base/env.ts';
export {
  streamLog,
  type LogFormat,
  type LogLevel,
  type StreamLog,
  type StreamLogOptions,
} from './base/stream-log.ts';
export {
  ERROR_KINDS,
  type ErrorCode,
  type ErrorDetails,
  MecError,
  StartError,
} from './base/errors.ts';
