/**
 * The table of all faults: their effects, and their ends. The seed decides which faults strike,
 * when and how often.
 */
import { CRASHES } from './crashes.ts';
import { DISK_FAULTS, DISK_LOSSES } from './disk-faults.ts';
import { STALE_LISTS } from './stale-lists.ts';
import { LOST_ACKNOWLEDGEMENTS } from './lost-acknowledgements.ts';
import { MARKED_KEYS } from './marked-keys.ts';
import { MEMBERSHIP_FAULTS } from './membership-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { OWNER_CHANGES } from './owner-changes.ts';
import type { Fault } from './scene.ts';
import { SITUATIONS } from './situations.ts';

/** The least durations of situations, ms: they need this time to develop. */
export const MIN_FAULT_MS: Readonly<Record<string, number>> = {
  'owners come and go': 24_000,
  'fallbacks away': 32_000,
  'fallbacks are back, and the owners cannot ask them': 24_000,
  'wiped, and much later put back': 26_000,
  'owners out of reach, and back': 12_000,
  'coordinator held up until its grants run out': 6_000,
  'sender wiped between two pages of a snapshot': 6_000,
  'wiped while another lags': 6_000,
  'wiped, then alone': 3_000,
  'crash in mid-write, then alone': 3_000,
  'an owner loses a write that it has acknowledged': 8_000,
  'an owner that filled another starts again': 12_000,
  'a wiped node hears one that does not hear it': 12_000,
  'all are killed, and each is alone': 6_000,
  'all are killed as a node joins': 16_000,
  'a key damaged under a snapshot': 14_000,
  'an owner is replaced while a write waits': 22_000,
};

/** Whether a fault makes a disk lose rows. */
export const isDiskLoss = (name: string): boolean => Object.hasOwn(DISK_LOSSES, name);

/** All faults by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...CRASHES,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...DISK_LOSSES,
  ...MEMBERSHIP_FAULTS,
  ...SITUATIONS,
  ...LOST_ACKNOWLEDGEMENTS,
  ...STALE_LISTS,
  ...MARKED_KEYS,
  ...OWNER_CHANGES,
};
